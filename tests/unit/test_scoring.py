"""The score is exact, and its order is what the sort keys say."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offerloop.errors import InvalidInput
from offerloop.offers.scoring import (
    CONTROL,
    TICKS_PER_POINT,
    URGENCY_WINDOW_S,
    Order,
    RankEntry,
    Weights,
    breakdown,
    offer_ticks,
    points,
    score_ticks,
    sort_key,
)
from tests.factories import NOON, an_offer

WEEK = URGENCY_WINDOW_S

entries = st.builds(
    RankEntry,
    st.text("ABC01", min_size=1, max_size=4),
    st.integers(0, 120),
    st.integers(0, 100),
    st.none() | st.integers(NOON + 1, NOON + 3 * WEEK),
)


@st.composite
def weights(draw: st.DrawFn) -> Weights:
    cuts = sorted(draw(st.integers(0, 10_000)) for _ in range(3))
    return Weights(cuts[0], cuts[1] - cuts[0], cuts[2] - cuts[1], 10_000 - cuts[2])


@pytest.mark.parametrize(
    ("entry", "relevance", "score"),
    [
        (RankEntry("OFF001", 95, 50, None), 100, 38 + 30 + 0 + 5),
        (RankEntry("OFF001", 95, 50, NOON + WEEK // 2), 100, 38 + 30 + 10 + 5),
        (RankEntry("OFF002", 88, 100, None), 50, 35.2 + 15 + 10),
        (RankEntry("OFF004", 102, 30, NOON + 2 * WEEK), 0, 40.8 + 3),
        (RankEntry("OFF005", 0, 0, NOON + 1), 0, 20 * (1 - 1 / WEEK)),
    ],
)
def test_a_score_is_the_weighted_sum_of_four_terms(entry, relevance, score):
    assert points(score_ticks(entry, relevance, CONTROL, NOON)) == pytest.approx(score, abs=1e-12)


@given(entries, st.integers(0, 100), weights(), st.integers(0, 100))
def test_ticks_are_the_score_in_exact_fractions(entry, relevance, own, later):
    now = NOON - later
    left = WEEK if entry.expires_at is None else min(WEEK, entry.expires_at - now)
    exact = (
        own.priority_bp * Fraction(entry.priority)
        + own.relevance_bp * relevance
        + own.urgency_bp * 100 * (1 - Fraction(left, WEEK))
        + own.inventory_bp * entry.stock
    ) / 10_000

    assert Fraction(score_ticks(entry, relevance, own, now), TICKS_PER_POINT) == exact


@given(entries, st.integers(0, 100), weights())
def test_the_breakdown_sums_to_the_score(entry, relevance, own):
    terms = breakdown(entry, relevance, own, NOON)

    total = terms.priority + terms.relevance + terms.urgency + terms.inventory
    assert total == pytest.approx(points(score_ticks(entry, relevance, own, NOON)))


@given(
    st.lists(entries, unique_by=lambda entry: entry.offer_id, max_size=40), weights(), st.integers(0, WEEK)
)
def test_the_best_of_a_list_are_among_the_first_of_both_orders(listed, own, later):
    """The claim of docs/decisions/0003-ranked-lists.md, for three and at any time."""
    now = NOON - WEEK + later
    best = sorted(listed, key=lambda entry: (-score_ticks(entry, 50, own, now), entry.offer_id))[:3]

    heads = [sorted(listed, key=lambda entry: sort_key(entry, own, order))[:3] for order in Order]

    assert set(best) <= {entry for head in heads for entry in head}


@given(st.lists(entries, unique_by=lambda entry: entry.offer_id), weights())
def test_base_keys_sort_offers_without_urgency_by_score_then_id(listed, own):
    calm = [RankEntry(entry.offer_id, entry.priority, entry.stock, None) for entry in listed]

    by_key = sorted(calm, key=lambda entry: sort_key(entry, own, Order.BASE))

    assert by_key == sorted(calm, key=lambda entry: (-score_ticks(entry, 50, own, NOON), entry.offer_id))


@given(entries, weights())
def test_keys_have_seventeen_digits_so_that_text_sorts_as_numbers(entry, own):
    for order in Order:
        digits, _, offer_id = sort_key(entry, own, order).partition("#")
        assert (len(digits), digits.isdigit(), offer_id) == (17, True, entry.offer_id)


@given(weights())
def test_a_ranking_id_names_its_weights(own):
    assert Weights.of_ranking(own.ranking_id) == own


@pytest.mark.parametrize("name", ["", "p1u2", "ALL", "p99999u0i0"])
def test_what_names_no_ranking_is_refused(name):
    with pytest.raises(InvalidInput):
        Weights.of_ranking(name)


@pytest.mark.parametrize("parts", [(4_000, 3_000, 2_000, 999), (-1, 10_001, 0, 0)])
def test_weights_must_sum_to_the_whole(parts):
    with pytest.raises(InvalidInput):
        Weights(*parts)


def test_an_entry_has_the_effective_priority_and_a_capped_stock():
    offer = an_offer(priority=95, priority_boost=20, inventory_count=5_000, expires_at=NOON)

    assert RankEntry.of(offer) == RankEntry("OFF001", 115, 100, NOON)


@given(
    st.integers(0, 100),
    st.sampled_from([0, 20]),
    st.integers(0, 300),
    st.none() | st.integers(NOON + 1, NOON + 3 * WEEK),
    st.integers(0, 100),
    weights(),
)
def test_an_offer_scores_as_its_entry(priority, boost, units, ends, relevance, own):
    offer = an_offer(priority=priority, priority_boost=boost, inventory_count=units, expires_at=ends)

    assert offer_ticks(offer, relevance, own, NOON) == score_ticks(RankEntry.of(offer), relevance, own, NOON)
