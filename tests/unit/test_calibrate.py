"""Calibration: known parameters are found again, and data unlike the model is told apart from it."""

import math
from collections import Counter
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.arrivals import ArrivalCurve
from simulator.calibrate.distances import distances
from simulator.calibrate.estimate import basket, estimate, rounded_shares, weekday_share
from simulator.calibrate.lapsing import Habits, Histories, fit, histories
from simulator.calibrate.observed import DAY_S, CannotCalibrate, Observed, gaps_days, observe, orders_per_day
from simulator.calibrate.simulate import simulate
from simulator.replay.recording import Session
from simulator.scenario.model import ArrivalsSection

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
EVEN = ArrivalsSection(weekday_share=(1 / 7,) * 7, hourly_share=(1 / 24,) * 24)


def observed(orders: list[tuple[int, float]], days: int, value_hundredths: int = 1_000) -> Observed:
    """Orders as (customer, day), worth *value_hundredths* and, every second one, twice as much."""
    orders = sorted(orders, key=lambda order: order[1])
    return Observed(
        customer=np.array([customer for customer, _ in orders], dtype=np.int64),
        at_s=np.array([day * DAY_S for _, day in orders]),
        value_hundredths=value_hundredths * (1 + np.arange(len(orders), dtype=np.int64) % 2),
        lines=np.ones(len(orders), dtype=np.int64),
        monday=MONDAY.date(),
        first_day=0,
        end_day=days,
        has_time_of_day=True,
        categories=Counter({"books": 3, "tools": 1}),
    )


def customers_of_the_model(number: int, days: int, lapse: tuple[float, float] | None) -> Observed:
    """Customers who join in the first half, order at Gamma(2) rates of mean 0.2 a day and may lapse."""
    generator = np.random.default_rng(11)
    orders = []
    for customer in range(number):
        rate = generator.gamma(2.0, 0.1)
        leaves = generator.beta(*lapse) if lapse else 0.0
        day = generator.uniform(0, days / 2)
        while day < days:
            orders.append((customer, day))
            if generator.random() < leaves:
                break
            day += generator.exponential(1 / rate)
    return observed(orders, days)


def sessions(*orders: tuple[str, datetime]) -> list[Session]:
    return [
        Session(number, user, int(at.timestamp()), (("P-1", "books"),))
        for number, (user, at) in enumerate(orders)
    ]


def a_fortnight(user: str = "U{n}") -> list[tuple[str, datetime]]:
    """Three orders of each of twelve customers within sixteen days."""
    return [(user.format(n=n % 12), MONDAY.replace(day=1 + (n * 5) % 16, hour=n % 24)) for n in range(36)]


def test_rates_and_lapses_of_simulated_customers_are_found_again():
    data = customers_of_the_model(4_000, 200, lapse=(1.0, 4.0))

    habits = fit(histories(data, present=False))

    assert habits.lapse is not None
    a, b = habits.lapse
    assert (habits.mean_per_day, habits.shape, a / (a + b)) == (
        pytest.approx(0.2, rel=0.05),
        pytest.approx(2.0, rel=0.15),
        pytest.approx(0.2, rel=0.05),
    )


def test_customers_who_never_lapse_are_given_no_lapse():
    data = customers_of_the_model(1_000, 100, lapse=None)

    habits = fit(histories(data, present=False))

    assert habits.lapse is None
    assert (habits.mean_per_day, habits.shape) == (pytest.approx(0.2, rel=0.1), pytest.approx(2.0, rel=0.15))


