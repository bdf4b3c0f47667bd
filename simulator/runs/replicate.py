"""Replications on all cores of this machine."""

import os
import queue
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.sharedctypes import RawArray
from typing import Any

from simulator.runs.replication import Job, Outcome, carry_out
from simulator.workers import (
    LOOK_EVERY_S,
    interrupts_blocked,
    interrupts_deferred,
    stop_if_asked,
    worker_pool,
)

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
    board = RawArray("q", _FIGURES * len(jobs))
    with worker_pool(min(workers, len(jobs)), _begin, board) as pool, interrupts_deferred() as let_through:

        def look() -> None:
            on_progress(board[::_FIGURES], board[1::_FIGURES])
            let_through()

        with interrupts_blocked():
            places = {pool.submit(_carry_out_watched, job, n): n for n, job in enumerate(jobs)}
        for future in _as_they_end(places, look):
            if isinstance(future.exception(), BrokenProcessPool):
                look()  # a signal to all processes of a group ends workers, and came here as well
            yield places[future], _outcome(future, jobs[places[future]])


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


_board: Any = None  # in a worker: where it tells how far it is


def _begin(board: Any) -> None:
    global _board
    _board = board


def _carry_out_watched(job: Job, place: int) -> Outcome:
    def watch(simulated_ms: int, sessions: int) -> None:
        stop_if_asked()
        _board[_FIGURES * place] = simulated_ms
        _board[_FIGURES * place + 1] = sessions

    return carry_out(job, watch)
