"""`OrderStore`: a transition with all that it changes, or nothing."""

from dataclasses import replace

import pytest

from handlers.aws.table_access import MAX_TRANSACTION
from offerloop.errors import (
    UnknownOrder,
)
from offerloop.orders import steps
from offerloop.orders.model import (
    MAX_LINES,
    MAX_QUANTITY,
    Order,
    OrderLine,
    Transition,
)
from offerloop.orders.ports import Shelf, StaleOrder
from tests.contract.conftest import Stores
from tests.factories import NOON, NOON_MS, an_answered, an_offer
from tests.orders import a_product
from tests.stored_orders import (
    CABLE,
    TRACKED,
    WITH_OFFER,
    S,
    an_order,
    counts,
    everything,
    moved,
    offer_counts,
    placed,
    to,
    with_stock,
)


def test_a_placed_order_is_stored_with_its_history_messages_and_answer(stores):
    step = steps.placing(an_order(), an_answered())

    stores.orders.write(step)

    assert stores.orders.get("order-1") == an_order()
    assert list(stores.orders.history("order-1")) == [
        Transition("order-1", 1, None, S.PENDING, NOON_MS, "order placed")
    ]
    messages = sorted(stores.order_outbox.overdue(2**43, 10), key=lambda message: message.message_id)
    assert messages == sorted(step.messages, key=lambda message: message.message_id)
    assert stores.orders.find("shop:POST /x", "k1") == an_answered()


def test_an_order_comes_back_as_it_was_stored(stores):
    order = an_order(
        "order-1",
        replace(WITH_OFFER, name="Größe ✨", refunded=1),
        CABLE,
        phone="+15550100",
        status=S.FULFILLMENT,
        version=17,
        hold_until=NOON + 60,
        reason="declined: card",
        tracking=TRACKED,
        refunded=5,
        updated_at_ms=NOON_MS + 7,
    )

    stores.orders.write(steps.placing(order, None))

    assert stores.orders.get("order-1") == order


def test_an_order_that_was_never_placed_is_unknown(stores):
    with pytest.raises(UnknownOrder):
        stores.orders.get("order-1")
    assert list(stores.orders.history("order-1")) == []


def test_an_id_is_placed_once(stores):
    placed(stores, an_order())
    before = everything(stores)

    with pytest.raises(StaleOrder):
        stores.orders.write(steps.placing(an_order(customer_id="ben"), an_answered()))

    assert everything(stores) == before


def test_a_twin_of_an_answered_placing_is_stale_and_stores_nothing(stores):
    stores.orders.write(steps.placing(an_order(), an_answered()))

    with pytest.raises(StaleOrder):
        stores.orders.write(steps.placing(an_order("order-2"), an_answered()))

    with pytest.raises(UnknownOrder):
        stores.orders.get("order-2")


def test_the_shelf_has_what_exists_and_how_often_the_customer_redeemed(stores):
    with_stock(stores)
    moved(stores, placed(stores, an_order()), S.PAYMENT_PROCESSING)

    found = stores.orders.shelf("ann", ["LAPTOP001", "NONE"], ["OFF001", "OFF404"])

    assert found == Shelf(
        {"LAPTOP001": a_product(inventory_count=8, received_count=10, held_count=2)},
        {"OFF001": an_offer(inventory_count=8, received_count=10, held_count=2)},
        {"OFF001": 2, "OFF404": 0},
    )
    assert stores.orders.shelf("ben", [], []) == Shelf({}, {}, {})
    assert stores.orders.shelf("ben", [], ["OFF001"]).redemptions == {"OFF001": 0}


# -- transitions -------------------------------------------------------------------------------------


def test_a_step_from_an_outdated_order_stores_nothing(stores):
    with_stock(stores)
    order = moved(stores, placed(stores, an_order()), S.INVENTORY_CHECK)
    stores.orders.write(steps.ending(order, S.CANCELLED, "cancelled", NOON_MS))
    before = everything(stores)

    with pytest.raises(StaleOrder):
        stores.orders.write(replace(to(order, S.PAYMENT_PROCESSING), answered=an_answered()))
    with pytest.raises(StaleOrder):
        stores.orders.write(to(an_order("order-2"), S.VALIDATING))

    assert everything(stores) == before


