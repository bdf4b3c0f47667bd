"""Means, intervals and differences against published and textbook figures."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from simulator.runs.statistics import (
    Estimate,
    estimate,
    mean,
    paired_difference,
    unpaired_difference,
    variance,
)

# Law, Simulation Modeling and Analysis, 5th ed., example 4.26: ten observations, 90 % interval 1.34 ± 0.24.
LAW = [1.20, 1.50, 1.68, 1.89, 0.95, 1.49, 1.58, 1.55, 0.50, 1.09]
# Student's own data (1908): extra hours of sleep under two drugs, ten patients; difference 1.58 ± 0.88.
SLEEP_A = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_B = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]

samples = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30)


def test_the_mean_and_variance_of_a_known_sample():
    assert mean(LAW) == pytest.approx(1.343)
    assert variance(LAW) == pytest.approx(0.17, abs=0.005)  # as printed there


def test_the_interval_of_students_sleep_data():
    """t.test(extra ~ group, sleep, paired = TRUE) in R: 1.58, 95 % from 0.7001142 to 2.4598858."""
    known = paired_difference(SLEEP_A, SLEEP_B)

    assert (known.mean, known.low, known.high) == pytest.approx((1.58, 0.7001142, 2.4598858), abs=1e-7)
    assert known.excludes_zero


def test_the_same_data_taken_as_unpaired_show_nothing():
    """Welch's t.test(extra ~ group, sleep) in R: 95 % from -0.2054832 to 3.3654832 (17.776 degrees)."""
    known = unpaired_difference(SLEEP_A, SLEEP_B)

    assert (known.low, known.high) == pytest.approx((-0.2054832, 3.3654832), abs=1e-7)
    assert known.freedom == pytest.approx(17.776, abs=1e-3)
    assert not known.excludes_zero


def test_one_value_allows_no_interval():
    assert estimate([3.0]) == Estimate(3.0, 1, None)
    assert (estimate([3.0]).low, estimate([3.0]).detectable) == (None, None)
    assert unpaired_difference([3.0], [4.0, 5.0]) == Estimate(1.5, 1, None)


def test_values_that_are_all_the_same_have_an_interval_of_no_width():
    assert (estimate([2.0, 2.0]).low, estimate([2.0, 2.0]).high) == (2.0, 2.0)
    assert unpaired_difference([2.0, 2.0], [2.0, 2.0]).half_width == 0.0


def test_an_effect_of_the_detectable_size_is_seen_about_four_times_in_five():
    """Against the exact power from the non-central t distribution."""
    known = estimate(LAW)
    noncentrality = known.detectable / known.standard_error
    critical = stats.t.ppf(0.975, known.freedom)

    assert 1 - stats.nct.cdf(critical, known.freedom, noncentrality) == pytest.approx(0.8, abs=0.02)


@given(samples)
def test_intervals_agree_with_scipy(values):
    known = estimate(values)
    if known.standard_error == 0:
        return
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)

    assert known.low == pytest.approx(theirs.low, rel=1e-6, abs=1e-6)
    assert known.high == pytest.approx(theirs.high, rel=1e-6, abs=1e-6)


@given(samples, st.randoms(use_true_random=False))
def test_the_mean_does_not_depend_on_the_order(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)

    assert mean(shuffled) == mean(values)
    assert math.isclose(variance(shuffled), variance(values), rel_tol=1e-12)