def test_simulated_orders_have_the_rates_that_they_are_simulated_with():
    """Also customers who were there before: those who are not seen at all are made up for."""
    data = customers_of_the_model(500, 100, lapse=None)
    habits = Habits(present=True, mean_per_day=0.05, shape=1.0, lapse=None, log_likelihood=0.0)

    orders = simulate(data, habits, ArrivalCurve.of(EVEN, days=100), np.random.default_rng(1), copies=20)

    again = fit(histories(Observed(
        np.unique(orders.customer[np.argsort(orders.at_s)], return_inverse=True)[1],
        np.sort(orders.at_s), orders.customer, orders.customer, data.monday, 0, 100, True, Counter(),
    ), present=True))  # fmt: skip
    assert len(np.unique(orders.customer)) == pytest.approx(20 * 500, rel=0.02)
    assert (again.mean_per_day, again.shape) == (pytest.approx(0.05, rel=0.05), pytest.approx(1.0, rel=0.1))


def test_a_history_counts_from_the_first_order_or_from_the_begin_of_the_data():
    data = observed([(0, 2.0), (0, 5.0), (1, 4.0), (0, 9.0)], days=10)

    def rows(of: Histories) -> list[tuple[float, ...]]:
        return sorted(zip(of.orders, of.chances, of.last, of.until, of.count, strict=True))

    assert rows(histories(data, present=False)) == [(0, 1, 0, 6, 1), (2, 3, 7, 8, 1)]
    assert rows(histories(data, present=True)) == [(1, 1, 4, 10, 1), (3, 3, 9, 10, 1)]


def test_data_of_the_model_itself_is_near_its_simulation():
    data = customers_of_the_model(1_500, 120, lapse=(1.0, 4.0))

    _, gaps, per_day = distances(data, estimate(data, seed=1), seed=1)

    assert gaps.distance < 0.03
    assert per_day.distance < 0.15
    assert sum(per_day.simulated) == pytest.approx(sum(per_day.data), rel=0.05)


def test_customers_who_come_by_the_clock_are_far_from_any_simulation():
    """Everybody orders every seventh day: no mixture of Poisson processes does that."""
    data = observed([(n, n % 7 + 7.0 * week) for n in range(100) for week in range(12)], days=84)

    _, gaps, _ = distances(data, estimate(data, seed=1), seed=1)

    assert gaps.data == (7, 7, 7, 7, 7)
    assert gaps.distance > 0.4


def test_the_same_seed_gives_the_same_estimates_and_distances():
    data = customers_of_the_model(200, 60, lapse=None)

    first, again = estimate(data, seed=5), estimate(data, seed=5)

    assert (first, distances(data, first, seed=5)) == (again, distances(data, again, seed=5))
    assert distances(data, first, seed=6) != distances(data, first, seed=5)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40).filter(lambda weights: sum(weights) > 1e-3))
def test_rounded_shares_sum_to_one_and_lose_less_than_a_unit(weights):
    shares = rounded_shares(weights)

    assert math.fsum(shares) == pytest.approx(1, abs=1e-12)
    total = math.fsum(weights)
    assert all(abs(s - w / total) < 1.000001e-4 for s, w in zip(shares, weights, strict=True))


def test_weekday_shares_are_of_mean_days():
    """Ten days from a Monday hold Monday to Wednesday twice; each day has its orders all the same."""
    per_day = (2, 1, 1, 1, 1, 1, 3, 2, 1, 1)
    data = observed([(0, day + 0.5) for day, count in enumerate(per_day) for _ in range(count)], days=10)

    assert weekday_share(data) == (0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.3)
    assert orders_per_day(data.at_s, 0, 10).tolist() == list(per_day)


def test_frequent_values_are_price_points_and_the_rest_is_lognormal():
    generator = np.random.default_rng(2)
    others = np.round(np.exp(generator.normal(3.0, 0.5, 9_000)) * 100).astype(np.int64)
    values = np.concatenate([np.full(1_000, 1_177), others, np.zeros(50, dtype=np.int64)])

    found = basket(values, np.ones(len(values), dtype=np.int64))

    assert [(point.value_hundredths, point.share) for point in found.price_points] == [
        (1_177, pytest.approx(0.1, abs=1e-3))
    ]
    assert (found.mu, found.sigma) == (pytest.approx(3.0, abs=0.02), pytest.approx(0.5, abs=0.02))


