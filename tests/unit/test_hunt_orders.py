"""The hunt finds bugs that are planted in orders, and shrinks the script to few steps."""

import json
from dataclasses import replace
from itertools import count

import pytest

from offerloop.orders import place_order, process_order, record_redemption, refund_order, steps
from offerloop.orders.model import OrderStatus
from offerloop.orders.ports import PaymentStatus
from offerloop.orders.settle_payment import settle_payment
from offerloop.standins.payments import Account, Mode
from simulator.hunt.laws import ENDS, ONE_EFFECT, TOLD
from simulator.hunt.script import (
    AdvanceOrder,
    CancelOrder,
    CreateOffer,
    CreateProduct,
    Deliver,
    Line,
    PaymentsBehave,
    PlaceOrder,
    RefundOrder,
    RemoveOffer,
    Rival,
    Stream,
    in_words,
    steps_as_data,
    steps_from_json,
)
from simulator.hunt.search import UNEXPECTED, perform, search
from simulator.hunt.system import MemorySystem
from simulator.hunt.weather import ALL_WEATHER
from simulator.memory import order_system
from simulator.memory.orders import MemoryNoticeLog, MemoryOrderStore

ROUNDS = 30
FEW_STEPS = 15

CONSERVED = "Products: free + held + sold = received"
HELD = "Stock is held by open orders alone"
SOLD = "Products sold = units of completed orders"
HISTORY = "Every order's history is complete and legal"
PAID = "Payments kept = completed orders less refunds"
COUNTED_ONCE = "Offers, events and users count the same redemptions"


def writes_without_looking_at_the_version(patch):
    write = MemoryOrderStore.write

    def write_over(store, step):
        stored = store._world.orders.get(step.after.order_id)
        if step.before is not None and stored is not None:
            step = replace(step, before=replace(step.before, version=stored.version))
        write(store, step)

    patch.setattr(MemoryOrderStore, "write", write_over)


def asks_for_no_void_when_an_order_ends(patch):
    patch.setattr(steps, "HOLDING", frozenset())


def keeps_the_hold_of_a_cancelled_order(patch):
    move = steps.stock_move
    patch.setattr(
        steps,
        "stock_move",
        lambda before, after: None if after is OrderStatus.CANCELLED else move(before, after),
    )


def charges_under_a_new_key_each_time(patch):
    tries = count()
    pay = process_order._pay

    class Renamed:
        def __init__(self, gateway):
            self._gateway = gateway

        def charge(self, key, amount, currency):
            return self._gateway.charge(f"{key}-{next(tries)}", amount, currency)

    patch.setitem(
        process_order._NEXT,
        OrderStatus.PAYMENT_PROCESSING,
        lambda order, processing: pay(order, replace(processing, payments=Renamed(processing.payments))),
    )


def ships_what_was_not_paid(patch):
    patch.setitem(
        process_order._NEXT,
        OrderStatus.PAYMENT_PROCESSING,
        lambda order, processing: steps.moving(
            order, OrderStatus.FULFILLMENT, processing.clock.now_ms(), "not paid"
        ),
    )


def takes_a_late_charge_after_the_void(patch):
    def void(account, key):
        if account is None:
            return Account(key, None)  # no mark where nothing was charged yet
        return replace(account, status=PaymentStatus.VOIDED, voided=account.voided + account.kept)

    patch.setattr("simulator.memory.payments.void", void)


def refunds_without_remembering_the_key(patch):
    patch.setattr(refund_order, "recall", lambda *_: None)
    patch.setattr(refund_order, "answered", lambda *_: None)


def places_the_same_request_again(patch):
    patch.setattr(place_order, "recall", lambda *_: None)
    patch.setattr(place_order, "answered", lambda *_: None)


def begins_a_notice_that_was_begun(patch):
    def begin(log, notice):
        log._world.notices[notice.order_id, notice.kind] = notice
        return True

    patch.setattr(MemoryNoticeLog, "begin", begin)


def never_takes_up_a_forgotten_order(patch):
    patch.setattr(order_system, "take_up_forgotten", lambda *_: 0)


def refunds_under_a_new_key_each_time(patch):
    tries = count()

    def settle(settlement, gateway):
        number = settlement.number + 1_000 * next(tries)
        settle_payment(replace(settlement, number=number), gateway)

    patch.setattr(order_system, "settle_payment", settle)


def gives_each_redemption_a_new_event(patch):
    tries = count()
    record = record_redemption._record
    patch.setattr(
        record_redemption,
        "_record",
        lambda redemption, event_id, store: record(redemption, f"{event_id}-{next(tries)}", store),
    )


