"""Replications on all cores of this machine."""

import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import RawArray
from typing import Any

from simulator.runs.replication import Job, Outcome, carry_out

LOOK_EVERY_S = 0.2  # how often progress is reported while nothing ends
STOP_WITHIN_S = 20.0  # how long workers may take to stop before they are ended
_FIGURES = 2  # that a worker tells of each replication: simulated ms, lists served

OnProgress = Callable[[Sequence[int], Sequence[int]], None]


class ReplicationFailed(Exception):
    """One replication could not be carried out; the message says which and why."""


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def replicate(
    jobs: Sequence[Job], workers: int, on_progress: OnProgress = lambda _ms, _sessions: None
) -> Iterator[tuple[int, Outcome]]:
    """Carry out jobs in *workers* processes; each job's place and its outcome come as it ends, in no order.

    When the caller stops listening, on Ctrl-C and after a failure, all workers stop within seconds. Ctrl-C
    is raised here and nowhere in between, so that the caller can keep an outcome in peace.

    Args:
        workers: >= 1.
        on_progress: called several times a second in this thread with simulated milliseconds and sessions
            per job, both of shape ``(len(jobs),)``.
    Raises:
        ReplicationFailed: a job raised, or a worker died; outcomes so far have been given.
    """
    # Spawned, not forked: the same start on every platform, and no locks of this process's threads with it.
    context = multiprocessing.get_context("spawn")
    figures = _FIGURES * len(jobs)
    board = RawArray("q", figures + 1)  # behind the figures: whether workers are to stop
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        min(workers, len(jobs)), mp_context=context, initializer=_begin_worker, initargs=(board,)
    )
    try:
        with _interrupts_deferred() as let_interrupts_through:

            def look() -> None:
                on_progress(board[:figures:_FIGURES], board[1:figures:_FIGURES])
                let_interrupts_through()

            with _interrupts_blocked():
                places = {pool.submit(_carry_out_watched, job, n): n for n, job in enumerate(jobs)}
            for future in _as_they_end(places, look):
                yield places[future], _outcome(future, jobs[places[future]])
    finally:
        board[-1] = True
        pool.shutdown(wait=False, cancel_futures=True)
        _end(set(multiprocessing.active_children()) - others)


def _as_they_end(
    futures: "Collection[Future[Outcome]]", look: Callable[[], None]
) -> "Iterator[Future[Outcome]]":
    """Give futures as they end, and call *look* several times a second."""
    ended: queue.SimpleQueue[Future[Outcome]] = queue.SimpleQueue()
    for future in futures:
        future.add_done_callback(ended.put)
    left, look_at = len(futures), 0.0
    while left:
        if time.monotonic() >= look_at:
            look()
            look_at = time.monotonic() + LOOK_EVERY_S
        with suppress(queue.Empty):
            future = ended.get(timeout=LOOK_EVERY_S)
            left -= 1
            yield future


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


class _Stopped(Exception):
    """Nobody listens any more."""


def _outcome(future: "Future[Outcome]", job: Job) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool:
        raise ReplicationFailed(
            "a worker process ended in the middle of its replication: killed, or out of memory? "
            "Fewer workers (WORKERS=) need less"
        ) from None
    except OSError as problem:
        raise cannot_write(job, problem) from problem


def cannot_write(job: Job, problem: OSError) -> ReplicationFailed:
    """The failure of a job whose events found no place."""
    return ReplicationFailed(
        f"replication {job.number} cannot write its events to {job.events}: {problem.strerror or problem}; "
        "EVENTS=0 leaves them out, RESULTS= names another folder"
    )


@contextmanager
def _interrupts_deferred() -> Iterator[Callable[[], None]]:
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
def _interrupts_blocked() -> Iterator[None]:
    """Start processes that never see Ctrl-C: a blocked signal stays blocked in what is started meanwhile.

    A terminal sends it to all processes, and ending the workers is for this one to do.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_board: Any = None  # in a worker: where it tells how far it is


def _begin_worker(board: Any) -> None:
    global _board
    _board = board
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when the process that started it is gone, even if that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _carry_out_watched(job: Job, place: int) -> Outcome:
    def watch(simulated_ms: int, sessions: int) -> None:
        if _board[-1]:
            raise _Stopped
        _board[_FIGURES * place] = simulated_ms
        _board[_FIGURES * place + 1] = sessions

    return carry_out(job, watch)
