"""However offers change, and however often and late the changes are delivered, what is derived stays true."""

import contextlib
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from offerloop.errors import Conflict, NotFound
from offerloop.offers import board, rank_offers
from offerloop.offers.expire_offers import expire_offers
from offerloop.offers.manage_offers import change_offer, create_offer, restock_offer
from offerloop.offers.model import PIVOT_BOOST, EventType, Offer, OfferChange
from offerloop.offers.rank_offers import lists_of
from offerloop.offers.scoring import Order, RankEntry, sort_key
from offerloop.offers.track_event import TrackEvent, track_event
from offerloop.offers.watch_inventory import watch_inventory
from simulator.memory.activity import MemoryActivityStore
from simulator.memory.administration import MemoryOfferStore
from simulator.memory.ids import SeededIds
from simulator.memory.inventory import MemoryInventoryStore
from simulator.memory.world import MemoryWorld
from tests.factories import FixedClock, an_offer

OFFER_IDS = [f"OFF{number}" for number in range(9)]
CATEGORIES = ["electronics", "fashion"]
offer_ids = st.sampled_from(OFFER_IDS)
refusals_allowed = contextlib.suppress(Conflict, NotFound)


class Death(Exception):
    """The process is gone."""


class Mortal:
    """An inventory store whose user dies instead of making one more write."""

    def __init__(self, store: MemoryInventoryStore, writes: int) -> None:
        self._store, self._left = store, writes

    def __getattr__(self, name: str) -> object:
        method = getattr(self._store, name)
        if not name.startswith(("save_", "apply_", "list_")):
            return method

        def write(*arguments: object) -> object:
            if self._left == 0:
                raise Death
            self._left -= 1
            return method(*arguments)

        return write