def test_values_that_are_all_price_points_stand_for_themselves_in_the_lognormal():
    assert basket(np.array([1_000] * 30 + [2_000] * 30), np.ones(60, dtype=np.int64)).price_points == ()


def test_lines_of_baskets_are_found_with_what_they_have_to_do_with_the_value():
    generator = np.random.default_rng(3)
    together = generator.normal(size=(20_000, 2))
    values = np.round(100 * np.exp(2.8 + 1.2 * together[:, 0])).astype(np.int64)
    lines = np.exp(2.5 + 0.8 * (0.7 * together[:, 0] + np.sqrt(1 - 0.49) * together[:, 1]))

    found = basket(values, np.maximum(1, np.round(lines)).astype(np.int64)).lines

    assert found is not None
    assert (found.mu, found.sigma, found.correlation) == (
        pytest.approx(2.5, abs=0.02),
        pytest.approx(0.8, abs=0.02),
        pytest.approx(0.7, abs=0.02),
    )
    assert basket(values, np.ones(len(values), dtype=np.int64)).lines is None


def test_gaps_are_between_orders_of_one_customer():
    customer, at_s = np.array([0, 1, 0, 0, 1]), np.array([0.5, 1.0, 1.4, 4.0, 9.0]) * DAY_S

    assert sorted(gaps_days(customer, at_s, whole=False).tolist()) == pytest.approx([0.9, 2.6, 8.0])
    assert sorted(gaps_days(customer, at_s, whole=True).tolist()) == [1, 3, 8]


def test_days_and_hours_are_local():
    """Half past four at night in London is half past eleven of the evening before in New York."""
    orders = [(f"U{n}", MONDAY.replace(day=1 + n, hour=4, minute=30)) for n in range(12)] + a_fortnight()
    orders.sort(key=lambda order: order[1])

    data = observe(sessions(*orders), [100, 250] * 24, ZoneInfo("America/New_York"), True)

    assert data.monday == date(2023, 12, 25)
    assert (data.first_day, data.end_day) == (6, 23)
    assert data.at_s[0] == 6 * DAY_S + 19 * 3600  # midnight in London, Monday, is still Sunday there


def test_orders_stay_in_order_when_the_clock_is_put_back():
    night = datetime(2024, 11, 3, 5, 50, tzinfo=UTC)  # 01:50 summer time; twenty minutes later it is 01:10
    orders = [*a_fortnight(), ("U0", night), ("U1", night.replace(hour=6, minute=10))]
    orders.sort(key=lambda order: order[1])

    data = observe(sessions(*orders), [100, 250] * 19, ZoneInfo("America/New_York"), True)

    assert bool(np.all(np.diff(data.at_s) >= 0))


@pytest.mark.parametrize(
    ("orders", "values", "missing"),
    [
        ([], [], "no usable order"),
        (
            a_fortnight()[:1],
            [100],
            "1 customers of at least 10, and 1 days .* of at least 14, and 0 orders after",
        ),
        (a_fortnight("same"), [100, 250] * 18, "has 1 customers of at least 10$"),
        ([(user, MONDAY) for user, _ in a_fortnight()], [100, 250] * 18, "has 1 days from the first"),
        ([(f"U{n}", at) for n, (_, at) in enumerate(a_fortnight())], [100, 250] * 18, "has 0 orders after"),
        (a_fortnight(), [0] * 36, "has baskets of at least two different values above 0"),
    ],
)
def test_too_little_data_is_refused_with_all_that_is_missing(orders, values, missing):
    in_order = sorted(orders, key=lambda order: order[1])

    with pytest.raises(CannotCalibrate, match=missing):
        observe(sessions(*in_order), values, UTC, True)


def test_a_time_zone_for_data_without_times_of_day_is_refused():
    with pytest.raises(CannotCalibrate, match="leave ZONE out"):
        observe(sessions(*a_fortnight()), [100] * 36, ZoneInfo("Europe/Berlin"), False)
