"""Everything that a scenario takes from recorded orders."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulator.arrivals import ArrivalCurve
from simulator.calibrate.lapsing import MEAN_BOUNDS, Habits, fit, histories
from simulator.calibrate.observed import DAY_S, Observed, orders_per_day
from simulator.calibrate.simulate import simulate
from simulator.scenario import load_scenario
from simulator.scenario.model import ArrivalsSection, Basket, Lines, PricePoint
from simulator.shoppers.streams import Streams

CUSTOMERS_FOR_A_MEAN = 20_000  # simulated at least, to know what the model expects
MATCHING_STEPS = 3
CERTAINLY_SOME = 20.0  # expected orders; a day without any is then one in 500 million
PRICE_POINT_SHARE = 0.01  # a value that this share of orders has exactly is a price point
LEAST_AT_PRICE_POINT = 20  # orders, so that chance makes none in small data
MOST_CV = 3.0  # of ArrivalsSection.day_factor_cv


@dataclass(frozen=True)
class Estimates:
    """What was derived from the data.

    Attributes:
        arrivals: weekday and hourly shares (local time) and the random factor of each day.
        users: shoppers at one time who make the data's mean number of orders a day at the mean rate.
        basket: of orders with a value above 0.
        worthless_share: of orders with a value of 0.
        categories: share of each category in all orders' categories, most frequent first; sums to 1.
    """

    habits: Habits
    arrivals: ArrivalsSection
    users: int
    basket: Basket
    worthless_share: float
    categories: dict[str, float]


def estimate(observed: Observed, seed: int) -> Estimates:
    """Estimate all.

    Args:
        seed: of the simulation that tells how many orders a day has without day factors.
    """
    profile = ArrivalsSection(
        weekday_share=weekday_share(observed), hourly_share=hourly_share(observed), day_factor_cv=0.0
    )
    habits, cv = habits_and_day_factor_cv(observed, profile, seed)
    bought = observed.categories.total()
    return Estimates(
        habits=habits,
        arrivals=profile.model_copy(update={"day_factor_cv": cv}),
        users=max(1, round(len(observed.customer) / observed.days / habits.mean_per_day)),
        basket=basket(observed.value_hundredths, observed.lines),
        worthless_share=float(np.mean(observed.value_hundredths <= 0)),
        categories={name: count / bought for name, count in observed.categories.most_common()},
    )


def weekday_share(observed: Observed) -> tuple[float, ...]:
    """Mean orders per day of each weekday, Monday first, as shares; shape ``(7,)``, sums to 1."""
    counts = orders_per_day(observed.at_s, observed.first_day, observed.end_day)
    weekday = np.arange(observed.first_day, observed.end_day) % 7
    means = [float(np.mean(counts[weekday == day])) for day in range(7)]
    return rounded_shares(means)


def hourly_share(observed: Observed) -> tuple[float, ...]:
    """Share of orders per local hour; shape ``(24,)``, sums to 1; without hours the baseline's."""
    if not observed.has_time_of_day:
        return load_scenario("baseline").arrivals.hourly_share
    hours = (observed.at_s % DAY_S // 3600).astype(np.int64)
    return rounded_shares(np.bincount(hours, minlength=24).tolist())


def rounded_shares(weights: Sequence[float], digits: int = 4) -> tuple[float, ...]:
    """Weights as shares of so many digits that sum to exactly 1 (largest remainders are rounded up)."""
    units, total = 10**digits, math.fsum(weights)
    exact = [weight / total * units for weight in weights]
    shares = [math.floor(part) for part in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (shares[i] - exact[i], i))
    for index in by_remainder[: units - sum(shares)]:
        shares[index] += 1
    return tuple(share / units for share in shares)


def basket(value_hundredths: NDArray[np.int64], lines: NDArray[np.int64]) -> Basket:
    """Price points and the lognormal rest of the values above 0, and lines where purchases have several.

    Args:
        value_hundredths, lines: shape ``(orders,)``.
    """
    values = value_hundredths[value_hundredths > 0]
    distinct, count = np.unique(values, return_counts=True)
    frequent = count >= max(LEAST_AT_PRICE_POINT, PRICE_POINT_SHARE * len(values))
    rest = values[~np.isin(values, distinct[frequent])]
    if np.unique(rest).size < 2:  # nothing but price points: the lognormal part stands for all of them
        frequent, rest = np.zeros(len(distinct), dtype=bool), values
    logs = np.log(rest / 100)
    return Basket(
        mu=round(float(np.mean(logs)), 4),
        sigma=round(float(np.std(logs, ddof=1)), 4),
        price_points=tuple(
            PricePoint(value_hundredths=int(value), share=math.floor(1e4 * times / len(values)) / 1e4)
            for value, times in zip(distinct[frequent], count[frequent], strict=True)
        ),
        lines=_lines(value_hundredths, lines),
    )


def _lines(value_hundredths: NDArray[np.int64], lines: NDArray[np.int64]) -> Lines | None:
    """How many products purchases of some value have; None where all have the same number."""
    worth = value_hundredths > 0
    counts, values = np.log(lines[worth]), np.log(value_hundredths[worth])
    if np.std(counts) == 0:
        return None
    correlation = float(np.corrcoef(counts, values)[0, 1]) if np.std(values) else 0.0
    mu, sigma = float(np.mean(counts)), float(np.std(counts, ddof=1))
    return Lines(mu=round(mu, 4), sigma=round(sigma, 4), correlation=round(correlation, 4))


def habits_and_day_factor_cv(observed: Observed, profile: ArrivalsSection, seed: int) -> tuple[Habits, float]:
    """The habits and the remaining day-to-day variation of whichever explains the daily orders better:
    customers who join with their first order, or who were present before the data began."""
    curve = ArrivalCurve.of(profile, days=observed.end_day)
    streams = Streams(seed)
    found = []
    for present in (False, True):
        likeliest = fit(histories(observed, present))
        habits = _with_the_datas_total(observed, likeliest, curve, streams)
        found.append((habits, _day_factor_cv(observed, habits, curve, streams)))
    return min(found, key=lambda pair: pair[1])


def _with_the_datas_total(
    observed: Observed, habits: Habits, curve: ArrivalCurve, streams: Streams
) -> Habits:
    """The habits with the mean rate at which the simulated number of orders is the data's.

    The likeliest rate need not be that one, as no data follows the model to the letter.
    """
    given = 0 if habits.present else observed.customers  # orders that are an input of the simulation
    copies = _copies(observed)
    for step in range(MATCHING_STEPS):
        generator = streams.generator("calibrate-total", f"{habits.present} {step}")
        simulated = len(simulate(observed, habits, curve, generator, copies).at_s) / copies - given
        factor = (len(observed.at_s) - given) / max(1.0, simulated)
        habits = replace(habits, mean_per_day=min(MEAN_BOUNDS[1], habits.mean_per_day * factor))
    return habits


def _day_factor_cv(observed: Observed, habits: Habits, curve: ArrivalCurve, streams: Streams) -> float:
    """By how much days differ beyond what customers, weekdays and chance explain.

    A day's count is Poisson with mean e * f, f of mean 1 and variance cv^2, so the squared deviations from e
    sum to sum(e) + cv^2 * sum(e^2). The means e are simulated without day factors in *copies* copies of the
    customers, which adds sum(e) / copies of its own. Days on which the shop was closed do not count: no order
    where chance alone would hardly ever leave none.
    """
    copies = _copies(observed)
    generator = streams.generator("calibrate-days", f"{habits.present}")
    orders = simulate(observed, habits, curve, generator, copies)
    counts = orders_per_day(observed.at_s, observed.first_day, observed.end_day)
    simulated = orders_per_day(orders.at_s, observed.first_day, observed.end_day)
    means = simulated * (counts.sum() / simulated.sum())
    opened = (counts > 0) | (means < CERTAINLY_SOME)
    counts, means = counts[opened], means[opened]
    beyond = np.sum((counts - means) ** 2) - (1 + 1 / copies) * np.sum(means)
    return round(min(MOST_CV, math.sqrt(max(0.0, float(beyond / np.sum(means**2))))), 4)


def _copies(observed: Observed) -> int:
    """How often the customers are simulated so that chance hardly matters."""
    return math.ceil(CUSTOMERS_FOR_A_MEAN / observed.customers)