class Inventory(RuleBasedStateMachine):
    """Offers written by everybody; a stream that repeats itself, keeps order per offer only, and is late."""

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.clock = FixedClock()
        self.world = MemoryWorld(self.clock)
        self.ids = SeededIds(seed)
        self.inventory = MemoryInventoryStore(self.world)
        self.offers, self.activity = MemoryOfferStore(self.world), MemoryActivityStore(self.world)
        self.waiting: list[OfferChange] = []
        self.delivered: list[OfferChange] = []
        self.users = 0

    @property
    def now(self) -> int:
        return self.clock.at_ms // 1_000

    # -- everybody who writes --------------------------------------------------------------------------

    @rule(offer_id=offer_ids, category=st.sampled_from(CATEGORIES), stock=st.sampled_from([0, 1, 2, 150]))
    def create(self, offer_id: str, category: str, stock: int) -> None:
        expires_at = self.rng.choice([None, self.now + 5, self.now + 500])
        priority = self.rng.choice([50, 60, 70])
        offer = an_offer(
            offer_id, category=category, inventory_count=stock, priority=priority, expires_at=expires_at
        )
        with refusals_allowed:
            create_offer(offer, store=self.offers, clock=self.clock)

    @rule(
        offer_id=offer_ids,
        change=st.sampled_from(
            [
                {"priority": 55},
                {"category": "fashion"},
                {"category": "electronics"},
                {"status": "PAUSED"},
                {"status": "ACTIVE"},
                {"expires_at": None},
            ]
        ),
    )
    def change(self, offer_id: str, change: dict[str, str | int | None]) -> None:
        with refusals_allowed:
            change_offer(offer_id, change, store=self.offers, clock=self.clock)

    @rule(offer_id=offer_ids, times=st.integers(1, 3))
    def redeem(self, offer_id: str, times: int) -> None:
        for _ in range(times):
            self.users += 1
            offer = self.world.offers.get(offer_id)
            command = TrackEvent(
                f"user-{self.users}", offer_id, offer.category if offer else "x", EventType.REDEMPTION
            )
            with refusals_allowed:
                track_event(command, store=self.activity, clock=self.clock, ids=self.ids)

    @rule(offer_id=offer_ids)
    def restock(self, offer_id: str) -> None:
        with refusals_allowed:
            restock_offer(offer_id, 2, store=self.offers, clock=self.clock)

    @rule(offer_id=offer_ids, stock=st.sampled_from([0, 0, 3]), keeps_boost=st.booleans())
    def foreign_write(self, offer_id: str, stock: int, keeps_boost: bool) -> None:
        offer = self.world.offers.get(offer_id) or an_offer(offer_id, received_count=0)
        boost = offer.priority_boost if keeps_boost else self.rng.choice([0, PIVOT_BOOST])
        self.world.put_offer(replace(offer, inventory_count=stock, priority_boost=boost))

    @rule(offer_id=offer_ids)
    def foreign_delete(self, offer_id: str) -> None:
        self.world.remove_offer(offer_id)

    @rule(seconds=st.sampled_from([1, 10, 600]))
    def time_passes(self, seconds: int) -> None:
        self.clock.move_on(seconds)
        expire_offers(store=self.offers, now=self.now)

    # -- the stream ------------------------------------------------------------------------------------

    @rule(count=st.integers(1, 6), repeats=st.integers(0, 3), shuffled=st.booleans())
    def deliver_some(self, count: int, repeats: int, shuffled: bool) -> None:
        """A batch of new records, in order per offer, with some that were delivered before."""
        self.waiting += self.world.drain_changes()
        order = list(dict.fromkeys(change.offer_id for change in self.waiting))
        if shuffled:
            self.rng.shuffle(order)
        by_offer = sorted(self.waiting, key=lambda change: order.index(change.offer_id))
        batch, self.waiting = by_offer[:count], by_offer[count:]
        again = self.rng.sample(self.delivered, min(repeats, len(self.delivered)))
        self.delivered += batch
        watch_inventory([*again, *batch], store=self.inventory, now=self.now)

    @rule(count=st.integers(1, 6), writes=st.integers(0, 12))
    def die_while_delivering(self, count: int, writes: int) -> None:
        """The monitor dies after some of its writes; the whole batch comes again."""
        self.waiting += self.world.drain_changes()
        batch = self.waiting[:count]
        with contextlib.suppress(Death):
            watch_inventory(batch, store=Mortal(self.inventory, writes), now=self.now)  # type: ignore[arg-type]
        self.deliver_some(count=count, repeats=0, shuffled=False)

    @rule()
    def deliver_all_and_compare(self) -> None:
        while self.waiting or self.world.changes:
            self.deliver_some(count=100, repeats=2, shuffled=False)
        self.check_counter_and_lists()
        self.check_boards()
        self.check_pivots()
        self.check_counts()

    @precondition(lambda self: hasattr(self, "world"))
    @invariant()
    def boosts_never_stack(self) -> None:
        targets = Counter(
            pivot.to_offer for pivot in self.world.pivots.values() if pivot.is_open and pivot.to_offer
        )
        assert max(targets.values(), default=0) <= 1

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.deliver_all_and_compare()

    # -- what must hold at rest ------------------------------------------------------------------------

    def in_stock(self) -> list[Offer]:
        return [offer for offer in self.world.offers.values() if offer.in_stock]

    def check_counter_and_lists(self) -> None:
        assert self.world.available == len(self.in_stock())
        for weights in self.inventory.rankings():
            for order in Order:
                for name, truth in self.truth(weights, order).items():
                    stored = self.world.lists[weights.ranking_id, name, order]
                    assert (stored.keys, stored.entries) == truth

    def truth(self, weights, order) -> dict[str, tuple[list[str], list[RankEntry]]]:
        names = {name for category in CATEGORIES for name in lists_of(category, weights)}
        lists = {}
        for name in names:
            entries = [
                RankEntry.of(offer) for offer in self.in_stock() if name in lists_of(offer.category, weights)
            ]
            entries.sort(key=lambda entry: sort_key(entry, weights, order))
            lists[name] = [sort_key(entry, weights, order) for entry in entries], entries
        return lists

    def check_boards(self) -> None:
        for weights in self.inventory.rankings():
            for order in Order:
                for name, (keys, entries) in self.truth(weights, order).items():
                    head = self.inventory.stored_boards(weights, [name])[name].head(order)
                    whole = [
                        entry
                        for key, entry in zip(keys, entries, strict=True)
                        if head.frontier is None or key <= head.frontier
                    ]
                    assert list(head.entries) == whole
                    assert len(head.entries) <= board.KEEP

    def check_pivots(self) -> None:
        pivots = self.world.pivots.values()
        stockouts = Counter(change.offer_id for change in self.delivered if change.is_stockout)
        assert Counter(pivot.from_offer for pivot in pivots) == stockouts
        for offer_id in OFFER_IDS:
            offer, state = (
                self.world.offers.get(offer_id),
                self.inventory.situations([offer_id])[offer_id].state,
            )
            from_it = [pivot for pivot in pivots if pivot.is_open and pivot.from_offer == offer_id]
            to_it = [pivot for pivot in pivots if pivot.is_open and pivot.to_offer == offer_id]
            assert state.stockouts == stockouts[offer_id]
            assert state.open_pivot_id == (from_it[0].pivot_id if from_it else None)
            assert state.boosted_by == (to_it[0].pivot_id if to_it else None)
            if offer is None:
                assert not from_it
                assert not to_it
            else:
                assert offer.priority_boost == (PIVOT_BOOST if to_it else 0)
                assert not (from_it and offer.inventory_count > 0)
                assert not (to_it and not offer.is_available(self.now))

    def check_counts(self) -> None:
        for offer_id, offer in self.world.offers.items():
            adjusted = self.inventory.situations([offer_id])[offer_id].state.adjusted_count
            assert offer.inventory_count == offer.received_count + adjusted - offer.redeemed_count
            assert offer.inventory_count >= 0


MANY = settings(max_examples=150, stateful_step_count=50, deadline=None)


class TestInventory(Inventory.TestCase):
    settings = MANY


class TestInventoryWithShortBoards(Inventory.TestCase):
    """Boards of three, so that nine offers make them run short and be filled up."""

    settings = MANY

    @pytest.fixture(autouse=True)
    def short_boards(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(board, "KEEP", 3)
        monkeypatch.setattr(rank_offers, "KEEP", 3)
        monkeypatch.setattr(board, "REFILL_BELOW", 2)
