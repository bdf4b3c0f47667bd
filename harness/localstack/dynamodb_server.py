"""Serve DynamoDB and its streams to LocalStack; runs under the interpreter of ``.emulator``.

LocalStack's own backend is a Java program that it downloads. This is the emulator of the embedded target with
nothing but its DynamoDB in use; LocalStack starts it (plugins/dynamodb.py) and gives its settings in the
environment. It ends with LocalStack, whose end closes this process's standard input.
"""

import os
import signal
import sys
import threading


def main() -> None:
    """Serve until SIGTERM, or until LocalStack ends."""
    sys.path.pop(0)  # the emulator can import nothing of the project
    threading.Thread(target=end_with_localstack, daemon=True).start()

    from hypercorn.config import Config
    from ministack.app import main as serve

    # LocalStack keeps idle connections, which would hold up the end for 3 s.
    Config.graceful_timeout = 0.5
    sys.argv = ["ministack"]
    serve()


def end_with_localstack() -> None:
    """Wait for the end of standard input, which is LocalStack's."""
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
