"""The arrival curve: one intensity for the twin, live shoppers and load generators."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.arrivals import DAY_S, HOUR_S, ArrivalCurve, draw_day_factors
from simulator.scenario.model import ArrivalsSection, FlashSale

EVEN_WEEK = (1 / 7,) * 7
EVEN_DAY = (1 / 24,) * 24
OPEN_HOURS = tuple(0.125 if 9 <= hour < 17 else 0.0 for hour in range(24))  # nobody comes at night


def arrivals(**changed: object) -> ArrivalsSection:
    return ArrivalsSection.model_validate({"weekday_share": EVEN_WEEK, "hourly_share": EVEN_DAY, **changed})


@st.composite
def curves(draw: st.DrawFn) -> ArrivalCurve:
    """Curves with empty hours, busy days, sales, any hour of start."""
    weights = draw(st.lists(st.integers(0, 9), min_size=24, max_size=24).filter(any))
    weekdays = draw(st.lists(st.integers(0, 9), min_size=7, max_size=7).filter(any))
    days = draw(st.integers(1, 20))
    factors = draw(st.lists(st.floats(0.1, 3), max_size=days))
    sales = draw(
        st.lists(
            st.builds(
                FlashSale,
                day=st.integers(0, days - 1),
                hour=st.integers(0, 23),
                hours=st.integers(1, 30),
                factor=st.floats(0, 20),
            ),
            max_size=2,
        )
    )
    section = arrivals(
        weekday_share=tuple(weight / sum(weekdays) for weight in weekdays),
        hourly_share=tuple(weight / sum(weights) for weight in weights),
        starts_at_hour=draw(st.integers(0, 23)),
        flash_sales=tuple(sales),
    )
    return ArrivalCurve.of(section, days=days, day_factors=factors)


def test_the_mean_over_a_week_is_one():
    """Without flash sale and day factors, whatever the profiles."""
    uneven = arrivals(
        weekday_share=(0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1), hourly_share=OPEN_HOURS, starts_at_hour=11
    )
    curve = ArrivalCurve.of(uneven, days=30)

    weeks = [curve.elapsed(7 * DAY_S * week) for week in range(1, 7)]

    assert weeks == pytest.approx([7.0 * week for week in range(1, 7)])


def test_a_factor_is_weekday_times_hour_times_day_times_sale():
    section = arrivals(
        weekday_share=(0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1),
        hourly_share=OPEN_HOURS,
        flash_sales=(FlashSale(day=0, hour=12, hours=2, factor=8),),
    )
    curve = ArrivalCurve.of(section, days=3, day_factors=(1.5, 0.5), warm_up_days=1)
    monday, tuesday = 7 * 0.4 * 24 * 0.125 * 1.5, 7 * 0.1 * 24 * 0.125 * 0.5

    factors = [curve.factor(hour * HOUR_S) for hour in (8, 12, 24 + 11, 24 + 12, 24 + 13, 24 + 14)]

    assert factors == pytest.approx([0, monday, tuesday, 8 * tuesday, 8 * tuesday, tuesday])


def test_simulated_time_begins_at_the_hour_that_the_scenario_says():
    curve = ArrivalCurve.of(arrivals(hourly_share=OPEN_HOURS, starts_at_hour=16), days=2)

    assert [curve.factor(hour * HOUR_S) for hour in (0, 1, 16, 17)] == pytest.approx([3, 0, 0, 3])


def test_hours_without_visits_are_passed_over():
    curve = ArrivalCurve.of(arrivals(hourly_share=OPEN_HOURS), days=7)

    assert curve.after(17 * HOUR_S, 1 / 16) == pytest.approx((24 + 9.5) * HOUR_S)


@given(curves(), st.floats(0, 40 * DAY_S), st.floats(1e-6, 30))
def test_after_is_the_inverse_of_the_cumulated_intensity(curve, at_s, days):
    """Also across the end of the curve's own days, behind which the profiles go on."""
    reached = curve.after(at_s, days)

    assert reached >= at_s
    assert curve.elapsed(reached) - curve.elapsed(at_s) == pytest.approx(days, rel=1e-6, abs=1e-7)


@given(curves(), st.floats(0, 40 * DAY_S), st.floats(0, 5), st.floats(0, 5))
def test_waiting_twice_is_waiting_once_for_the_sum(curve, at_s, first, second):
    in_two_steps = curve.after(curve.after(at_s, first), second)

    assert curve.elapsed(in_two_steps) == pytest.approx(
        curve.elapsed(curve.after(at_s, first + second)), abs=1e-6
    )


@given(curves(), st.floats(0, 30 * DAY_S), st.floats(1, 10 * DAY_S))
def test_the_cumulated_intensity_is_the_integral_of_the_factor(curve, at_s, length_s):
    edges = [at_s, *range((int(at_s) // HOUR_S + 1) * HOUR_S, math.ceil(at_s + length_s), HOUR_S)]
    edges = [edge for edge in edges if edge < at_s + length_s] + [at_s + length_s]
    steps = itertools.pairwise(edges)

    integral = math.fsum(curve.factor(low) * (high - low) / DAY_S for low, high in steps)

    assert curve.elapsed(at_s + length_s) - curve.elapsed(at_s) == pytest.approx(integral, abs=1e-6)


@given(curves(), st.lists(st.floats(0, 19 * DAY_S), min_size=1, max_size=20))
def test_many_at_once_are_the_same_as_one_by_one(curve, moments):
    inside = [moment for moment in moments if curve.elapsed(moment) <= curve.elapsed_all(np.array([1e9]))[0]]
    elapsed = [curve.elapsed(moment) for moment in inside]

    assert curve.elapsed_all(np.array(inside)).tolist() == pytest.approx(elapsed)
    together = [curve.elapsed(float(moment)) for moment in curve.at_all(np.array(elapsed))]
    assert together == pytest.approx([curve.elapsed(curve.at(value)) for value in elapsed])


def test_visits_drawn_through_the_curve_follow_it():
    """100,000 visits of a Poisson process in operational time: counts by hour are as the profile says."""
    hourly = tuple(share / 300 for share in range(1, 25))
    curve = ArrivalCurve.of(arrivals(hourly_share=hourly), days=100)
    gaps = np.random.default_rng(3).exponential(1 / 1_000, size=100_000)
    elapsed = np.cumsum(gaps)

    hours = curve.at_all(elapsed[elapsed < 100]) % DAY_S // HOUR_S
    counts = np.bincount(hours.astype(int), minlength=24)

    expected = counts.sum() * np.array(hourly)
    assert float(np.sum((counts - expected) ** 2 / expected)) < 49.7  # 99.9 % of chi-squared, 23 degrees


def test_day_factors_have_mean_one_and_the_given_variation():
    factors = draw_day_factors(np.random.default_rng(1), cv=0.3, days=20_000)

    assert np.mean(factors) == pytest.approx(1, abs=0.01)
    assert np.std(factors) == pytest.approx(0.3, abs=0.01)
    assert draw_day_factors(np.random.default_rng(1), cv=0.3, days=5) == factors[:5]
    assert draw_day_factors(np.random.default_rng(1), cv=0, days=3) == (1.0, 1.0, 1.0)
