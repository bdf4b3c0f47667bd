"""When in the day people shop, and the next visit that follows from it."""

from dataclasses import dataclass

import numpy as np

HOUR_S = 3600
DAY_S = 24 * HOUR_S

# Share of a day's baskets per local hour, 0..23, in percent: 155,848 baskets of a US grocer in 2017
# ("Complete Journey 2.0", 84.51°; hour of the shop's own zone).
HOURLY_SHARE = (
    0.7, 0.4, 0.4, 0.2, 0.1, 0.2, 0.7, 1.4, 2.1, 3.0, 4.5, 6.0,
    6.7, 6.8, 7.1, 7.7, 9.0, 10.0, 9.4, 7.9, 6.5, 4.8, 3.0, 1.5,
)  # fmt: skip
_MEAN_SHARE = sum(HOURLY_SHARE) / 24
HOUR_FACTORS = tuple(share / _MEAN_SHARE for share in HOURLY_SHARE)  # mean 1

# The same source: variance / mean = 5.0 at 428 baskets a day, so beyond Poisson the day itself varies with
# a coefficient of variation of sqrt((5 - 1) / 428).
DAY_FACTOR_CV = 0.097


class DayFactors:
    """How busy each day is against the average: gamma with mean 1, the same for all shoppers."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator
        self._factors: list[float] = []

    def of(self, day: int) -> float:
        """The factor of a day, counted from 0; drawn in order, so it does not depend on who asks first."""
        shape = 1 / DAY_FACTOR_CV**2
        while len(self._factors) <= day:
            self._factors.append(float(self._generator.gamma(shape, 1 / shape)))
        return self._factors[day]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Visits of one shopper: a Poisson process whose rate follows the hour and the day.

    Attributes:
        per_day: mean visits a day, > 0.
        starts_at_s: second of day 0 at which simulated time 0 lies.
    """

    per_day: float
    starts_at_s: int
    days: DayFactors
    generator: np.random.Generator

    def next_after(self, now_s: float) -> float:
        """Give the simulated second of the next visit, > *now_s*."""
        wanted = float(self.generator.exponential())  # expected visits that lie between now and the next one
        at = now_s + self.starts_at_s
        while True:
            hour = int(at // HOUR_S)
            rate = self.per_day / DAY_S * HOUR_FACTORS[hour % 24] * self.days.of(hour // 24)
            left_s = (hour + 1) * HOUR_S - at
            if wanted <= rate * left_s:
                return at + wanted / rate - self.starts_at_s
            wanted -= rate * left_s
            at = float((hour + 1) * HOUR_S)


def second_of_day(uniform: float) -> int:
    """Turn a number in [0, 1) into a second of the day, distributed as HOURLY_SHARE says."""
    left = uniform * sum(HOURLY_SHARE)
    for hour, share in enumerate(HOURLY_SHARE):
        if left < share:
            return hour * HOUR_S + int(left / share * HOUR_S)
        left -= share
    return DAY_S - 1
