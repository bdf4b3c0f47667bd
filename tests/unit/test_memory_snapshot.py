"""A snapshot of the memory shows what is stored, sound or not, and every law can be checked on it."""

from dataclasses import replace

import pytest

from offerloop.bonuses.rules import AccrualRules
from offerloop.bonuses.settle_rewards import settle_rewards
from offerloop.offers.count_engagement import count_engagement
from offerloop.offers.manage_offers import create_offer
from offerloop.offers.model import EventType
from offerloop.offers.run_experiments import prepare_experiment, start_experiment
from offerloop.offers.scoring import CONTROL, Order
from offerloop.offers.track_event import TrackEvent, track_event
from offerloop.offers.watch_inventory import watch_inventory
from offerloop.orders.model import OrderStatus
from offerloop.orders.process_order import Processing, advance, process_order
from simulator.figure_laws import FIGURE_LAWS
from simulator.invariants import INVARIANTS, check_invariants
from simulator.memory.activity import MemoryActivityStore
from simulator.memory.administration import MemoryExperimentStore, MemoryOfferStore
from simulator.memory.bonuses import MemoryBonusLedger
from simulator.memory.codes import MemoryCodeStore
from simulator.memory.engagement import MemoryEngagementStore
from simulator.memory.ids import SeededIds
from simulator.memory.inventory import MemoryInventoryStore
from simulator.memory.orders import MemoryOrderStore
from simulator.memory.snapshot import rankings_complete, snapshot
from simulator.memory.world import MemoryWorld
from tests.codes import a_claim, a_pool, filled
from tests.factories import NOON, FixedClock, an_experiment, an_offer
from tests.orders import Post, Till, a_line, a_product, an_order_command, placed


@pytest.fixture
def world():
    """LAPTOP has sold out to an exposed user, HUB stands in for it, SHOES end some day; a TV is on hold.

    The TV before it earned the points that this one is paid with, next to a code.
    """
    clock = FixedClock()
    world = MemoryWorld(clock)
    offers, experiments = MemoryOfferStore(world), MemoryExperimentStore(world)
    inventory = MemoryInventoryStore(world)
    for offer in (
        an_offer("LAPTOP", inventory_count=1),
        an_offer("HUB"),
        an_offer("SHOES", category="fashion", expires_at=NOON + 9_999),
    ):
        create_offer(offer, store=offers, clock=clock)
    experiments.create_experiment(an_experiment())
    start_experiment("exp-1", store=experiments, clock=clock)
    prepare_experiment("exp-1", store=experiments, offers=offers, inventory=inventory)
    command = TrackEvent("ann", "LAPTOP", "electronics", EventType.REDEMPTION)
    track_event(command, store=MemoryActivityStore(world), clock=clock, ids=SeededIds())
    while changes := world.drain_changes():
        watch_inventory(changes, store=inventory, now=NOON)
    count_engagement([*world.events.values()], store=MemoryEngagementStore(world), now=NOON)
    store = MemoryOrderStore(world)
    world.products["TV"] = a_product("TV", price=100)
    filled(MemoryCodeStore(world), 2, a_pool(currency="EUR", amount=60))
    code = MemoryCodeStore(world).claim(a_claim(a_pool(currency="EUR", amount=60))).code
    ids, processing = SeededIds(7), Processing(store, Till(), Post(), clock)
    line = a_line("TV", price=100)
    first = placed(an_order_command(line), store, clock, ids)
    settle_rewards(
        process_order(first, processing), ledger=MemoryBonusLedger(world), rules=AccrualRules(), clock=clock
    )
    order_id = placed(an_order_command(line, total=30, promo_code=code, use_bonus=10), store, clock, ids)
    while store.get(order_id).status is not OrderStatus.PAYMENT_PROCESSING:
        advance(store.get(order_id), processing)
    return world


def broken_laws(world):
    return {result.name for result in check_invariants(snapshot(world)) if not result.holds}


def test_every_law_is_checked_on_something_and_holds(world):
    first = next(order_id for order_id, order in world.orders.items() if order.promo_code is None)
    results = check_invariants(snapshot(world, payments={first: 100}))

    assert [(result.name, result.breaches) for result in results] == [(law.name, ()) for law in INVARIANTS]
    # A world has no reward figures: they are kept beside it.
    assert {result.name for result in results if not result.checked} == {law.name for law in FIGURE_LAWS}


def test_rankings_of_an_experiment_that_is_still_prepared_are_left_out(world):
    live = world.live()
    world.experiments["exp-1"] = replace(live, status="PREPARING")
    assert len(rankings_complete(world)) == 2

    world.experiments["exp-1"] = live
    assert len(rankings_complete(world)) == 3


@pytest.mark.parametrize("order", Order)
def test_an_entry_that_is_missing_from_one_sorted_list_is_seen(world, order):
    entries = world.lists[CONTROL.ranking_id, "ALL", order]
    entries.remove(entries.keys[0])

    assert broken_laws(world) == {"Index keys equal what the offers give"}


def test_an_entry_that_stayed_behind_in_a_sorted_list_is_seen(world):
    del world.places[CONTROL.ranking_id]["SHOES"]

    assert broken_laws(world) == {"Index keys equal what the offers give"}


def test_an_uncounted_event_is_seen_once_it_is_late(world):
    world.counted_at.clear()
    assert "Every published event is counted" not in broken_laws(world)

    world.clock.move_on(91)
    assert "Every published event is counted" in broken_laws(world)


def test_a_world_forgets_its_oldest_events_and_only_those(world):
    [event] = world.events.values()
    world.clock.move_on(3_600)
    command = TrackEvent("ann", "LAPTOP", "electronics", EventType.VIEW)
    track_event(command, store=MemoryActivityStore(world), clock=world.clock, ids=SeededIds(1))
    [_, later] = world.events.values()

    world.forget(before_ms=later.occurred_at_ms)

    assert (list(world.events.values()), world.counted_at) == ([later], {})
    assert count_engagement([event], store=MemoryEngagementStore(world), now=NOON + 3_600) == 0
