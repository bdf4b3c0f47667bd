"""Simulation runs as the pages show them, read from their folders. Knows no Streamlit."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.replications import results_root
from simulator.runs.compare import Comparison, compare
from simulator.runs.metrics import DEFAULT_METRIC
from simulator.runs.results import SCENARIO_FILE, SERIES_FILE, Run, runs_under
from simulator.runs.series import LEVELS, read_series
from simulator.runs.statistics import estimate
from simulator.scenario import ScenarioError, load_scenario

SHOWN = (
    "sessions",
    "redemptions",
    "units_left",
    "offers_in_stock",
    "stockouts",
    "pivots_opened",
    "pivots_open",
)
HOURLY_UP_TO = 14 * 24  # hours; longer stories are shown by the day
DAY_H = 24


class Unreadable(Exception):
    """A run's files cannot be shown; the message says why."""


@dataclass(frozen=True)
class Band:
    """One figure over time: its mean over replications with a 95 % interval.

    Attributes:
        mean, low, high: shape ``(steps,)``; low and high are the mean itself for a single replication.
    """

    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Story:
    """What happened over the counted time of one run.

    Attributes:
        days: simulated day, from 0, at the end of each step; shape ``(steps,)``.
        step_h: hours in a step: 1, or 24 in long runs.
        bands: by name of `SHOWN`; counts per step, levels at its end.
    """

    days: Sequence[float]
    step_h: int
    bands: Mapping[str, Band]


def runs_folder() -> Path:
    """Where runs are looked for: RESULTS, or what `make simulate` writes to without it."""
    named = os.environ.get("RESULTS")
    return Path(named).expanduser() if named else results_root()


def runs(folder: Path) -> list[Run]:
    """All runs that can be read, newest first."""
    return list(runs_under(folder))


def story(run: Run) -> Story:
    """The hours of a run's finished replications, of which there is at least one.

    Raises:
        Unreadable
    """
    try:
        series = read_series(run.path / SERIES_FILE, SHOWN)
    except (OSError, KeyError, ValueError) as problem:  # pyarrow's own errors are ValueErrors
        raise Unreadable(f"{run.name}: its hours cannot be read ({problem})") from problem
    hours = len(series[SHOWN[0]][0])
    step_h = 1 if hours <= HOURLY_UP_TO else DAY_H
    ends = range(step_h, hours + 1, step_h)
    return Story(
        days=[end / DAY_H for end in ends],
        step_h=step_h,
        bands={name: _band(series[name], ends, step_h, is_level=name in LEVELS) for name in SHOWN},
    )


def comparison(a: Run, b: Run, main: str = DEFAULT_METRIC) -> Comparison:
    """Two runs compared, with the keys in which their scenarios differ where both can be read.

    Raises:
        Incomparable
    """
    try:
        scenarios = load_scenario(a.path / SCENARIO_FILE), load_scenario(b.path / SCENARIO_FILE)
    except ScenarioError:  # written by another version
        return compare(a, b, main=main)
    return compare(a, b, scenarios=scenarios, main=main)


def _band(replications: Sequence[Sequence[int]], ends: range, step_h: int, *, is_level: bool) -> Band:
    steps = []
    for end in ends:
        if is_level:
            values = [float(hours[end - 1]) for hours in replications]
        else:
            values = [float(sum(hours[end - step_h : end])) for hours in replications]
        known = estimate(values)
        half = known.half_width or 0.0
        steps.append((known.mean, known.mean - half, known.mean + half))
    mean, low, high = zip(*steps, strict=True) if steps else ((), (), ())
    return Band(mean, low, high)
