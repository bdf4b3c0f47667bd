"""How much a pivot gives is a policy; what an open pivot has given stays."""

import pytest

from offerloop.offers.scoring import Weights
from offerloop.offers.watch_inventory import watch_inventory
from simulator.memory.inventory import MemoryInventoryStore
from simulator.memory.serving import MemoryContextReader
from simulator.memory.world import MemoryWorld
from tests.factories import NOON, FixedClock, an_offer


class Shelf:
    """Three offers of one category, by falling priority: A, B, C."""

    def __init__(self, boost: int) -> None:
        self.boost = boost
        self.world = MemoryWorld(FixedClock())
        for offer_id, priority in (("A", 90), ("B", 60), ("C", 50)):
            self.world.put_offer(an_offer(offer_id, priority=priority))
        self.deliver()

    def sell_out(self, offer_id: str) -> None:
        self.put(offer_id, inventory_count=0)

    def put(self, offer_id: str, **changes: object) -> None:
        offer = self.world.offers[offer_id]
        kept = {"priority": offer.priority, "priority_boost": offer.priority_boost}
        self.world.put_offer(an_offer(offer_id, **(kept | changes)))
        self.deliver()

    def deliver(self) -> None:
        store = MemoryInventoryStore(self.world)
        while changes := self.world.drain_changes():
            watch_inventory(changes, store=store, now=NOON, boost=self.boost)

    def priorities(self) -> dict[str, int]:
        return {name: offer.effective_priority for name, offer in self.world.offers.items()}


@pytest.mark.parametrize(("boost", "b"), [(0, 60), (5, 65), (20, 80), (100, 160)])
def test_the_next_best_gets_what_the_policy_says(boost, b):
    shelf = Shelf(boost)

    shelf.sell_out("A")

    assert shelf.priorities() == {"A": 90, "B": b, "C": 50}
    assert [(p.to_offer, p.boost) for p in shelf.world.pivots.values()] == [("B", boost)]


def test_an_open_pivot_keeps_its_boost_when_the_policy_changes():
    shelf = Shelf(boost=5)
    shelf.sell_out("A")

    shelf.boost = 20
    shelf.put("B", priority_boost=77)  # a foreign client overwrote it: repaired to the pivot's own
    repaired = shelf.priorities()
    shelf.sell_out("B")

    assert repaired == {"A": 90, "B": 65, "C": 50}
    # B's own pivot is opened first and by the new policy; A's finds nobody left to boost.
    assert shelf.priorities() == {"A": 90, "B": 60, "C": 70}
    assert [(p.from_offer, p.to_offer, p.boost) for p in shelf.world.pivots.values()] == [
        ("A", None, 5),
        ("B", "C", 20),
    ]


def test_a_world_ranks_by_its_own_weights():
    world = MemoryWorld(FixedClock(), weights=Weights(0, 0, 0, 10_000))
    for offer in (an_offer("RARE", priority=90, inventory_count=1), an_offer("PLENTY", priority=1)):
        world.put_offer(offer)
    store = MemoryInventoryStore(world)
    watch_inventory(world.drain_changes(), store=store, now=NOON)

    context = MemoryContextReader(world).context("ann", NOON)
    board = store.stored_boards(context.weights, ["ALL"])["ALL"]

    assert [entry.offer_id for entry in board.base.entries] == ["PLENTY", "RARE"]
    assert context.total_available == 2
