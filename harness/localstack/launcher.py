"""Start LocalStack as a plain process; runs under the interpreter of ``.localstack``.

The harness gives the settings in the environment (see harness/localstack/process.py). The plug-ins replace
parts of LocalStack 4.14.0, the version that requirements/localstack pins, so a new version of it means: run
tests/emulated on LocalStack.
"""

import sys
from pathlib import Path


def main() -> None:
    """Put the plug-ins in, then serve until SIGTERM."""
    # The folder of this file only, so that LocalStack can import nothing else of the project.
    sys.path[0] = str(Path(__file__).resolve().parent)
    from plugins import bounded_environments, dynamodb, function_processes, kinesis, loopback, whole_reads

    for plugin in (loopback, dynamodb, kinesis, function_processes, bounded_environments, whole_reads):
        plugin.apply()

    from localstack.runtime.main import main as serve

    serve()


if __name__ == "__main__":
    main()
