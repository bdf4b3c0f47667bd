"""Relevance stays between the default and 100, for a bounded number of categories."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offerloop.offers.model import Affinity, EventType, Shopper, TrendingCategory
from offerloop.offers.relevance import (
    AFFINITY_HALF_LIFE_S,
    MAX_SPECIAL_CATEGORIES,
    affinity_after,
    decayed,
    relevance_by_category,
    strongest_affinities,
)
from tests.factories import NOON

names = st.sampled_from([f"c{number}" for number in range(20)])
affinities = st.dictionaries(names, st.builds(Affinity, st.floats(0, 1_000), st.integers(NOON - 10**6, NOON)))


@given(st.lists(names), affinities, st.lists(names, unique=True))
def test_few_categories_are_special_and_each_is_above_the_default(preferences, liked, hot):
    shopper = Shopper("ann", preferences=tuple(preferences), affinities=liked)
    trending = [TrendingCategory(name, 99.0) for name in hot]

    relevance = relevance_by_category(shopper, trending, NOON)

    assert len(relevance) <= MAX_SPECIAL_CATEGORIES
    assert all(50 < value <= 100 for value in relevance.values())


def test_a_stranger_sees_only_trends():
    assert relevance_by_category(None, [TrendingCategory("toys", 30.0)], NOON) == {"toys": 60}


def test_preference_beats_affinity_and_nothing_passes_a_hundred():
    shopper = Shopper("ann", preferences=("a",), affinities={"a": Affinity(9, NOON), "b": Affinity(20, NOON)})

    relevance = relevance_by_category(
        shopper, [TrendingCategory("a", 50.0), TrendingCategory("b", 40.0)], NOON
    )

    assert relevance == {"a": 100, "b": 50 + 20 + 10}


def test_no_more_than_four_preferences_count():
    assert list(relevance_by_category(Shopper("ann", preferences=tuple("abcdef")), [], NOON)) == list("abcd")


@pytest.mark.parametrize(
    ("event_type", "gained"), [("VIEW", 1), ("CLICK", 3), ("ADD_TO_CART", 5), ("REDEMPTION", 10)]
)
def test_an_event_adds_its_points_to_what_is_left_after_a_week(event_type, gained):
    before = Affinity(8.0, NOON - AFFINITY_HALF_LIFE_S)

    assert affinity_after(before, EventType(event_type), NOON) == Affinity(4.0 + gained, NOON)
    assert affinity_after(None, EventType(event_type), NOON) == Affinity(float(gained), NOON)


def test_a_dismissal_takes_points_but_never_below_zero():
    assert affinity_after(Affinity(8.0, NOON), EventType.DISMISS, NOON) == Affinity(3.0, NOON)
    assert affinity_after(Affinity(2.0, NOON), EventType.DISMISS, NOON) == Affinity(0.0, NOON)


def test_the_strongest_affinities_are_compared_as_they_stand_now():
    known = {
        "old": Affinity(10.0, NOON - 2 * AFFINITY_HALF_LIFE_S),
        "new": Affinity(3.0, NOON),
        "even": Affinity(3.0, NOON),
        "none": Affinity(0.0, NOON),
    }

    assert strongest_affinities(known, NOON, 2) == {"even": 3.0, "new": 3.0}
    assert strongest_affinities(known, NOON, 9) == {"even": 3.0, "new": 3.0, "old": 2.5}


def test_time_that_runs_backwards_does_not_grow_points():
    assert decayed(8.0, -60, 300) == 8.0
