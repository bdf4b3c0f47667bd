"""The search: perform random scripts until a law breaks, and shrink the script that broke it.

Hypothesis makes the scripts. A seed stands for one round of scripts: the same seed makes the same round in
any process, so a breach is reproduced by its seed or by its script.
"""

import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from random import Random
from unittest.mock import patch

from hypothesis import Phase, Verbosity, find, settings
from hypothesis.errors import NoSuchExample

from offerloop.offers import board, rank_offers, run_experiments
from simulator.hunt.generation import scripts
from simulator.hunt.laws import Violation, broken_at_rest, broken_now
from simulator.hunt.script import Script, Step
from simulator.hunt.shrink import shortest
from simulator.hunt.system import MemorySystem, NeverAtRest
from simulator.hunt.weather import Weather
from simulator.workers import (
    LOOK_EVERY_S,
    interrupts_blocked,
    interrupts_deferred,
    stop_if_asked,
    worker_pool,
)

SCRIPTS_PER_ROUND = 150  # about two seconds
UNEXPECTED = "No step fails but by a refusal"
RESTS = "Deliveries come to an end"


class WorkerEnded(Exception):
    """A process of the search ended in the middle of its round."""


@dataclass(frozen=True, slots=True)
class Performance:
    """How one script went.

    Attributes:
        steps: how many were done; fewer than there are when a law broke.
        broken: the first law that broke, if any.
        at_rest: whether it broke only when everything had been delivered after the last step.
    """

    steps: int
    broken: Violation | None = None
    at_rest: bool = False


@dataclass(frozen=True, slots=True)
class Breach:
    """A law that a script breaks, the shortest such script, and the seed of the round that found it."""

    seed: int
    violation: Violation
    script: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Round:
    """What one seed gave."""

    seed: int
    scripts: int
    steps: int
    breach: Breach | None


def perform(script: Script) -> Performance:
    """Perform a script on a new system and check the laws after each step and at rest."""
    system = MemorySystem()
    done = 0
    with small_limits():
        for done, step in enumerate(script, start=1):
            broken = _broken_by(partial(system.perform, step), partial(broken_now, system, step))
            if broken:
                return Performance(done, broken)
        broken = _broken_by(system.come_to_rest, partial(broken_at_rest, system))
        return Performance(done, broken, at_rest=broken is not None)


def _broken_by(action: Callable[[], object], check: Callable[[], Violation | None]) -> Violation | None:
    try:
        action()
        return check()
    except NeverAtRest:
        return Violation(RESTS, "consumers cause each other's deliveries without end")
    except Exception as unexpected:  # whatever it is, it is the find: nothing but refusals may come out
        return Violation(UNEXPECTED, f"{type(unexpected).__name__}: {unexpected}")


@contextmanager
def small_limits() -> Iterator[None]:
    """Boards of three entries, filled up under two; experiments prepared two offers at a time."""
    with (
        patch.object(board, "KEEP", 3),
        patch.object(rank_offers, "KEEP", 3),
        patch.object(board, "REFILL_BELOW", 2),
        patch.object(run_experiments, "PAGE", 2),
    ):
        yield


def search(
    seed: int, weather: Collection[Weather], *, tries: int = SCRIPTS_PER_ROUND, until: float | None = None
) -> Round:
    """Perform up to *tries* scripts of one seed, and shrink the first that breaks a law.

    Args:
        until: `time.monotonic()` after which only a first script is begun; a shrink that has begun goes on.
    """
    performed = steps = 0
    law: str | None = None

    def breaks(script: list[Step]) -> bool:
        nonlocal performed, steps, law
        stop_if_asked()
        if performed and law is None and until is not None and time.monotonic() > until:
            return False
        performance = perform(script)
        performed, steps = performed + 1, steps + performance.steps
        if performance.broken is None:
            return False
        law = law or performance.broken.law
        return performance.broken.law == law  # shrinking stays with the law that it began with

    try:
        found = find(scripts(weather), breaks, settings=_settings(tries), random=Random(seed))
    except NoSuchExample:
        return Round(seed, performed, steps, None)
    script = shortest(found, breaks)
    violation = perform(script).broken
    assert violation is not None  # found because it breaks a law, and nothing in it is left to chance
    return Round(seed, performed, steps, Breach(seed, violation, tuple(script)))


def _settings(tries: int) -> settings:
    return settings(
        max_examples=tries,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        verbosity=Verbosity.quiet,
    )


def hunt(
    first_seed: int,
    weather: Collection[Weather],
    *,
    seconds: float,
    workers: int,
    report: Callable[[Round], None] = lambda _: None,
) -> Breach | None:
    """Search seed after seed on all workers until a law breaks or the time is over.

    Args:
        report: told of each round as it ends.
    Raises:
        WorkerEnded: rounds so far have been reported.
    """
    until = time.monotonic() + seconds
    seeds = count(first_seed)
    with worker_pool(workers) as pool, interrupts_deferred() as let_through:
        with interrupts_blocked():
            running = {_submit(pool, seeds, weather, until) for _ in range(workers)}
        while running:
            ended, running = wait(running, LOOK_EVERY_S, FIRST_COMPLETED)
            let_through()
            for future in ended:
                with _worker_end_told():
                    round_ = future.result()
                report(round_)
                if round_.breach is not None:
                    return round_.breach
                if time.monotonic() < until:
                    with _worker_end_told():
                        running.add(_submit(pool, seeds, weather, until))
    return None


@contextmanager
def _worker_end_told() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool:
        raise WorkerEnded(
            "a process of the hunt ended in the middle of its round: killed, or out of memory? "
            "Fewer of them (WORKERS=) need less"
        ) from None


def _submit(
    pool: ProcessPoolExecutor, seeds: Iterator[int], weather: Collection[Weather], until: float
) -> Future[Round]:
    return pool.submit(search, next(seeds), weather, until=until)
