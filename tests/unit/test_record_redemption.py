"""Redemptions by orders: an event for each unit, once, and none of them takes stock again."""

from offerloop.offers.model import EventType
from offerloop.orders.record_redemption import Redemption, record_redemptions
from simulator.memory.activity import MemoryActivityStore
from simulator.memory.world import MemoryWorld
from tests.factories import NOON_MS, FixedClock, an_offer

TWO = Redemption("order-1:redemption-0", "ann", "OFF001", 2, NOON_MS)


def world_after_an_order():
    """Two units of OFF001 sold by an order to ann."""
    world = MemoryWorld(FixedClock())
    world.put_offer(an_offer(inventory_count=8, received_count=10, redeemed_count=2, redemptions_per_user=2))
    world.redemptions["ann", "OFF001"] = 2
    return world, MemoryActivityStore(world)


def test_each_unit_becomes_one_event_however_often_it_is_reported():
    world, store = world_after_an_order()

    assert [record_redemptions(TWO, store=store) for _ in range(2)] == [2, 0]

    events = store.events_of("ann", 10)
    assert [(event.event_type, event.occurred_at_ms) for event in events] == [
        (EventType.REDEMPTION, NOON_MS)
    ] * 2
    assert len(world.outbox) == 2
    assert (world.offers["OFF001"].inventory_count, world.redemptions["ann", "OFF001"]) == (8, 2)


def test_a_used_up_offer_is_recommended_no_more():
    _, store = world_after_an_order()

    record_redemptions(TWO, store=store)

    assert "OFF001" in store.get_shopper("ann").skips


def test_an_offer_that_is_gone_leaves_nothing_to_record():
    world, store = world_after_an_order()
    world.remove_offer("OFF001")

    assert record_redemptions(TWO, store=store) == 0
    assert store.events_of("ann", 10) == []
