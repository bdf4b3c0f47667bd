"""Start the emulator with this project's patches; runs under the interpreter of ``.emulator``.

The harness gives the settings in the environment (see harness/embedded/emulator.py). Each patch replaces
private functions of the pinned emulator, so a new version of it means: run tests/emulated/test_target_*.py.
"""

import gc
import sys
import threading
from pathlib import Path

import yaml


def main() -> None:
    """Apply every patch, then serve until SIGTERM."""
    # The folder of this file only, so that the emulator can import nothing else of the project.
    sys.path[0] = str(Path(__file__).resolve().parent)
    gc.disable()  # what is imported stays: looking through it for garbage takes a fifth of the start
    # Before anything derives a loader of its own: our largest template takes 0.5 s in Python.
    vars(yaml).update(SafeLoader=yaml.CSafeLoader, SafeDumper=yaml.CSafeDumper)
    from patches import (
        bounded_environments,
        code_updates,
        gateway_import,
        invocation_logs,
        kinesis_retention,
        python_runtime,
        secret_strings,
        stream_retries,
        stream_state,
    )

    python_runtime.apply()  # first: others build on its worker
    for patch in (
        invocation_logs,
        code_updates,
        bounded_environments,
        gateway_import,
        kinesis_retention,
        secret_strings,
        stream_retries,
        stream_state,
    ):
        patch.apply()

    from early_imports import import_beside
    from hypercorn.config import Config
    from ministack.app import main as serve
    from ministack.core import lambda_runtime

    # Clients that keep idle connections would hold up the end for 3 s.
    Config.graceful_timeout = 0.5
    gc.enable()
    threading.Thread(target=import_beside, daemon=True).start()
    sys.argv = ["ministack"]
    try:
        serve()
    finally:
        lambda_runtime.reset()  # else the workers outlive the emulator that feeds them


if __name__ == "__main__":
    main()
