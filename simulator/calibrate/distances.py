"""How far simulated arrivals are from the data: Kolmogorov-Smirnov distances."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from simulator.arrivals import ArrivalCurve, draw_day_factors
from simulator.calibrate.estimate import Estimates
from simulator.calibrate.observed import Observed, gaps_days, orders_per_day
from simulator.calibrate.simulate import simulate
from simulator.scenario.model import Basket
from simulator.shoppers.streams import Streams

RUNS = 10  # simulations that are put together, so that the distance tells of the model and not of one run
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class Distance:
    """One quantity in the data and in the simulation.

    Attributes:
        distance: Kolmogorov-Smirnov, the largest difference of the two distribution functions, 0..1.
        noise: distance that data from the model itself would stay below 95 times in 100 (asymptotic, for
            independent values; gaps of one customer and neighbouring days are not quite).
        data, simulated: quantiles at `QUANTILES`.
        data_count, simulated_count: values compared.
    """

    quantity: str
    distance: float
    noise: float
    data: tuple[float, ...]
    simulated: tuple[float, ...]
    data_count: int
    simulated_count: int


def distances(observed: Observed, estimates: Estimates, seed: int) -> list[Distance]:
    """Simulate the arrival part `RUNS` times with as many customers as the data has, and compare."""
    gaps, days, total = [], [], 0
    for run in range(RUNS):
        streams = Streams(seed)
        factors = draw_day_factors(
            streams.generator("calibrate-day", f"{run}"),
            cv=estimates.arrivals.day_factor_cv,
            days=observed.end_day,
        )
        orders = simulate(
            observed,
            estimates.habits,
            ArrivalCurve.of(estimates.arrivals, days=observed.end_day, day_factors=factors),
            streams.generator("calibrate-orders", f"{run}"),
        )
        total += len(orders.at_s)
        gaps.append(gaps_days(orders.customer, orders.at_s, whole=not observed.has_time_of_day))
        days.append(orders_per_day(orders.at_s, observed.first_day, observed.end_day))
    values = Streams(seed).generator("calibrate-basket")
    baskets = _baskets(estimates.basket, total, values)
    lines = estimates.basket.lines
    of_lines = []
    if lines is not None:
        drawn = np.maximum(1, np.round(values.lognormal(lines.mu, lines.sigma, total)))
        of_lines = [_distance("lines of a basket", observed.lines.astype(np.float64), drawn)]
    observed_gaps = gaps_days(observed.customer, observed.at_s, whole=not observed.has_time_of_day)
    return [
        _distance("basket value", observed.value_hundredths[observed.value_hundredths > 0] / 100, baskets),
        *of_lines,
        _distance("gap between orders, days", observed_gaps, np.concatenate(gaps)),
        _distance(
            "orders per day",
            orders_per_day(observed.at_s, observed.first_day, observed.end_day).astype(np.float64),
            np.concatenate(days).astype(np.float64),
        ),
    ]


def _baskets(basket: Basket, number: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Values in units of currency, rounded to hundredths."""
    points = np.array([point.value_hundredths for point in basket.price_points], dtype=np.int64)
    shares = [point.share for point in basket.price_points]
    counts = generator.multinomial(number, [*shares, max(0.0, 1 - math.fsum(shares))])
    others = generator.lognormal(basket.mu, basket.sigma, counts[-1]).round(2)
    return np.concatenate([np.repeat(points, counts[:-1]) / 100, others])


def _distance(quantity: str, data: NDArray[np.float64], simulated: NDArray[np.float64]) -> Distance:
    return Distance(
        quantity,
        float(ks_2samp(data, simulated).statistic),
        float(1.358 * np.sqrt(1 / len(data) + 1 / len(simulated))),
        tuple(round(float(value), 3) for value in np.quantile(data, QUANTILES)),
        tuple(round(float(value), 3) for value in np.quantile(simulated, QUANTILES)),
        len(data),
        len(simulated),
    )
