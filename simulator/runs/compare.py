"""Two runs compared: differences with intervals, and what they allow to say, in words.

Runs of one seed meet common random numbers: replication i of both has the same shoppers with the same moods.
Their differences are taken replication by replication, so that what both share cancels out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.runs.metrics import METRICS, Metric
from simulator.runs.results import Run
from simulator.runs.statistics import (
    Estimate,
    mean,
    paired_difference,
    unpaired_difference,
    variance,
)
from simulator.scenario import Scenario

TIME_KEYS = ("days", "warm_up_days")
# What decides who comes and when: different there, replications have less in common.
CROWD_KEYS = ("population.", "arrivals.")


class Incomparable(Exception):
    """Two runs whose figures do not answer one question; the message says why."""


@dataclass(frozen=True)
class Difference:
    """B against A in one metric.

    Attributes:
        mean_a, mean_b: over the replications that both have.
        difference: B minus A, in the metric's unit.
        ahead: replications in which B has more than A, and behind, less; 0 both where they are not paired.
        noise_left: variance of the paired difference against that of independent runs, 0 = all of it
            cancelled out, 1 = pairing was no use; None without pairs or variance.
    """

    metric: Metric
    mean_a: float
    mean_b: float
    difference: Estimate
    ahead: int
    behind: int
    noise_left: float | None

    @property
    def in_per_cent(self) -> bool:
        """Whether differences are given as a part of A's mean, and not in the metric's own unit."""
        return self.metric.unit != "%" and self.mean_a != 0

    def sentence(self) -> str:
        """What the numbers allow to say about this metric."""
        words, known = self.metric.words, self.difference
        if known.standard_error is None:
            return (
                f"One replication allows no interval: {words} {number(self.mean_a)} for A and "
                f"{number(self.mean_b)} for B. REPLICATIONS=10 or more give one."
            )
        if known.mean == 0 and known.standard_error == 0:
            return f"No difference: {words} came out the same in all {known.n} replications."
        if not known.excludes_zero:
            return (
                f"No difference in {words} is shown: {self.amount(known.mean, signed=True)}"
                f"{self._interval(1)}. With {known.n} replications the smallest effect that would have shown "
                f"(four times in five) is {self.amount(known.detectable or 0.0)}."
            )
        more = known.mean > 0
        times = self.ahead if more else self.behind
        counted = f", in {times} of {known.n} replications" if self.ahead + self.behind else ""
        size = f"{self.amount(abs(known.mean))} {self.metric.more if more else self.metric.fewer}"
        behind_it = f"{self._interval(1 if more else -1)}{counted}."
        if self.metric.is_count:
            return f"B has {size} {words}{behind_it}"
        return f"{words[0].upper()}{words[1:]} is {size} with B{behind_it}"

    def amount(self, value: float, *, signed: bool = False) -> str:
        """A difference in words: in per cent of A's mean, in points where the metric is a share, or plain."""
        return self._figure(value, "+" if signed else "") + self._unit

    def _figure(self, value: float, sign: str = "") -> str:
        if self.in_per_cent:
            return f"{100 * value / abs(self.mean_a):{sign}.2f}"
        return f"{value:{sign}.3f}" if self.metric.unit else number(value)

    @property
    def _unit(self) -> str:
        return " %" if self.in_per_cent else " percentage points" if self.metric.unit else ""

    def _interval(self, sign: int) -> str:
        """The interval, seen from above (1) or from below (-1)."""
        ends = sorted(sign * end for end in (self.difference.low, self.difference.high) if end is not None)
        return f" (95 %: {' to '.join(map(self._figure, ends))}{self._unit})"


@dataclass(frozen=True)
class Comparison:
    """All differences between two runs.

    Attributes:
        main: the metric that was named beforehand; all others are exploratory: among twenty of them one
            differs by chance alone at 95 %.
        paired: whether common random numbers were met.
        differing: dotted keys of the scenarios that differ, with both values.
        notes: what to keep in mind.
    """

    a: Run
    b: Run
    main: str
    paired: bool
    differences: Mapping[str, Difference]
    differing: Mapping[str, tuple[object, object]]
    notes: Sequence[str]

    @property
    def verdict(self) -> str:
        return self.differences[self.main].sentence()


