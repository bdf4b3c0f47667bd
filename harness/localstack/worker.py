"""Run one function through AWS's runtime interface client; runs under the interpreter of ``.lambda``.

    worker.py HANDLER

Differs from ``python -m awslambdaric HANDLER`` in one thing: it ends with the emulator that started it. The
emulator holds the other end of standard input and never writes to it, so its end is the emulator's end, even
where a function computes for ever and nobody was left to stop it.
"""

import _thread  # threading would show the function a thread that AWS has not
import os
import sys


def main() -> None:
    """Serve invocations until the emulator ends or kills this process."""
    end_with_emulator()
    # As with AWS: the function's own folder comes first, and this file's is not there at all.
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]
    from awslambdaric.__main__ import main as serve

    serve(sys.argv)


def end_with_emulator() -> None:
    """Watch standard input in the background, and leave the function one that is empty."""
    emulator = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def watch() -> None:
        os.read(emulator, 1)
        os._exit(1)

    _thread.start_new_thread(watch, ())


if __name__ == "__main__":
    main()
