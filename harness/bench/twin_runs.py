"""Runs of the twin, each in a process of its own that has loaded nothing but the simulator.

Times are processor times: these runs wait for nothing, and another program's turn is not counted.
"""

from __future__ import annotations

import gc
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from simulator.runs.replicate import replicate
from simulator.runs.replication import Job, carry_out
from simulator.scenario import parse_scenario_argument
from simulator.twin import run_replication
from simulator.twin.plain_loop import PlainLoop, record
from simulator.twin.summary import Counts
from simulator.twin.twin import collecting_seldom

P = ParamSpec("P")
T = TypeVar("T")


def in_own_process(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Call *function* in a fresh process and give its result."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        return process.submit(function, *arguments, **named).result()


@dataclass(frozen=True)
class TwinRun:
    """One replication.

    Attributes:
        seconds: processor time, the making of the shoppers included.
        peak_bytes: most memory that the process ever had.
    """

    counts: Counts
    calls_per_session: float
    seconds: float
    peak_bytes: int

    @property
    def sessions_per_s(self) -> float:
        """Sessions a second and core."""
        return self.counts.sessions / self.seconds


def twin_alone(scenario: str, seed: int) -> TwinRun:
    """Run one replication that tells its events to nobody."""
    asked = parse_scenario_argument(scenario)
    began = time.process_time()
    summary = run_replication(asked, seed, 0, None)
    seconds = time.process_time() - began
    return TwinRun(summary.totals, summary.calls_per_session, seconds, peak_bytes())


def twin_with_events(scenario: str, seed: int, events: Path) -> TwinRun:
    """Run one replication as `make simulate` does: events hashed and streamed to Parquet."""
    job = Job(parse_scenario_argument(scenario), seed, 0, events)
    began = time.process_time()
    summary = carry_out(job).summary
    seconds = time.process_time() - began
    return TwinRun(summary.totals, summary.calls_per_session, seconds, peak_bytes())


def peak_bytes() -> int:
    """Give the most memory that this process ever had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in KiB


def twin_and_plain_loop(scenario: str, seed: int, rounds: int) -> list[tuple[float, float]]:
    """Time the twin and the same use-case calls in a plain loop, in turns.

    Returns:
        Seconds of the twin and of the loop, shape ``(rounds, 2)``.
    """
    asked = parse_scenario_argument(scenario)
    recording = record(asked, seed)
    measured = []
    for _ in range(rounds):
        twin_s = timed(lambda: run_replication(asked, seed, 0, None))
        measured.append((twin_s, timed(PlainLoop(recording).play)))
    return measured


def timed(work: Callable[[], object]) -> float:
    """Give the processor seconds of *work*, with the garbage collector as the twin has it."""
    gc.collect()
    with collecting_seldom():
        began = time.process_time()
        work()
        return time.process_time() - began


def replications_on(
    workers: int, scenario: str, seed: int, replications: int, folder: Path
) -> tuple[float, int]:
    """Run replications as `make simulate` does, their events going to *folder*.

    Returns:
        Wall-clock seconds, processes started included, and the sessions of all replications.
    """
    asked = parse_scenario_argument(scenario)
    jobs = [Job(asked, seed, number, folder / f"events-{number}.parquet") for number in range(replications)]
    began = time.perf_counter()
    outcomes = [outcome for _, outcome in replicate(jobs, workers)]
    seconds = time.perf_counter() - began
    return seconds, sum(outcome.summary.totals.sessions for outcome in outcomes)
