"""Orders on their way: what is held, posted and given back, and what happens when something fails."""

import pytest

from offerloop.errors import InvalidInput, OrderNotOpen, PaymentUnavailable, UnknownOrder
from offerloop.idempotency import IdempotentRequest
from offerloop.offers.manage_offers import pause_offer
from offerloop.orders.cancel_order import cancel_order
from offerloop.orders.messages import NoticeKind, text_of
from offerloop.orders.model import OrderStatus
from offerloop.orders.ports import Payment, PaymentStatus
from offerloop.orders.process_order import advance, process_order
from offerloop.orders.refund_order import RefundedLine, refund_order
from offerloop.orders.settle_payment import settle_payment, settlement_of
from offerloop.orders.steps import HELD_FOR_S
from offerloop.orders.watch_orders import (
    FORGOTTEN_AFTER_S,
    give_up,
    oldest_waiting_s,
    release_ended_holds,
    take_up_forgotten,
)
from offerloop.outbox import Topic
from simulator.memory.administration import MemoryOfferStore
from tests.factories import an_offer
from tests.orders import a_line, a_product, an_order_command, an_order_desk

WITH_OFFER = a_line(offer_id="OFF001")


def messages_of(desk, topic):
    return [message.body for message in desk.world.outbox.values() if message.topic is topic]


def counts(desk, product_id="LAPTOP001"):
    """Free, held and sold."""
    product = desk.product(product_id)
    return product.inventory_count, product.held_count, product.sold_count


def offer_counts(desk):
    """Free, held, redeemed, and redeemed by ann."""
    offer = desk.world.offers["OFF001"]
    return (
        offer.inventory_count,
        offer.held_count,
        offer.redeemed_count,
        desk.world.redemptions.get(("ann", "OFF001"), 0),
    )


def desk_with_offer():
    desk = an_order_desk()
    desk.world.put_offer(an_offer(discount_hundredths=2_500))
    return desk, desk.place(an_order_command(WITH_OFFER, total=97_499))


def advanced_to(desk, order_id, status):
    order = desk.store.get(order_id)
    while order.status is not status:
        order = advance(order, desk.processing)
    return order


def test_an_order_goes_through_every_stage_and_takes_what_it_bought():
    desk, order_id = desk_with_offer()

    order = process_order(order_id, desk.processing)

    stages = [transition.after for transition in desk.store.history(order_id)]
    assert stages == [
        "PENDING",
        "VALIDATING",
        "INVENTORY_CHECK",
        "PAYMENT_PROCESSING",
        "FULFILLMENT",
        "COMPLETED",
    ]
    assert [transition.number for transition in desk.store.history(order_id)] == [1, 2, 3, 4, 5, 6]
    assert (order.status, order.hold_until, order.tracking.carrier) == (OrderStatus.COMPLETED, None, "Post")
    assert (counts(desk), offer_counts(desk)) == ((9, 0, 1), (9, 0, 1, 1))
    assert desk.till.taken == {order_id: 97_499}
    assert [body["kind"] for body in messages_of(desk, Topic.ORDER_NOTICE)] == ["CREATED", "COMPLETED"]
    assert messages_of(desk, Topic.OFFER_PURCHASE) == [
        {"order_id": order_id, "user_id": "ann", "offer_id": "OFF001", "units": 1}
    ]


def test_an_order_that_is_processed_again_stays_as_it_is():
    desk, order_id = desk_with_offer()

    first = process_order(order_id, desk.processing)

    assert process_order(order_id, desk.processing) == first
    assert desk.till.charges == 1


def test_units_are_held_while_the_payment_is_under_way():
    desk, order_id = desk_with_offer()

    order = advanced_to(desk, order_id, OrderStatus.PAYMENT_PROCESSING)

    assert (counts(desk), offer_counts(desk)) == ((9, 1, 0), (9, 1, 0, 1))
    assert order.hold_until == desk.clock.now_ms() // 1_000 + HELD_FOR_S


def test_a_declined_payment_fails_the_order_and_gives_its_holds_back():
    desk, order_id = desk_with_offer()
    desk.till.answer = lambda _key: Payment(PaymentStatus.DECLINED, "card expired")

    order = process_order(order_id, desk.processing)

    assert (order.status, order.reason) == (OrderStatus.FAILED, "payment declined: card expired")
    assert (counts(desk), offer_counts(desk)) == ((10, 0, 0), (10, 0, 0, 0))
    assert [body["kind"] for body in messages_of(desk, Topic.ORDER_NOTICE)] == ["CREATED", "FAILED"]
    assert messages_of(desk, Topic.OFFER_PURCHASE) == []


