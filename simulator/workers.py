"""Worker processes that end with whoever started them, and in between do not get in each other's way."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import RawValue
from typing import Any

LOOK_EVERY_S = 0.2  # how often whoever waits for workers looks up
STOP_WITHIN_S = 20.0  # how long workers may take to stop before they are ended


class Stopped(BaseException):
    """Nobody waits for this work any more; no `except Exception` of the work itself holds it up."""


@contextmanager
def worker_pool(
    count: int, begin: Callable[..., object] | None = None, *arguments: Any
) -> Iterator[ProcessPoolExecutor]:
    """Give a pool of worker processes, of which none is left when the context is.

    Work that calls `stop_if_asked` now and then ends at once, other work within STOP_WITHIN_S.

    Args:
        count: >= 1.
        begin: called in each worker first, with *arguments*.
    """
    # Spawned, not forked: the same start on every platform, and no locks of this process's threads with it.
    context = multiprocessing.get_context("spawn")
    stop = RawValue("b", 0)
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(count, context, _begin_worker, (stop, begin, arguments))
    try:
        yield pool
    finally:
        stop.value = 1
        pool.shutdown(wait=False, cancel_futures=True)
        _end(set(multiprocessing.active_children()) - others)


def _end(workers: set[BaseProcess]) -> None:
    """Wait until workers have stopped of themselves, and end those that do not.

    A worker that is killed while it hands over an outcome leaves half a message behind, for whose other half
    the pool would wait for ever: so they are asked first.
    """
    asked_at = time.monotonic()
    for worker in workers:
        worker.join(max(0.0, asked_at + STOP_WITHIN_S - time.monotonic()))
        if worker.is_alive():
            worker.terminate()
            worker.join()


_stop: Any = None  # in a worker: whether it is asked to stop


def stop_if_asked() -> None:
    """End the work of this worker when nobody waits for it; does nothing outside of workers.

    Raises:
        Stopped
    """
    if _stop is not None and _stop.value:
        raise Stopped


def _begin_worker(stop: Any, begin: Callable[..., object] | None, arguments: tuple[Any, ...]) -> None:
    global _stop
    _stop = stop
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if begin is not None:
        begin(*arguments)


def _end_with_parent() -> None:
    """End this worker when the process that started it is gone, even if that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def interrupts_deferred() -> Iterator[Callable[[], None]]:
    """Let SIGINT and SIGTERM wait; gives what lets one through that has come.

    An exception raised wherever Python happens to be can be raised inside a future, whose lock is then held
    for ever: the pool waited for it, and the process never ended. Only the main thread is ever interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    came: list[int] = []
    before: dict[int, Any] = {}

    def defer() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, lambda number, _frame: came.append(number))

    def restore() -> None:
        while before:
            signal.signal(*before.popitem())

    def let_through() -> None:
        if came:
            restore()  # whoever handled it may have said what becomes of the next one
            signal.raise_signal(came.pop(0))
            defer()

    defer()
    try:
        yield let_through
        let_through()
    finally:
        restore()


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Start processes that never see Ctrl-C: a blocked signal stays blocked in what is started meanwhile.

    A terminal sends it to all processes, and ending the workers is for this one to do.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
