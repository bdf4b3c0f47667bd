"""Call a handler over and over, as the Lambda runtime would; runs under the interpreter of ``.lambda``.

``python handler_loop.py MODULE COUNT < event.json``, with the deployed package on the path and the function's
variables in the environment.
"""

import importlib
import json
import sys
from types import SimpleNamespace


def main() -> None:
    """Make the calls.

    Raises:
        RuntimeError: an answer is not 200.
    """
    module, count = sys.argv[1], int(sys.argv[2])
    event = json.load(sys.stdin)
    handle = importlib.import_module(module).handle
    context = SimpleNamespace(
        function_name="profiled",
        function_version="$LATEST",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:profiled",
        aws_request_id="00000000-0000-0000-0000-000000000000",
        get_remaining_time_in_millis=lambda: 10_000,
    )
    for _ in range(count):
        answer = handle(event, context)
        if answer["statusCode"] != 200:
            raise RuntimeError(f"answered {answer['statusCode']}: {answer['body']}")


if __name__ == "__main__":
    main()