def compare(
    a: Run, b: Run, *, scenarios: tuple[Scenario, Scenario] | None = None, main: str = "redemptions"
) -> Comparison:
    """Compare two runs.

    Args:
        scenarios: of A and B, to say in what they differ; None leaves that out.
        main: name of the metric that decides, chosen before looking.
    Raises:
        Incomparable
    """
    if main not in METRICS:
        raise Incomparable(f"METRIC={main} is unknown: use one of {', '.join(METRICS)}")
    differing = differing_keys(*scenarios) if scenarios else {}
    check_times(differing)
    if not a.numbers or not b.numbers:
        raise Incomparable("no replication is finished in both")
    paired = a.seed == b.seed
    if paired and not set(a.numbers) & set(b.numbers):
        raise Incomparable("no replication is finished in both")
    return Comparison(
        a=a,
        b=b,
        main=main,
        paired=paired,
        differences={
            name: _paired(metric, a, b) if paired else _unpaired(metric, a, b)
            for name, metric in METRICS.items()
            if name in a.measured and name in b.measured
        },
        differing=differing,
        notes=tuple(_notes(a, b, paired, differing)),
    )


def differing_keys(a: Scenario, b: Scenario) -> dict[str, tuple[object, object]]:
    """Where two scenarios differ, by dotted key; name and description left out."""
    flat_a, flat_b = (_flat(scenario.model_dump(mode="json")) for scenario in (a, b))
    return {
        key: (flat_a.get(key), flat_b.get(key))
        for key in {**flat_a, **flat_b}
        if flat_a.get(key) != flat_b.get(key) and key not in ("name", "description")
    }


def check_times(differing: Mapping[str, object]) -> None:
    """Refuse scenarios of different length.

    Raises:
        Incomparable
    """
    times = [key for key in TIME_KEYS if key in differing]
    if times:
        raise Incomparable(
            f"A and B differ in {' and '.join(times)}: totals of different times are not compared"
        )


def _notes(a: Run, b: Run, paired: bool, differing: Mapping[str, object]) -> Iterator[str]:
    crowd = [key for key in differing if key.startswith(CROWD_KEYS)]
    if paired and crowd:
        yield (
            f"A and B differ in who comes or when ({', '.join(crowd)}): replications have less in common, so "
            "intervals are wider, not wrong."
        )
    if not paired:
        yield (
            f"The seeds differ ({a.seed} and {b.seed}): intervals are those of independent runs (Welch), "
            "much wider than with common random numbers."
        )
    if a.code_version != b.code_version:
        yield f"A ran on version {a.code_version}, B on {b.code_version}: the code may differ as well."
    partial = [name for name, run in (("A", a), ("B", b)) if not run.complete]
    if partial:
        yield f"{' and '.join(partial)} partial: only finished replications are compared."


def _paired(metric: Metric, a: Run, b: Run) -> Difference:
    by_a, by_b = (dict(zip(run.numbers, run.measured[metric.name], strict=True)) for run in (a, b))
    common = sorted(by_a.keys() & by_b.keys())
    of_a, of_b = [by_a[number] for number in common], [by_b[number] for number in common]
    pairs = list(zip(of_a, of_b, strict=True))
    differences = [y - x for x, y in pairs]
    noise = variance(of_a) + variance(of_b) if len(common) > 1 else 0.0
    return Difference(
        metric=metric,
        mean_a=mean(of_a),
        mean_b=mean(of_b),
        difference=paired_difference(of_a, of_b),
        ahead=sum(y > x for x, y in pairs),
        behind=sum(y < x for x, y in pairs),
        noise_left=variance(differences) / noise if noise else None,
    )


def _unpaired(metric: Metric, a: Run, b: Run) -> Difference:
    of_a, of_b = a.measured[metric.name], b.measured[metric.name]
    difference = unpaired_difference(of_a, of_b)
    return Difference(metric, mean(of_a), mean(of_b), difference, 0, 0, None)


def _flat(value: object, key: str = "") -> dict[str, Any]:
    """Leaves by dotted key; members of lists by their place."""
    if isinstance(value, dict):
        members = [(str(name), member) for name, member in value.items()]
    elif isinstance(value, list) and any(isinstance(member, dict) for member in value):
        members = [(str(place), member) for place, member in enumerate(value)]
    else:
        return {key: value}
    flat: dict[str, Any] = {}
    for name, member in members:
        flat.update(_flat(member, f"{key}.{name}" if key else name))
    return flat


def number(value: float) -> str:
    """A figure as tables show it: whole from 1,000 on, else three or four digits that count."""
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) >= 100 else f"{value:.3g}"