def test_a_payment_without_an_answer_leaves_the_order_where_it_is():
    desk, order_id = desk_with_offer()
    desk.till.answer = lambda _key: None

    with pytest.raises(PaymentUnavailable):
        process_order(order_id, desk.processing)

    assert desk.store.get(order_id).status is OrderStatus.PAYMENT_PROCESSING
    desk.till.answer = lambda _key: Payment(PaymentStatus.CAPTURED)
    assert process_order(order_id, desk.processing).status is OrderStatus.COMPLETED


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        ("sold out", "LAPTOP001 is out of stock: 1 ordered, 0 left"),
        ("offer paused", "OFF001 is PAUSED"),
        ("offer sold out", "OFF001 is out of stock"),
    ],
)
@pytest.mark.parametrize("at", [OrderStatus.VALIDATING, OrderStatus.INVENTORY_CHECK])
def test_what_goes_while_the_order_is_on_its_way_fails_it_with_the_reason(happens, reason, at):
    desk, order_id = desk_with_offer()
    advanced_to(desk, order_id, at)
    if happens == "sold out":
        desk.world.products["LAPTOP001"] = a_product(inventory_count=0)
    elif happens == "offer paused":
        pause_offer("OFF001", store=MemoryOfferStore(desk.world), clock=desk.clock)
    else:
        desk.world.put_offer(an_offer(inventory_count=0))

    order = process_order(order_id, desk.processing)

    assert (order.status, order.reason) == (OrderStatus.FAILED, reason)
    assert desk.till.taken == {}


def test_the_last_unit_goes_to_one_of_two_orders():
    desk = an_order_desk(a_product(inventory_count=1))
    orders = [desk.place(an_order_command(customer_id=name)) for name in ("ann", "ben")]
    for order_id in orders:
        advanced_to(desk, order_id, OrderStatus.INVENTORY_CHECK)

    statuses = [process_order(order_id, desk.processing).status for order_id in orders]

    assert statuses == [OrderStatus.COMPLETED, OrderStatus.FAILED]
    assert counts(desk) == (0, 0, 1)


def test_an_order_of_nothing_to_pay_asks_for_no_payment():
    desk = an_order_desk()
    desk.world.put_offer(an_offer(discount_hundredths=10_000))
    order_id = desk.place(an_order_command(WITH_OFFER, total=0))

    assert process_order(order_id, desk.processing).status is OrderStatus.COMPLETED
    assert desk.till.charges == 0


# -- cancelling and refunding ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "at",
    [
        OrderStatus.PENDING,
        OrderStatus.VALIDATING,
        OrderStatus.INVENTORY_CHECK,
        OrderStatus.PAYMENT_PROCESSING,
        OrderStatus.FULFILLMENT,
    ],
)
def test_a_cancelled_order_gives_back_what_it_took(at):
    desk, order_id = desk_with_offer()
    advanced_to(desk, order_id, at)

    for _ in range(2):
        answer = cancel_order(order_id, store=desk.store, clock=desk.clock)
        assert answer == {"orderId": order_id, "status": "CANCELLED"}

    assert (counts(desk), offer_counts(desk)) == ((10, 0, 0), (10, 0, 0, 0))
    settle_all(desk)
    assert desk.till.balance == 0
    assert process_order(order_id, desk.processing).status is OrderStatus.CANCELLED


def settle_all(desk):
    for message in list(desk.world.outbox.values()):
        if message.topic is Topic.SETTLEMENT:
            settle_payment(settlement_of(message), desk.till)


def test_a_payment_that_arrives_after_the_cancelling_is_not_kept():
    desk, order_id = desk_with_offer()
    advanced_to(desk, order_id, OrderStatus.PAYMENT_PROCESSING)
    cancel_order(order_id, store=desk.store, clock=desk.clock)
    settle_all(desk)

    assert desk.till.charge(order_id, 97_499, "EUR").status is PaymentStatus.VOIDED
    assert desk.till.balance == 0


def test_a_completed_order_can_be_refunded_and_not_cancelled():
    desk, order_id = desk_with_offer()
    process_order(order_id, desk.processing)

    with pytest.raises(OrderNotOpen, match="COMPLETED"):
        cancel_order(order_id, store=desk.store, clock=desk.clock)
    answer = refund_order(order_id, [], store=desk.store, clock=desk.clock)

    assert answer == {
        "orderId": order_id,
        "status": "REFUNDED",
        "refundedAmount": 97_499,
        "refundedTotal": 97_499,
    }
    assert (counts(desk), offer_counts(desk)) == ((10, 0, 0), (10, 0, 0, 0))
    settle_all(desk)
    settle_all(desk)  # told twice
    assert desk.till.balance == 0
    with pytest.raises(OrderNotOpen, match="REFUNDED"):
        refund_order(order_id, [], store=desk.store, clock=desk.clock)


