"""Means of replications with their intervals, and differences between two scenarios.

Replications are independent, so Student's t applies (Law, Simulation Modeling and Analysis, 5th ed., 4.5 and
9.4; paired differences: 10.2.1, independent samples with unequal variances: 10.2.2).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

LEVEL = 0.95
POWER = 0.8  # of the smallest effect that is called detectable


@dataclass(frozen=True)
class Estimate:
    """A mean with what is known of its precision.

    Attributes:
        n: values that it rests on, >= 1 (of two samples: the smaller one).
        standard_error: of the mean, >= 0; None = one value says nothing of it.
        freedom: degrees of freedom of Student's t, > 0; 1 where they do not matter.
    """

    mean: float
    n: int
    standard_error: float | None
    freedom: float = 1.0

    @property
    def half_width(self) -> float | None:
        """The interval at LEVEL is mean ± this."""
        error = self.standard_error
        return None if error is None else _quantile((1 + LEVEL) / 2, self.freedom) * error

    @property
    def low(self) -> float | None:
        return None if self.half_width is None else self.mean - self.half_width

    @property
    def high(self) -> float | None:
        return None if self.half_width is None else self.mean + self.half_width

    @property
    def excludes_zero(self) -> bool:
        return self.half_width is not None and abs(self.mean) > self.half_width

    @property
    def detectable(self) -> float | None:
        """The true mean, > 0, that as many values would tell from 0 with a chance of POWER.

        Source:
            (t(1 - alpha/2) + t(power)) * standard error, the usual approximation of the non-central t.
        """
        if self.standard_error is None:
            return None
        quantiles = _quantile((1 + LEVEL) / 2, self.freedom) + _quantile(POWER, self.freedom)
        return quantiles * self.standard_error


def estimate(values: Sequence[float]) -> Estimate:
    """The mean of independent values from one distribution.

    Args:
        values: shape ``(n,)``, n >= 1.
    """
    n = len(values)
    if n == 1:
        return Estimate(float(values[0]), 1, None)
    return Estimate(mean(values), n, math.sqrt(variance(values) / n), n - 1)


def paired_difference(a: Sequence[float], b: Sequence[float]) -> Estimate:
    """B minus A where value i of both met the same random numbers; shapes ``(n,)``."""
    return estimate([y - x for x, y in zip(a, b, strict=True)])


def unpaired_difference(a: Sequence[float], b: Sequence[float]) -> Estimate:
    """B minus A for independent samples of any lengths >= 1 (Welch)."""
    difference, n = mean(b) - mean(a), min(len(a), len(b))
    if n < 2:
        return Estimate(difference, n, None)
    of_a, of_b = variance(a) / len(a), variance(b) / len(b)
    if of_a + of_b == 0:
        return Estimate(difference, n, 0.0)
    freedom = (of_a + of_b) ** 2 / (of_a**2 / (len(a) - 1) + of_b**2 / (len(b) - 1))
    return Estimate(difference, n, math.sqrt(of_a + of_b), freedom)


def mean(values: Sequence[float]) -> float:
    """Correctly rounded sum over n: the same on every Python (``sum`` of floats changed in 3.12)."""
    return math.fsum(values) / len(values)


def variance(values: Sequence[float]) -> float:
    """Sample variance, divisor n - 1; shape ``(n,)``, n >= 2."""
    centre = mean(values)
    return math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1)


@cache
def _quantile(probability: float, freedom: float) -> float:
    # Takes a third of a second to load, and workers never need it.
    from scipy.stats import t

    return float(t.ppf(probability, freedom))
