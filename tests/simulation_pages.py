"""A folder of runs for the page of simulation runs: two of a comparison, one alone, one cut short."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from simulator.runs.replication import Job, Outcome, carry_out
from simulator.runs.run import Plan, carry_out_plans
from tests.simulated_runs import small_scenario, tosses

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def fill(folder: Path, days: int = 2) -> None:
    """Write the runs: redemptions differ by 3 an hour between A and B of the comparison."""
    plain, boosted = (
        small_scenario(days=days, policies__pivot_boost=boost, stock__shock=None) for boost in (0, 3)
    )
    compared = folder / "baseline-vs-baseline-7"
    plans = [
        Plan(scenario, 7, 5, compared / letter, events=False, simulate=tosses)
        for scenario, letter in ((plain, "a"), (boosted, "b"))
    ]
    carry_out_plans(plans, _here, NOON)
    single = Plan(plain, 8, 1, folder / "single", events=False, simulate=tosses)
    carry_out_plans([single], _here, NOON + timedelta(hours=1))
    partial = Plan(plain, 9, 5, folder / "cut-short", events=False, simulate=tosses)
    with suppress(KeyboardInterrupt):
        carry_out_plans([partial], _interrupted, NOON + timedelta(hours=2))


def _here(jobs: Sequence[Job]) -> Iterator[tuple[int, Outcome]]:
    return ((place, carry_out(job)) for place, job in enumerate(jobs))


def _interrupted(jobs: Sequence[Job]) -> Iterator[tuple[int, Outcome]]:
    yield from list(_here(jobs))[:2]
    raise KeyboardInterrupt