def test_lines_are_refunded_unit_by_unit_until_nothing_is_left():
    desk = an_order_desk(a_product(), a_product("CABLE", price=1_999))
    order_id = desk.place(an_order_command(a_line(), a_line("CABLE", quantity=3, price=1_999)))
    process_order(order_id, desk.processing)

    def refund(*lines):
        return refund_order(order_id, lines, store=desk.store, clock=desk.clock)

    assert refund(RefundedLine("CABLE", 2))["refundedAmount"] == 3_998
    assert desk.store.get(order_id).status is OrderStatus.PARTIALLY_REFUNDED
    assert counts(desk, "CABLE") == (9, 0, 1)
    with pytest.raises(InvalidInput, match="cannot be refunded"):
        refund(RefundedLine("CABLE", 2))
    with pytest.raises(InvalidInput, match="cannot be refunded"):
        refund(RefundedLine("MOUSE", 1))
    answer = refund(RefundedLine("CABLE", 1), RefundedLine("LAPTOP001", 1))
    assert (answer["status"], answer["refundedTotal"]) == ("REFUNDED", 129_999 + 3 * 1_999)
    settle_all(desk)
    assert desk.till.balance == 0


def test_a_refund_under_a_key_is_made_once():
    desk = an_order_desk()
    order_id = desk.place(an_order_command(a_line(quantity=2)))
    process_order(order_id, desk.processing)
    request = IdempotentRequest.of("shop:POST refund", "k1", b"{}")
    one = [RefundedLine("LAPTOP001", 1)]

    answers = [
        refund_order(order_id, one, store=desk.store, clock=desk.clock, request=request) for _ in range(2)
    ]

    assert answers[0] == answers[1]
    assert desk.store.get(order_id).refunded == 129_999


def test_another_customers_order_is_an_unknown_one():
    desk, order_id = desk_with_offer()

    with pytest.raises(UnknownOrder):
        cancel_order(order_id, store=desk.store, clock=desk.clock, customer_id="ben")


# -- orders that nobody carries on -------------------------------------------------------------------


def test_a_hold_beyond_its_deadline_is_released():
    desk, order_id = desk_with_offer()
    advanced_to(desk, order_id, OrderStatus.FULFILLMENT)

    desk.clock.move_on(HELD_FOR_S - 1)
    assert release_ended_holds(desk.processing) == 0
    desk.clock.move_on(1)
    assert release_ended_holds(desk.processing) == 1

    order = desk.store.get(order_id)
    assert (order.status, order.reason) == (OrderStatus.FAILED, "the order could not be completed in time")
    assert counts(desk) == (10, 0, 0)
    settle_all(desk)
    assert desk.till.balance == 0


@pytest.mark.parametrize("at", [OrderStatus.PENDING, OrderStatus.PAYMENT_PROCESSING])
def test_a_dead_letter_ends_its_order_with_the_reason(at):
    desk, order_id = desk_with_offer()
    advanced_to(desk, order_id, at)

    order = give_up(order_id, "gave up after 5 attempts", desk.processing)

    assert (order.status, order.reason) == (OrderStatus.FAILED, "gave up after 5 attempts")
    assert counts(desk) == (10, 0, 0)


def test_a_dead_letter_of_an_order_that_has_ended_changes_nothing():
    desk, order_id = desk_with_offer()
    completed = process_order(order_id, desk.processing)

    assert give_up(order_id, "gave up", desk.processing) == completed


# -- what customers are told -------------------------------------------------------------------------


def test_the_texts_are_those_of_the_requirements():
    desk = an_order_desk(a_product(price=14_999))
    command = an_order_command(a_line(quantity=2, price=14_999), customer_id="customer123")
    order = process_order(desk.place(command), desk.processing)

    created, completed = (text_of(order, kind) for kind in (NoticeKind.CREATED, NoticeKind.COMPLETED))

    assert created.splitlines() == [
        "🛒 Order Created!",
        "Order ID: 00000001...",
        "Customer: customer123",
        "Items: 2",
        "Total: €299.98",
        "Status: Processing",
        "Time: 2027-01-15 08:00:00 UTC",
    ]
    assert completed.splitlines() == [
        "✅ Order Completed!",
        "Order ID: 00000001...",
        "Status: Ready for shipping",
        "Completed: 2027-01-15 08:00:00 UTC",
    ]


def test_an_order_that_nobody_works_on_is_taken_up_again():
    desk, order_id = desk_with_offer()
    sent = []

    class Wire:
        def send(self, messages):
            sent.extend(messages)
            return frozenset(message.message_id for message in messages)

    assert take_up_forgotten(desk.processing, Wire()) == 0
    desk.clock.move_on(FORGOTTEN_AFTER_S + 1)
    assert take_up_forgotten(desk.processing, Wire()) == 1
    assert [(message.topic, message.body) for message in sent] == [(Topic.ORDER_WORK, {"order_id": order_id})]
    assert oldest_waiting_s(desk.processing) == FORGOTTEN_AFTER_S + 1
