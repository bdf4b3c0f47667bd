"""A recommendation is what a full scan would give, at any time, for a constant number of reads."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.bench.catalogue import (
    CATEGORIES,
    MAX_CALLS,
    MAX_ITEMS,
    MAX_RCU,
    OFFERS,
    dearest_reads,
    demanding_shoppers,
    five_offers,
    large_market,
    seconds_per_decision,
)
from harness.bench.market import (
    HOUR,
    WEEK,
    Market,
    MeteredServing,
    random_offer,
    random_shopper,
    random_trend,
)
from offerloop.offers.experiments import Experiment, ExperimentStatus, Variant
from offerloop.offers.model import OfferStatus
from offerloop.offers.recommend import recommend
from offerloop.offers.relevance import relevance_by_category
from offerloop.offers.scoring import BY_PRIORITY, CONTROL, Weights
from simulator.hunt.full_scan import full_scan
from simulator.memory.serving import MemoryContextReader, MemoryRankedLists


def served(market: Market, reads: MeteredServing, user_id: str = "ann") -> list[tuple[str, float]]:
    recommendation = recommend(user_id, contexts=reads, lists=reads, offers=reads, clock=market.clock)
    assert recommendation.total_available == sum(offer.in_stock for offer in market.world.offers.values())
    return [(shown.offer.offer_id, shown.score) for shown in recommendation.offers]


def assert_exact(market: Market, user_id: str = "ann") -> None:
    market.deliver()
    found = served(market, MeteredServing(market.world), user_id)
    expected = full_scan(market.world, user_id, market.now)
    assert [offer_id for offer_id, _ in found] == [offer_id for offer_id, _ in expected]
    assert [score for _, score in found] == pytest.approx([float(score) for _, score in expected])


def random_weights(rng: random.Random) -> Weights:
    cuts = sorted(rng.randrange(10_001) for _ in range(3))
    weights = Weights(cuts[0], cuts[1] - cuts[0], cuts[2] - cuts[1], 10_000 - cuts[2])
    return CONTROL if weights == BY_PRIORITY else weights


def run_experiment(market: Market, weights: Weights) -> None:
    """Start an experiment on an empty world: its rankings grow with the catalogue."""
    variants = (Variant("control", 5_000, CONTROL), Variant("other", 5_000, weights))
    draft = Experiment("exp-1", variants)
    market.experiments.create_experiment(draft)
    market.experiments.save_experiment(draft, replace(draft, status=ExperimentStatus.RUNNING))


@settings(deadline=None, max_examples=80)
@given(
    seed=st.integers(0, 2**32),
    size=st.one_of(st.integers(0, 12), st.integers(20, 300)),
    categories=st.integers(1, 12),
    with_experiment=st.booleans(),
    batch=st.sampled_from([1, 7, 100]),
)
def test_recommendations_equal_a_full_scan_over_time(seed, size, categories, with_experiment, batch):
    rng = random.Random(seed)
    names = [f"category-{number}" for number in range(categories)]
    market = Market(batch=batch)
    if with_experiment:
        run_experiment(market, random_weights(rng))
    for number in range(size):
        market.world.put_offer(random_offer(rng, f"OFF{number:03d}", names, market.now))
    market.deliver()

    for _ in range(6):
        ids = list(market.world.offers)
        best = [offer_id for offer_id, _ in full_scan(market.world, "nobody", market.now)]
        market.world.shoppers["ann"] = random_shopper(rng, names, rng.choice([ids, best]), market.now)
        market.world.trend = random_trend(rng, names, market.now)
        for user_id in ("ann", "nobody"):
            assert_exact(market, user_id)
        market.clock.move_on(rng.choice([1, 30, HOUR, 24 * HOUR, WEEK]))
        assert_exact(market)  # heads have expired, and nothing has been said about it yet
        for offer_id in rng.sample(ids, min(len(ids), rng.choice([1, 10, 60]))):
            market.world.put_offer(random_offer(rng, offer_id, names, market.now))
        for offer_id in rng.sample(ids, min(len(ids), rng.choice([0, 1, 5]))):
            market.world.remove_offer(offer_id)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), gone=st.integers(1, 60))
def test_heads_that_end_sell_out_or_are_skipped_are_read_past(seed, gone):
    """The best offers go one way or another, many at once, more than a board holds in all."""
    rng = random.Random(seed)
    market = Market()
    for number in range(120):
        market.world.put_offer(random_offer(rng, f"OFF{number:03d}", ["a", "b"], market.now))
    market.deliver()
    market.world.shoppers["ann"] = random_shopper(rng, ["a", "b"], [], market.now)

    for _ in range(gone):
        [best, *_] = [*full_scan(market.world, "ann", market.now), (None, 0)]
        if best[0] is None:
            break
        offer, shopper = market.world.offers[best[0]], market.world.shoppers["ann"]
        match rng.randrange(4):
            case 0:
                market.world.put_offer(replace(offer, inventory_count=0))
            case 1:
                market.world.put_offer(replace(offer, status=OfferStatus.PAUSED))
            case 2:
                market.world.put_offer(replace(offer, expires_at=market.now))
            case _:
                skips = dict(shopper.skips) | {offer.offer_id: market.now + WEEK}
                market.world.shoppers["ann"] = replace(shopper, skips=skips)
    assert_exact(market)


def stale_entries_do_not_serve_what_is_gone(market: Market) -> None:
    """Nothing is delivered: the boards know nothing yet of what is gone."""
    for shown in recommend(
        "ann",
        contexts=MemoryContextReader(market.world),
        lists=MemoryRankedLists(market.world),
        offers=MemoryRankedLists(market.world),
        clock=market.clock,
    ).offers:
        assert shown.offer.is_available(market.now)
        assert shown.offer == market.world.offers[shown.offer.offer_id]


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_what_is_served_is_available_even_before_changes_are_delivered(seed):
    rng = random.Random(seed)
    market = Market()
    for number in range(60):
        market.world.put_offer(random_offer(rng, f"OFF{number:03d}", ["a", "b"], market.now))
    market.deliver()
    for offer_id in rng.sample(list(market.world.offers), 50):
        market.world.put_offer(random_offer(rng, offer_id, ["a", "b"], market.now))

    stale_entries_do_not_serve_what_is_gone(market)


@pytest.fixture(scope="module")
def large() -> tuple[Market, list[str]]:
    return large_market(OFFERS, CATEGORIES)


def test_ten_thousand_offers_read_no_more_than_five(large, capsys):
    market, names = large
    small, small_names = five_offers()

    big = dearest_reads(market, demanding_shoppers(market, names, 12))
    of_five = dearest_reads(small, demanding_shoppers(small, small_names, 40))

    with capsys.disabled():
        print(f"\n10,000 offers: {big}\n     5 offers: {of_five}")
    assert (big.inexact, of_five.inexact) == (0, 0)
    assert (big.calls <= MAX_CALLS, big.items <= MAX_ITEMS, big.rcu <= MAX_RCU) == (True, True, True)
    assert (big.calls <= 2 * of_five.calls, big.items <= 2 * of_five.items) == (True, True)


def test_a_decision_among_ten_thousand_offers_takes_no_more_than_a_millisecond(large, capsys):
    market, names = large
    users = demanding_shoppers(market, names, 40)
    trending = market.world.trend.top(market.clock.now_ms(), 3)
    specials = max(
        len(relevance_by_category(market.world.shoppers[user], trending, market.now)) for user in users
    )

    best = min(seconds_per_decision(market, users) for _ in range(10))

    with capsys.disabled():
        print(f"\none decision, up to {specials} special categories: {best * 1e6:.0f} µs")
    assert best <= 0.001
