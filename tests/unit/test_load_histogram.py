"""Histograms of latencies: close to the truth, and the same however the measurements were divided."""

import math

from hypothesis import given
from hypothesis import strategies as st

from loadtests.histogram import LatencyHistogram, bucket_of, highest_of

latencies_us = st.integers(min_value=0, max_value=10**9)  # up to 1,000 s


def histogram(values_us: list[int]) -> LatencyHistogram:
    counted = LatencyHistogram()
    for value in values_us:
        counted.add(value / 1e6)
    return counted


@given(latencies_us)
def test_a_bucket_holds_its_latency_and_is_at_most_a_64th_wide(latency_us):
    highest = highest_of(bucket_of(latency_us))

    assert latency_us <= highest <= latency_us + latency_us / 64


@given(latencies_us, latencies_us)
def test_buckets_are_in_the_order_of_their_latencies(one, other):
    assert (bucket_of(one) <= bucket_of(other)) or one > other


@given(st.lists(latencies_us, min_size=1, max_size=200), st.sampled_from([1, 50, 95, 99, 100]))
def test_a_percentile_is_the_nearest_rank_to_a_64th(values_us, percent):
    exact_us = sorted(values_us)[max(1, math.ceil(len(values_us) * percent / 100)) - 1]

    measured_us = histogram(values_us).percentile_ms(percent) * 1000

    assert exact_us - 0.01 <= measured_us <= exact_us * (1 + 1 / 64) + 0.01


@given(st.lists(latencies_us), st.lists(latencies_us))
def test_two_processes_added_are_one_that_measured_it_all(first, second):
    merged = histogram(first)
    merged.merge(LatencyHistogram.from_json(histogram(second).to_json()))

    assert merged == histogram(first + second)
    assert merged.count == len(first) + len(second)


def test_the_percentile_of_two_processes_is_not_the_mean_of_theirs():
    quick, slow = histogram([1_000] * 90), histogram([100_000] * 10)
    quick.merge(slow)

    assert [round(quick.percentile_ms(percent)) for percent in (50, 90, 95)] == [1, 1, 100]


def test_nothing_measured_has_percentile_zero():
    assert LatencyHistogram().percentile_ms(99) == 0
