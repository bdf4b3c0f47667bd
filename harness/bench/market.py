"""Random catalogues and shoppers on the memory adapters, and reads counted as the tables would bill them.

The property tests ask the same markets whether recommendations are exact; the bench asks what they cost.
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from handlers.aws.attributes import n, packed, s
from handlers.aws.engagement_rows import experiment_attributes, shopper_item
from handlers.aws.keys import COUNTER_KEY, TREND_KEY, board_key, live_experiment_key, rank_key
from handlers.aws.offer_rows import offer_item
from handlers.aws.ranked_lists import board_attributes, entry_attribute
from handlers.aws.table_access import ReadMeter
from offerloop.offers.board import Board
from offerloop.offers.model import Affinity, DiscountType, Offer, OfferStatus, Shopper
from offerloop.offers.ports import ServingContext
from offerloop.offers.scoring import Order, RankEntry, Weights
from offerloop.offers.trending import TrendScores
from offerloop.offers.watch_inventory import watch_inventory
from simulator.hunt.system import ScriptClock
from simulator.memory.administration import MemoryExperimentStore
from simulator.memory.inventory import MemoryInventoryStore
from simulator.memory.serving import MemoryContextReader, MemoryRankedLists
from simulator.memory.world import MemoryWorld

HOUR = 3_600
WEEK = 168 * HOUR


@dataclass
class Market:
    """A world with everything needed to ask it for recommendations."""

    clock: ScriptClock = field(default_factory=ScriptClock)
    batch: int = 100
    world: MemoryWorld = field(init=False)

    def __post_init__(self) -> None:
        self.world = MemoryWorld(self.clock)
        self.inventory = MemoryInventoryStore(self.world)
        self.experiments = MemoryExperimentStore(self.world)

    @property
    def now(self) -> int:
        return self.clock.now_ms() // 1_000

    def deliver(self) -> None:
        """Let the inventory monitor see every change, also those that it makes itself."""
        while changes := self.world.drain_changes():
            for start in range(0, len(changes), self.batch):
                watch_inventory(changes[start : start + self.batch], store=self.inventory, now=self.now)


def random_offer(rng: random.Random, offer_id: str, categories: Sequence[str], now: int) -> Offer:
    """An offer with many equals: few priorities, stocks around the cap, ends of every kind."""
    ends: list[int | None] = [
        None,
        now + rng.randrange(2 * WEEK),
        now + rng.randrange(WEEK),
        now + rng.randrange(6 * HOUR),
        now + WEEK,
        now - rng.randrange(HOUR),
    ]
    category = rng.choice(categories)
    priority = rng.choice([0, 50, 99, 100, rng.randrange(101)])
    stock = rng.choice([0, 1, 99, 100, 101, rng.randrange(300)])
    return Offer(
        offer_id,
        f"Offer {offer_id}",
        category,
        DiscountType.PERCENTAGE,
        discount_hundredths=2_500,
        priority=priority,
        inventory_count=stock,
        status=rng.choices(list(OfferStatus), [8, 1, 1])[0],
        expires_at=rng.choice(ends),
        received_count=stock,
    )


def random_shopper(
    rng: random.Random, categories: Sequence[str], skippable: Sequence[str], now: int
) -> Shopper:
    """A user with preferences, tastes, and offers not to be shown any more."""
    preferred = rng.sample(categories, min(len(categories), rng.randrange(5)))
    liked = rng.sample(categories, min(len(categories), rng.randrange(8)))
    skipped = rng.sample(skippable, min(len(skippable), rng.choice([0, 1, 5, 40])))
    return Shopper(
        "ann",
        preferences=tuple(preferred),
        affinities={name: Affinity(rng.uniform(0, 90), now - rng.randrange(WEEK)) for name in liked},
        skips={offer_id: now + rng.choice([-1, 0, 1, HOUR]) for offer_id in skipped},
        version=1,
    )


def random_trend(rng: random.Random, categories: Sequence[str], now: int) -> TrendScores:
    hot = rng.sample(categories, min(len(categories), rng.randrange(6)))
    return TrendScores(now * 1_000, {name: rng.uniform(1, 200) for name in hot})


class MeteredServing:
    """The serving ports of a world; each read is counted as the tables would bill it."""

    def __init__(self, world: MemoryWorld) -> None:
        self.meter = ReadMeter()
        self._world = world
        self._contexts, self._lists = MemoryContextReader(world), MemoryRankedLists(world)

    def context(self, user_id: str, now: int) -> ServingContext:
        context = self._contexts.context(user_id, now)
        points = packed(dict(self._world.trend.points))
        items: list[Any] = [
            COUNTER_KEY | {"available": n(context.total_available)},
            TREND_KEY | {"points": points},
        ]
        if context.shopper is not None:
            items.append(shopper_item(context.shopper))
        if context.experiment is not None:
            items.append(live_experiment_key(user_id) | experiment_attributes(context.experiment))
        self.meter.count_gets(4, items, consistent=False)
        return context

    def boards(self, weights: Weights, lists: Sequence[str], spread: str) -> dict[str, Board]:
        boards = self._lists.boards(weights, lists, spread)
        stored = [
            board_key(weights, name) | board_attributes(board, board.version)
            for name, board in boards.items()
            if board.version
        ]
        self.meter.count_gets(len(lists), stored, consistent=False)
        return boards

    def read_on(
        self, weights: Weights, list_name: str, order: Order, after: str, limit: int
    ) -> Sequence[RankEntry]:
        page = self._lists.read_on(weights, list_name, order, after, limit)
        keys = {"category_list": s(list_name), "base_key": s(after)}
        items = [
            rank_key(entry.offer_id, weights.ranking_id) | keys | {"entry": entry_attribute(entry)}
            for entry in page
        ]
        self.meter.count_query(items, consistent=False)
        return page

    def get_many(self, offer_ids: Collection[str]) -> dict[str, Offer]:
        offers = self._lists.get_many(offer_ids)
        self.meter.count_gets(
            len(offer_ids), [offer_item(offer) for offer in offers.values()], consistent=False
        )
        return offers
