"""Trending fades evenly and does not depend on how events are batched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offerloop.offers.model import EventType, TrendingCategory
from offerloop.offers.trending import TRENDING_HALF_LIFE_S, TrendScores, strongest
from tests.factories import NOON_MS, an_event

HALF_LIFE_MS = TRENDING_HALF_LIFE_S * 1_000

moments = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(list(EventType)), st.integers(0, 10**6)), max_size=30
)


def events(rows):
    return [
        an_event(str(number), category=category, event_type=kind, occurred_at_ms=NOON_MS + at)
        for number, (category, kind, at) in enumerate(rows)
    ]


@given(moments)
def test_events_may_come_in_any_batches(rows):
    end = NOON_MS + 10**6
    ordered = sorted(events(rows), key=lambda event: event.occurred_at_ms)
    one_by_one = TrendScores()
    for event in ordered:
        one_by_one = one_by_one.plus([event], event.occurred_at_ms)

    at_once = TrendScores().plus(ordered, end)

    separate = one_by_one.at(end)
    for category in "abc":
        # What falls under FORGET_BELOW is dropped, at most once per event.
        assert separate.points.get(category, 0) == pytest.approx(
            at_once.points.get(category, 0), abs=0.01 * (len(rows) + 1)
        )


def test_points_halve_per_half_life_and_are_forgotten_at_last():
    scores = TrendScores(NOON_MS, {"toys": 40.0})

    assert scores.at(NOON_MS + HALF_LIFE_MS).points == {"toys": 20.0}
    assert scores.at(NOON_MS + 20 * HALF_LIFE_MS).points == {}


def test_time_never_runs_backwards():
    scores = TrendScores(NOON_MS, {"toys": 40.0})

    assert scores.at(NOON_MS - HALF_LIFE_MS) == scores
    assert scores.plus([an_event(category="toys")], NOON_MS - 1).points == {"toys": 41.0}


def test_under_the_floor_nothing_is_trending():
    assert strongest({"a": 9.99, "b": 10.0, "c": 12.0, "d": 12.0}, 9) == (
        TrendingCategory("c", 12.0),
        TrendingCategory("d", 12.0),
        TrendingCategory("b", 10.0),
    )
