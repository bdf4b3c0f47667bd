"""When visits arrive, and how many customers there are, over the real seconds of a run.

The scenario's one arrival curve, which the twin's shoppers follow as well, is mapped onto the run: SPEED
simulated seconds pass in a real one. Arrivals are a Poisson process by inverse cumulated intensity: the n-th
comes where the intensity since the start adds up to the sum of n exponential draws.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Protocol

import numpy as np

from loadtests.plan import LoadPlan, Shape
from simulator.arrivals import DAY_S, HOUR_S, ArrivalCurve, draw_day_factors
from simulator.scenario.model import Scenario

AROUND_SALE_S = 2 * HOUR_S  # shown of the day before and after a flash sale


class Curve(Protocol):
    """Intensity over simulated time; `simulator.arrivals.ArrivalCurve` is one."""

    def factor(self, at_s: float) -> float:
        """The intensity at a simulated second."""

    def elapsed(self, at_s: float) -> float:
        """The intensity added up from simulated second 0 to *at_s*, in mean-days."""

    def at(self, elapsed: float) -> float:
        """The first simulated second at which so much intensity has passed."""


class Level:
    """An intensity that stays at the mean."""

    def factor(self, at_s: float) -> float:
        return 1.0

    def elapsed(self, at_s: float) -> float:
        return at_s / DAY_S

    def at(self, elapsed: float) -> float:
        return elapsed * DAY_S


@dataclass(frozen=True, slots=True)
class Arrival:
    """One visit that is to start.

    Attributes:
        number: counted from 0 over the whole run, whichever process starts it; below 0 in the warm-up.
        at_s: real seconds since the run began at which it is meant to start; below 0 in the warm-up.
        hunting: whether the flash sale brought this visitor.
    """

    number: int
    at_s: float
    hunting: bool


@dataclass(frozen=True, slots=True)
class Load:
    """A curve over the real seconds of one run.

    Attributes:
        curve: the intensity, flash sales included.
        without_sale: the same without flash sales; what lies between the two are bargain hunters.
        from_s: simulated second at which the run begins.
        speed: simulated seconds per real second.
        seconds: length of the run in real seconds.
    """

    curve: Curve
    without_sale: Curve
    from_s: float
    speed: float
    seconds: float

    def factor(self, at_s: float) -> float:
        """The load at a real second of the run against the run's mean."""
        return self.curve.factor(self._simulated(at_s)) / self._mean_factor()

    def hunters_share(self, at_s: float) -> float:
        """The share of bargain hunters among those who come at a real second, 0..1."""
        simulated = self._simulated(at_s)
        in_all, usual = self.curve.factor(simulated), self.without_sale.factor(simulated)
        return max(0.0, 1 - usual / in_all) if in_all > 0 else 0.0

    def peak_factor(self) -> float:
        """The highest factor of the run; the curve is constant on each simulated hour."""
        hours = range(math.ceil(self.seconds * self.speed / HOUR_S))
        at_s = (hour * HOUR_S / self.speed for hour in hours)
        return max(self.factor(min(second, self._last_s)) for second in at_s)

    def customers(self, at_s: float, most: int) -> tuple[int, int]:
        """Closed load: those who browse and those who hunt bargains at a real second of the run.

        Args:
            most: customers at the peak of the run. At least one browses.
        """
        at_s = min(max(0.0, at_s), self._last_s)
        together = most * self.factor(at_s) / self.peak_factor()
        hunting = round(together * self.hunters_share(at_s))
        return max(1, round(together) - hunting), hunting

    def warm_up(self, rate: float, seed: int, seconds: float) -> Iterator[Arrival]:
        """Visits before the run begins, as frequent as at its begin."""
        gaps, per_second = Random(f"{seed}/warm-up"), rate * self.factor(0.0)
        at_s, number = -seconds, -1
        while per_second and (at_s := at_s + gaps.expovariate(per_second)) < 0:
            yield Arrival(number, at_s, hunting=False)
            number -= 1

    def arrivals(self, rate: float, seed: int) -> Iterator[Arrival]:
        """Every visit of the run in order; the same for the same seed.

        Args:
            rate: visits a second, mean of the run.
        """
        gaps, kinds = Random(f"{seed}/arrival"), Random(f"{seed}/hunting")
        begins = self.curve.elapsed(self.from_s)
        per_visit = (self.curve.elapsed(self._simulated(self.seconds)) - begins) / (rate * self.seconds)
        passed, number = begins, 0
        while True:
            passed += gaps.expovariate(1.0) * per_visit
            at_s = (self.curve.at(passed) - self.from_s) / self.speed
            if at_s >= self.seconds:
                return
            yield Arrival(number, at_s, kinds.random() < self.hunters_share(at_s))
            number += 1

    @property
    def _last_s(self) -> float:
        """A moment of the last hour: at the very end the next one has begun, which is no part of the run."""
        return self.seconds - 1e-3

    def _simulated(self, at_s: float) -> float:
        return self.from_s + at_s * self.speed

    def _mean_factor(self) -> float:
        passed = self.curve.elapsed(self._simulated(self.seconds)) - self.curve.elapsed(self.from_s)
        return passed * DAY_S / (self.seconds * self.speed)


def load_of(plan: LoadPlan, scenario: Scenario) -> Load:
    """The load that a plan asks for.

    ``steady`` stays at the mean; ``flash-sale`` shows the scenario's first sale with two hours before and
    after it; ``scenario`` shows the first day that counts. Without a speed these fill the whole run.

    Raises:
        ValueError: a flash sale is asked for, and the scenario has none; or nobody comes at all.
    """
    if plan.shape is Shape.STEADY:
        return Load(Level(), Level(), 0.0, plan.speed or 1.0, plan.seconds)
    arrivals = scenario.arrivals
    from_s, length_s = float(scenario.warm_up_days * DAY_S), float(DAY_S)
    if plan.shape is Shape.FLASH_SALE:
        if not arrivals.flash_sales:
            raise ValueError(f"scenario {scenario.name} has no flash sale: SHAPE=scenario shows it as it is")
        sale = arrivals.flash_sales[0]
        # Simulated second 0 is `starts_at_hour` o'clock; sales name the hour of the day.
        from_s += sale.day * DAY_S + (sale.hour - arrivals.starts_at_hour) * HOUR_S - AROUND_SALE_S
        from_s, length_s = max(0.0, from_s), sale.hours * HOUR_S + 2.0 * AROUND_SALE_S
    speed = plan.speed or length_s / plan.seconds
    days = math.ceil((from_s + plan.seconds * speed) / DAY_S) + 1
    generator = np.random.default_rng([plan.seed, 0xDA7])
    factors = draw_day_factors(generator, cv=arrivals.day_factor_cv, days=days)
    quiet = arrivals.model_copy(update={"flash_sales": ()})
    warm_up_days = scenario.warm_up_days
    curve = ArrivalCurve.of(arrivals, days=days, day_factors=factors, warm_up_days=warm_up_days)
    if curve.elapsed(from_s + plan.seconds * speed) <= curve.elapsed(from_s):
        raise ValueError(f"nobody comes in the part of scenario {scenario.name} that would be run")
    usual = ArrivalCurve.of(quiet, days=days, day_factors=factors, warm_up_days=warm_up_days)
    return Load(curve, usual, from_s, speed, plan.seconds)
