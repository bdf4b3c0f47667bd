"""Figures, the bars that they must hold, and what several rounds say about one figure.

Noise on a machine comes in stretches. What is compared is therefore measured in turns, A B A B …, and the
figure is the median of the ratios of neighbours: a slow stretch hits both sides of a ratio.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Relation = Literal["≤", "≥", "="]


class Verdict(StrEnum):
    """Whether a figure holds its bar."""

    HELD = "held"
    MISSED = "MISSED"
    NO_BAR = ""


@dataclass(frozen=True)
class Bar:
    """What a figure must hold.

    Attributes:
        floor: a bar for the time being, short of *limit*; said when the bar itself is missed.
    """

    relation: Relation
    limit: float
    floor: float | None = None

    def holds(self, value: float) -> bool:
        """Tell whether *value* holds the bar."""
        return _related(value, self.relation, self.limit)

    def holds_floor(self, value: float) -> bool:
        """Tell whether *value* holds at least the floor; without a floor, the bar."""
        return _related(value, self.relation, self.limit if self.floor is None else self.floor)

    def __str__(self) -> str:
        return f"{self.relation} {shown(self.limit)}"


def _related(value: float, relation: Relation, limit: float) -> bool:
    if relation == "=":
        return value == limit
    return value <= limit if relation == "≤" else value >= limit


@dataclass(frozen=True)
class Spread:
    """Where the rounds of one figure lie; *low* and *high* are the quartiles."""

    median: float
    low: float
    high: float
    rounds: int


@dataclass(frozen=True)
class Figure:
    """One number that was measured.

    Attributes:
        name: ``<row>.<what>``, the same in every run; the history finds it by this.
        title: what it is, for people.
        unit: ``s``, ``ms``, ``×``, ``/s`` …; empty for a plain number.
        samples: one per round, at least one.
        bar: None for a figure that only informs.
        more_is_better: for a figure without a bar.
    """

    name: str
    title: str
    unit: str
    samples: tuple[float, ...]
    bar: Bar | None = None
    more_is_better: bool = False

    def __post_init__(self) -> None:
        if not self.samples:
            raise ValueError(f"{self.name} was not measured")

    @property
    def value(self) -> float:
        """The median of the rounds; of a bar that allows one value only, the first round that broke it."""
        if self.bar is not None and self.bar.relation == "=":
            return next((each for each in self.samples if not self.bar.holds(each)), self.samples[0])
        return statistics.median(self.samples)

    @property
    def verdict(self) -> Verdict:
        """Whether the value holds the bar."""
        if self.bar is None:
            return Verdict.NO_BAR
        return Verdict.HELD if self.bar.holds(self.value) else Verdict.MISSED

    @property
    def higher_is_better(self) -> bool:
        """Which way is up."""
        return self.more_is_better if self.bar is None else self.bar.relation == "≥"

    @property
    def spread(self) -> Spread:
        """The quartiles of the rounds."""
        return spread(self.samples)


def spread(samples: Sequence[float]) -> Spread:
    """Give the median and the quartiles; of one sample, that sample.

    Args:
        samples: shape ``(n,)``, n >= 1.
    """
    if len(samples) == 1:
        return Spread(samples[0], samples[0], samples[0], 1)
    low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
    return Spread(median, low, high, len(samples))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    """Give ours / theirs, round by round.

    Args:
        ours, theirs: measured in turns, of the same length; *theirs* > 0.
    """
    return tuple(mine / other for mine, other in zip(ours, theirs, strict=True))


def shown(value: float) -> str:
    """Write a number as people read it: 12,345 · 123 · 12.3 · 1.23 · 0.012."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"
