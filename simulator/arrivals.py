"""When shoppers come: one intensity of visits over simulated time, for the twin, live shoppers and Locust.

The intensity is the product of a weekly profile, an hourly profile, a random factor per day and flash sales,
piecewise constant per hour and relative to the mean: over a week without flash sale and day factors its mean
is 1. A shopper with `rate` visits a mean-day comes as a Poisson process in *operational time*, the cumulated
intensity: draw an exponential E of mean 1 and visit next at ``curve.after(now, E / rate)``.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from simulator.scenario.model import ArrivalsSection

HOUR_S = 3600
DAY_S = 24 * HOUR_S
WEEK_HOURS = 7 * 24


def draw_day_factors(generator: np.random.Generator, *, cv: float, days: int) -> tuple[float, ...]:
    """How busy each day is against the average: gamma with mean 1.

    Args:
        cv: coefficient of variation, >= 0; 0 makes all days alike.
        days: how many, >= 0.
    Returns:
        Shape ``(days,)``, each > 0; the first n are the same whatever *days* is.
    """
    if cv == 0:
        return (1.0,) * days
    shape = 1 / cv**2
    return tuple(float(generator.gamma(shape, 1 / shape)) for _ in range(days))


class ArrivalCurve:
    """Intensity of visits over simulated time, against the mean.

    Simulated second 0 is `starts_at_hour` o'clock on a Monday. Behind the last day of the curve the weekly
    and the hourly profile go on without day factors, so it never ends.
    """

    def __init__(self, hourly: Sequence[float], week: Sequence[float], starts_at_s: float) -> None:
        """See `of`.

        Args:
            hourly: factor of each hour of the run from midnight of its first day, shape ``(hours,)``, a whole
                number of weeks.
            week: factor of each hour of a week from Monday midnight, shape ``(168,)``, used behind *hourly*.
            starts_at_s: second of the first day at which simulated time 0 lies.
        """
        self._starts_at_s = starts_at_s
        self._run = _Steps(hourly)
        self._week = _Steps(week)
        self._before_start = self._run.cumulated(starts_at_s)

    @classmethod
    def of(
        cls,
        arrivals: ArrivalsSection,
        *,
        days: int,
        day_factors: Sequence[float] = (),
        warm_up_days: int = 0,
    ) -> "ArrivalCurve":
        """The curve of a scenario.

        Args:
            days: simulated days in all, warm-up included, >= 1.
            day_factors: from `draw_day_factors`; days without one have factor 1.
            warm_up_days: simulated days before the day that flash sales count from.
        """
        week = [
            7 * weekday * 24 * hour for weekday in arrivals.weekday_share for hour in arrivals.hourly_share
        ]
        mean = math.fsum(week) / WEEK_HOURS  # 1, but for the rounding of the shares
        week = [factor / mean for factor in week]
        weeks = days // 7 + 1  # one day more than asked for: a run may begin at noon
        hourly = week * weeks
        for day, factor in enumerate(day_factors[: 7 * weeks]):
            for hour in range(24 * day, 24 * day + 24):
                hourly[hour] *= factor
        for sale in arrivals.flash_sales:
            first = 24 * (warm_up_days + sale.day) + sale.hour
            for hour in range(first, min(first + sale.hours, len(hourly))):
                hourly[hour] *= sale.factor
        return cls(hourly, week, arrivals.starts_at_hour * HOUR_S)

    def factor(self, at_s: float) -> float:
        """The intensity at simulated second *at_s* (>= 0) against the mean."""
        local_s = at_s + self._starts_at_s
        if local_s < self._run.length_s:
            return self._run.factor(local_s)
        return self._week.factor((local_s - self._run.length_s) % self._week.length_s)

    def elapsed(self, at_s: float) -> float:
        """Mean-days of intensity from simulated second 0 to *at_s* (>= 0)."""
        local_s = at_s + self._starts_at_s
        if local_s < self._run.length_s:
            return self._run.cumulated(local_s) - self._before_start
        weeks, rest_s = divmod(local_s - self._run.length_s, self._week.length_s)
        behind = weeks * self._week.total + self._week.cumulated(rest_s)
        return self._run.total + behind - self._before_start

    def at(self, elapsed: float) -> float:
        """The first simulated second at which *elapsed* (>= 0) mean-days of intensity have passed since 0."""
        target = elapsed + self._before_start
        if target <= self._run.total:
            return self._run.inverse(target) - self._starts_at_s
        weeks, rest = divmod(target - self._run.total, self._week.total)
        local_s = self._run.length_s + weeks * self._week.length_s + self._week.inverse(rest)
        return local_s - self._starts_at_s

    def after(self, at_s: float, days: float) -> float:
        """The first second at which *days* (>= 0) mean-days of intensity have passed since *at_s*.

        By bisection on the cumulated curve: O(log hours).
        """
        return max(at_s, self.at(self.elapsed(at_s) + days))

    def elapsed_all(self, at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """`elapsed` for many seconds at once, none counted behind the curve's last day; same shape."""
        hours = self._run.cumulated_hours
        local_s = at_s + self._starts_at_s
        return np.interp(local_s, HOUR_S * np.arange(len(hours)), hours) - self._before_start

    def at_all(self, elapsed: NDArray[np.float64]) -> NDArray[np.float64]:
        """`at` for many values at once, none put behind the end of the curve's last day; same shape."""
        hours = self._run.cumulated_hours
        local_s = np.interp(elapsed + self._before_start, hours, HOUR_S * np.arange(len(hours)))
        return local_s - self._starts_at_s


class _Steps:
    """A function that is constant on each hour, and its integral in mean-days."""

    def __init__(self, factors: Sequence[float]) -> None:
        self._factors = list(factors)
        self.cumulated_hours = list(accumulate((factor / 24 for factor in factors), initial=0.0))
        self.total = self.cumulated_hours[-1]
        self.length_s = float(len(self._factors) * HOUR_S)

    def factor(self, at_s: float) -> float:
        return self._factors[int(at_s // HOUR_S)]

    def cumulated(self, at_s: float) -> float:
        hour = int(at_s // HOUR_S)
        if hour >= len(self._factors):
            return self.total
        return self.cumulated_hours[hour] + self._factors[hour] * (at_s - hour * HOUR_S) / DAY_S

    def inverse(self, target: float) -> float:
        """The first second at which the integral is *target*."""
        above = bisect_left(self.cumulated_hours, target)
        if above == 0:
            return 0.0
        if above == len(self.cumulated_hours):
            return self.length_s
        low = self.cumulated_hours[above - 1]
        share = (target - low) / (self.cumulated_hours[above] - low)
        return (above - 1 + share) * HOUR_S
