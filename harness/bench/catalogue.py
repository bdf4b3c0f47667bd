"""What a recommendation costs in a large catalogue, against the same in one of five offers.

Measured in process, on the memory adapters with reads counted from the stored items; that the deployed
system reads no more is held by tests/emulated/test_large_catalogue.py.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.bench.figures import Bar, Figure
from harness.bench.market import (
    HOUR,
    WEEK,
    Market,
    MeteredServing,
    random_offer,
    random_shopper,
    random_trend,
)
from harness.bench.row import Bench
from offerloop.offers.expire_offers import expire_offers
from offerloop.offers.model import DiscountType, Offer
from offerloop.offers.recommend import recommend
from simulator.hunt.full_scan import full_scan
from simulator.memory.administration import MemoryOfferStore
from simulator.memory.serving import MemoryContextReader, MemoryRankedLists

OFFERS, CATEGORIES = 10_000, 296
MAX_ITEMS, MAX_RCU, MAX_CALLS = 100, 30, 25
MOST_AGAINST_FIVE = 2
MAX_DECISION_MS = 1.0


@dataclass(frozen=True)
class Reads:
    """The dearest recommendation among those asked for, and how many were not what a full scan gives."""

    calls: int
    items: int
    rcu: float
    inexact: int


def measure(bench: Bench) -> list[Figure]:
    """Recommendations for users with as many special categories as there can be."""
    market, names = large_market(OFFERS, CATEGORIES)
    small, small_names = five_offers()
    users = demanding_shoppers(market, names, 40)
    reads = dearest_reads(market, users[:12])
    of_small = dearest_reads(small, demanding_shoppers(small, small_names, 40))
    decisions = [1_000 * seconds_per_decision(market, users) for _ in range(bench.rounds(20))]
    at_most_twice = Bar("≤", MOST_AGAINST_FIVE)
    return [
        Figure(
            "catalogue.inexact",
            "lists that differ from a full scan",
            "",
            (reads.inexact + of_small.inexact,),
            Bar("=", 0),
        ),
        Figure("catalogue.items", "items read", "", (reads.items,), Bar("≤", MAX_ITEMS)),
        Figure("catalogue.rcu", "read units", "RCU", (reads.rcu,), Bar("≤", MAX_RCU)),
        Figure("catalogue.calls", "calls", "", (reads.calls,), Bar("≤", MAX_CALLS)),
        Figure(
            "catalogue.items_ratio",
            "items against 5 offers",
            "×",
            (reads.items / of_small.items,),
            at_most_twice,
        ),
        Figure(
            "catalogue.rcu_ratio",
            "read units against 5 offers",
            "×",
            (reads.rcu / of_small.rcu,),
            at_most_twice,
        ),
        Figure(
            "catalogue.calls_ratio",
            "calls against 5 offers",
            "×",
            (reads.calls / of_small.calls,),
            at_most_twice,
        ),
        Figure(
            "catalogue.decision_ms", "decision in process", "ms", tuple(decisions), Bar("≤", MAX_DECISION_MS)
        ),
    ]


def large_market(size: int, categories: int) -> tuple[Market, list[str]]:
    """A catalogue of *size* offers, delivered and expired up to now, and the names of its categories."""
    rng = random.Random(20_270_115)
    names = [f"category-{number:03d}" for number in range(categories)]
    market = Market(batch=200)
    for number in range(size):
        market.world.put_offer(random_offer(rng, f"OFF{number:05d}", names, market.now))
    market.deliver()
    while expire_offers(store=MemoryOfferStore(market.world), now=market.now):
        market.deliver()
    market.clock.move_on(60)  # what ends now is expired with the next run
    return market, names


def five_offers() -> tuple[Market, list[str]]:
    """The smallest shop: five offers in five categories."""
    names = ["electronics", "fashion", "home", "sports", "toys"]
    market = Market()
    for number, name in enumerate(names):
        market.world.put_offer(
            Offer(
                f"OFF{number}",
                f"Offer {number}",
                name,
                DiscountType.PERCENTAGE,
                discount_hundredths=2_500,
                priority=50,
                inventory_count=10,
                expires_at=market.now + WEEK,
                received_count=10,
            )
        )
    market.deliver()
    return market, names


def demanding_shoppers(market: Market, names: Sequence[str], count: int) -> list[str]:
    """Users with as many special categories as there can be, who have dismissed some of the best."""
    rng = random.Random(17)
    market.world.trend = random_trend(rng, names, market.now)
    best = [offer_id for offer_id, _ in full_scan(market.world, "nobody", market.now)]
    skips = dict.fromkeys(best, market.now + HOUR)
    user_ids = []
    for number in range(count):
        shopper = random_shopper(rng, names, [], market.now)
        user_id = f"user-{number}"
        market.world.shoppers[user_id] = replace(shopper, user_id=user_id, skips=skips)
        user_ids.append(user_id)
    return user_ids


def dearest_reads(market: Market, user_ids: Sequence[str]) -> Reads:
    """The most that one recommendation reads."""
    meters, inexact = [], 0
    for user_id in user_ids:
        reads = MeteredServing(market.world)
        served = recommend(user_id, contexts=reads, lists=reads, offers=reads, clock=market.clock)
        wanted = [offer_id for offer_id, _ in full_scan(market.world, user_id, market.now)]
        available = sum(offer.in_stock for offer in market.world.offers.values())
        ids = [shown.offer.offer_id for shown in served.offers]
        inexact += (ids, served.total_available) != (wanted, available)
        meters.append(reads.meter)
    return Reads(
        calls=max(meter.calls for meter in meters),
        items=max(meter.items for meter in meters),
        rcu=max(meter.rcu_halves for meter in meters) / 2,
        inexact=inexact,
    )


def seconds_per_decision(market: Market, user_ids: Sequence[str]) -> float:
    """How long one recommendation takes in process, on average over the users."""
    contexts, lists = MemoryContextReader(market.world), MemoryRankedLists(market.world)
    start = time.perf_counter()
    for user_id in user_ids:
        recommend(user_id, contexts=contexts, lists=lists, offers=lists, clock=market.clock)
    return (time.perf_counter() - start) / len(user_ids)
