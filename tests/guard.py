"""Stop the systems that a test process leaves running when it does not end by itself: interrupted or killed.

Fixtures stop what they started, but not in a process that is gone. The guard is a process of its own, in a
session of its own, that waits for the end of the test process and then stops what still runs in its folder.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from harness.processes import Process
from harness.settings import TARGETS, Refusal, Settings
from harness.system import REPOSITORY

POLL_S = 0.2
UP_ENDS_WITHIN_S = 300  # an orphaned `up` holds its target until it ends


def watch_this_process(folder: Path) -> subprocess.Popen[bytes]:
    """Start the guard of this process, for all systems whose state is somewhere in *folder*."""
    this = Process.of_this_program()
    return subprocess.Popen(
        [sys.executable, "-m", "tests.guard", str(this.pid), repr(this.started), str(folder)],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # what is sent to the tests' group, as Ctrl-C is, is not for it
    )


def main(pid: str, started: str, folder: str) -> None:
    """Wait for the end of the process, then stop what it left."""
    tests = Process(int(pid), float(started))
    while tests.alive():
        time.sleep(POLL_S)
    for settings in systems_in(Path(folder)):
        stop_system(settings)


def systems_in(folder: Path) -> Iterator[Settings]:
    """Give every place in *folder* where a system was begun; its lock is the first thing there."""
    for lock in sorted(folder.rglob("lock")):
        if lock.parent.name in TARGETS:
            yield Settings(TARGETS[lock.parent.name], REPOSITORY, lock.parent, None, "", "us-east-1", False)


def stop_system(settings: Settings) -> None:
    """Stop a system, once nothing is starting it any more."""
    from harness import lifecycle

    until = time.monotonic() + UP_ENDS_WITHIN_S
    while time.monotonic() < until:
        try:
            lifecycle.down(settings, lambda _: None)
            return
        except Refusal:
            time.sleep(POLL_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