def test_an_outdated_order_is_stale_also_when_the_stock_is_gone(stores):
    with_stock(stores)
    order = moved(stores, placed(stores, an_order()), S.INVENTORY_CHECK)
    stores.orders.write(steps.ending(order, S.CANCELLED, "cancelled", NOON_MS))
    stores.put_offer(an_offer(inventory_count=0))
    stores.products.change("LAPTOP001", {"status": "DISCONTINUED"})

    with pytest.raises(StaleOrder):
        stores.orders.write(to(order, S.PAYMENT_PROCESSING))


def test_a_completed_order_has_all_its_messages(stores):
    with_stock(stores)
    order = moved(stores, placed(stores, an_order()), S.FULFILLMENT)
    stores.order_outbox.mark_sent(stores.order_outbox.overdue(2**43, 100))

    step = to(order, S.COMPLETED, tracking=TRACKED)
    stores.orders.write(step)

    found = {message.message_id: message for message in stores.order_outbox.overdue(2**43, 100)}
    assert found == {message.message_id: message for message in step.messages}
    assert found["order-1:redemption-0"].body["units"] == 2
    assert stores.orders.get("order-1").tracking == TRACKED


def test_a_history_is_in_order_however_long_it_is(stores):
    with_stock(stores)
    placed(stores, an_order(version=998))
    order = stores.orders.get("order-1")

    moved(stores, order, S.COMPLETED)

    assert [transition.number for transition in stores.orders.history("order-1")] == [
        1,
        999,
        1_000,
        1_001,
        1_002,
        1_003,
    ]


def test_the_answer_to_a_refund_is_stored_with_it_and_once(stores):
    with_stock(stores)
    order = moved(stores, placed(stores, an_order()), S.COMPLETED)
    step = replace(steps.refunding(order, (1,), NOON_MS, "refunded"), answered=an_answered())
    stores.orders.write(step)
    again = replace(steps.refunding(step.after, (1,), NOON_MS, "refunded"), answered=an_answered())
    before = everything(stores)

    with pytest.raises(StaleOrder):
        stores.orders.write(again)

    assert everything(stores) == before
    assert before[-1] == an_answered()


# -- holds that cannot be ----------------------------------------------------------------------------


def the_largest_order(stores: Stores) -> Order:
    """Twenty lines of a thousand units, each with an offer of its own."""
    for number in range(MAX_LINES):
        stores.products.create(a_product(f"P{number}", inventory_count=MAX_QUANTITY), None)
        stores.put_offer(an_offer(f"OFF{number}", inventory_count=MAX_QUANTITY))
    lines = (
        OrderLine(f"P{number}", "x" * 255, MAX_QUANTITY, 2_000, f"OFF{number}", 1_000)
        for number in range(MAX_LINES)
    )
    return an_order("order-1", *lines)


def test_the_largest_order_goes_all_the_way_and_back(stores):
    order = moved(stores, placed(stores, the_largest_order(stores)), S.COMPLETED)

    step = steps.refunding(order, (MAX_QUANTITY,) * MAX_LINES, NOON_MS, "refunded")
    stores.orders.write(replace(step, answered=an_answered()))

    assert counts(stores, "P19") == (MAX_QUANTITY, 0, 0)
    assert offer_counts(stores, "OFF19") == (MAX_QUANTITY, 0, 0, 0)


def test_every_transaction_of_the_largest_order_is_within_the_limit(dynamo_only, monkeypatch):
    sizes = []
    transact = dynamo_only.raw.transact_write_items

    def counted(**request):
        sizes.append(len(request["TransactItems"]))
        return transact(**request)

    stores, order = dynamo_only, the_largest_order(dynamo_only)
    monkeypatch.setattr(dynamo_only.raw, "transact_write_items", counted)
    order = moved(stores, placed(stores, order), S.COMPLETED)
    step = steps.refunding(order, (MAX_QUANTITY,) * MAX_LINES, NOON_MS, "refunded")
    stores.orders.write(replace(step, answered=an_answered()))

    assert sizes == [4, 2, 2, 62, 2, 63, 64]
    assert max(sizes) <= MAX_TRANSACTION
