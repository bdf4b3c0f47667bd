"""Looking at processes that may end at any moment, also between two looks."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

SETTLES_WITHIN_S = 5.0


def command_of(process: psutil.Process) -> list[str]:
    """Give the command line; empty when the process has ended."""
    with suppress(psutil.Error):
        return process.cmdline()
    return []


def processes_about(folder: Path) -> Iterator[psutil.Process]:
    """Every process of this machine that has *folder* in its command line or its variables."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # ended meanwhile, a zombie, or somebody else's
            if any(str(folder) in text for text in (*process.cmdline(), *process.environ().values())):
                yield process


def worker_processes_left() -> list[str]:
    """Give the processes that multiprocessing still counts as running, once it had time to count them.

    A pool's own thread collects its ended processes: for a moment between the two, an ended process counts
    as running for every other thread.
    """
    ends = time.monotonic() + SETTLES_WITHIN_S
    while (left := multiprocessing.active_children()) and time.monotonic() < ends:
        time.sleep(0.02)
    return [repr(each) for each in left]