BUGS = {
    writes_without_looking_at_the_version: {CONSERVED, HELD, SOLD, HISTORY},
    asks_for_no_void_when_an_order_ends: {PAID},
    keeps_the_hold_of_a_cancelled_order: {HELD},
    charges_under_a_new_key_each_time: {PAID, UNEXPECTED},
    ships_what_was_not_paid: {PAID, UNEXPECTED},
    takes_a_late_charge_after_the_void: {PAID},
    refunds_without_remembering_the_key: {ONE_EFFECT},
    places_the_same_request_again: {ONE_EFFECT},
    begins_a_notice_that_was_begun: {TOLD},
    never_takes_up_a_forgotten_order: {ENDS},
    refunds_under_a_new_key_each_time: {PAID, UNEXPECTED},
    gives_each_redemption_a_new_event: {COUNTED_ONCE},
}


# Seeds that find a bug soon; the search begins there, and goes on where one does not any more.
SOON = {
    takes_a_late_charge_after_the_void: 15,
    refunds_without_remembering_the_key: 9,
    gives_each_redemption_a_new_event: 1,
}


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found_and_its_script_is_short(plant, monkeypatch):
    plant(monkeypatch)

    first = SOON.get(plant, 0)
    seeds = range(first, first + ROUNDS)
    found = next(filter(None, (search(seed, ALL_WEATHER).breach for seed in seeds)))

    assert found.violation.law in BUGS[plant]
    assert len(found.script) <= FEW_STEPS, [in_words(step) for step in found.script]


LAMP = CreateProduct(product="lamp", category="kites", price=1_000, stock=5)
KITE = CreateOffer(offer="kite", category="kites", priority=50, stock=5)
ORDER = PlaceOrder(order="o1", user="ann", lines=(Line(product="lamp", offer="kite"),), key="k1")
STEP = AdvanceOrder(order="o1")


def ended(*steps):
    """The only order after some steps and at rest, and the system."""
    system = MemorySystem()
    for step in steps:
        system.perform(step)
    system.come_to_rest()
    [order] = system.world.orders.values()
    return order, system


def test_an_order_is_carried_out_by_what_is_delivered():
    order, system = ended(LAMP, KITE, ORDER)

    assert order.status is OrderStatus.COMPLETED
    assert system.orders.payments.kept == order.total == 900
    assert sorted(system.orders.told.values()) == [1, 1]


def test_one_step_of_a_processor_is_one_transition():
    system = MemorySystem()
    for step in (LAMP, KITE, ORDER, STEP, STEP, STEP):
        system.perform(step)

    [order] = system.world.orders.values()
    assert order.status is OrderStatus.PAYMENT_PROCESSING


def test_a_processor_that_dies_after_the_charge_leaves_the_order_where_it_was():
    system = MemorySystem()
    for step in (LAMP, KITE, ORDER, STEP, STEP, STEP, AdvanceOrder(order="o1", dies_after=1)):
        system.perform(step)

    [order] = system.world.orders.values()
    assert order.status is OrderStatus.PAYMENT_PROCESSING
    assert system.orders.payments.kept == 900


def test_a_charge_that_arrives_after_its_void_keeps_nothing():
    late = AdvanceOrder(order="o1", overtaken_at=1, overtaken_by=(Rival.CANCEL, Rival.FOLLOW_UPS))

    order, system = ended(LAMP, KITE, ORDER, STEP, STEP, STEP, late)

    assert order.status is OrderStatus.CANCELLED
    assert (system.orders.payments.charges, system.orders.payments.kept) == (1, 0)


def test_what_is_given_up_fails():
    dead = Deliver(stream=Stream.DEAD_LETTERS)

    order, _ = ended(LAMP, KITE, ORDER, Deliver(stream=Stream.OUTBOX, records=6), dead)

    assert order.status is OrderStatus.FAILED


SCRIPTS = {
    "an offer is removed while an order holds its unit": [
        LAMP,
        KITE,
        ORDER,
        *[STEP] * 3,
        RemoveOffer(offer="kite"),
    ],
    "an offer is removed before its redemption is recorded, and the order is given back": [
        LAMP,
        KITE,
        ORDER,
        *[STEP] * 5,
        RemoveOffer(offer="kite"),
        RefundOrder(order="o1"),
    ],
    "a payment that gets no answer is cancelled": [
        LAMP,
        KITE,
        PaymentsBehave(mode=Mode.TIME_OUT),
        ORDER,
        *[STEP] * 4,
        CancelOrder(order="o1"),
    ],
}


@pytest.mark.parametrize("case", SCRIPTS)
def test_the_script_breaks_no_law(case):
    performance = perform(SCRIPTS[case])

    assert (performance.steps, performance.broken) == (len(SCRIPTS[case]), None)


def test_a_script_with_orders_is_written_and_read_without_loss():
    script = [step for steps in SCRIPTS.values() for step in steps]

    assert steps_from_json(json.dumps(steps_as_data(script))) == script
    assert in_words(AdvanceOrder(order="o1", overtaken_at=1, overtaken_by=(Rival.CANCEL,))) == (
        "advance_order order=o1 overtaken_at=1 overtaken_by=['cancel']"
    )
