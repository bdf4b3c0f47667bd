"""`OrderStore`: a transition with all that it changes, or nothing."""

from dataclasses import replace

import pytest

from handlers.aws.table_access import MAX_TRANSACTION
from offerloop.errors import (
    AlreadyRedeemed,
    InvalidInput,
    OfferHasExpired,
    OfferNotActive,
    OutOfStock,
    UnknownOrder,
)
from offerloop.offers.model import OfferChange, OfferStatus
from offerloop.orders import steps
from offerloop.orders.model import (
    MAX_LINES,
    MAX_QUANTITY,
    Order,
    OrderLine,
    OrderStatus,
    ProductStatus,
    Tracking,
    Transition,
)
from offerloop.orders.ports import OrderStep, Shelf, StaleOrder
from tests.contract.conftest import Stores
from tests.factories import NOON, NOON_MS, an_answered, an_offer
from tests.orders import ADDRESS, a_product

S = OrderStatus
LAPTOP, CABLE = OrderLine("LAPTOP001", "Laptop", 2, 129_999), OrderLine("CABLE", "Kabel ✨", 3, 1_999)
WITH_OFFER = replace(LAPTOP, offer_id="OFF001", unit_discount=32_500)
NO_LIMIT = {"OFF001": 0}
TRACKED = Tracking("Post", "P-1", "BOOKED", NOON_MS)
FORWARD = (S.VALIDATING, S.INVENTORY_CHECK, S.PAYMENT_PROCESSING, S.FULFILLMENT, S.COMPLETED)


def an_order(order_id: str = "order-1", *lines: OrderLine, **changes: object) -> Order:
    """Two laptops for ann, with an offer."""
    lines = lines or (WITH_OFFER,)
    attributes: dict[str, object] = {
        "order_id": order_id,
        "customer_id": "ann",
        "lines": lines,
        "total": sum(line.amount for line in lines),
        "currency": "EUR",
        "email": "ann@shop.test",
        "address": ADDRESS,
        "placed_at_ms": NOON_MS,
    }
    attributes |= changes
    attributes.setdefault("updated_at_ms", attributes["placed_at_ms"])
    return Order(**attributes)  # type: ignore[arg-type]


def with_stock(stores: Stores, **offer: object) -> None:
    """Ten laptops, ten cables, and ten units of OFF001."""
    stores.products.create(a_product(), None)
    stores.products.create(a_product("CABLE", price=1_999), None)
    stores.put_offer(an_offer(**offer))


def placed(stores: Stores, order: Order) -> Order:
    stores.orders.write(steps.placing(order, None))
    return order


def to(order: Order, status: OrderStatus, now_ms: int = NOON_MS, **more: object) -> OrderStep:
    """The step forward to *status*; HOLDs are without a limit for the customer."""
    more.setdefault("limits", {line.offer_id: 0 for line in order.lines if line.offer_id is not None})
    return steps.moving(order, status, now_ms, **more)  # type: ignore[arg-type]


def moved(stores: Stores, order: Order, status: OrderStatus) -> Order:
    """The order carried forward to *status*."""
    while order.status is not status:
        step = to(order, FORWARD[(S.PENDING, *FORWARD).index(order.status)])
        stores.orders.write(step)
        order = step.after
    return order


def counts(stores: Stores, product_id: str = "LAPTOP001") -> tuple[int, int, int]:
    """Free, held and sold."""
    product = stores.products.get(product_id)
    return product.inventory_count, product.held_count, product.sold_count


def offer_counts(stores: Stores, offer_id: str = "OFF001") -> tuple[int, int, int, int]:
    """Free, held, redeemed, and redeemed by ann."""
    offer = stores.offers.get(offer_id)
    redemptions = stores.orders.shelf("ann", [], [offer_id]).redemptions[offer_id]
    return offer.inventory_count, offer.held_count, offer.redeemed_count, redemptions


def everything(stores: Stores, order_id: str = "order-1") -> tuple[object, ...]:
    """All that a step may change."""
    return (
        stores.orders.get(order_id),
        stores.orders.history(order_id),
        stores.orders.shelf("ann", ["LAPTOP001", "CABLE"], ["OFF001"]),
        stores.order_outbox.overdue(2**43, 200),
        stores.orders.find("shop:POST /x", "k1"),
    )


# -- placing -----------------------------------------------------------------------------------------


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


def test_units_are_held_and_sold(stores):
    with_stock(stores)
    order = moved(stores, placed(stores, an_order("order-1", WITH_OFFER, CABLE)), S.PAYMENT_PROCESSING)
    assert (counts(stores), counts(stores, "CABLE"), offer_counts(stores)) == (
        (8, 2, 0),
        (7, 3, 0),
        (8, 2, 0, 2),
    )

    moved(stores, order, S.COMPLETED)

    assert (counts(stores), counts(stores, "CABLE"), offer_counts(stores)) == (
        (8, 0, 2),
        (7, 0, 3),
        (8, 0, 2, 2),
    )


@pytest.mark.parametrize("at", [S.PAYMENT_PROCESSING, S.FULFILLMENT])
def test_held_units_are_given_back(stores, at):
    with_stock(stores)
    order = moved(stores, placed(stores, an_order()), at)

    stores.orders.write(steps.ending(order, S.FAILED, "declined", NOON_MS))

    assert (counts(stores), offer_counts(stores)) == ((10, 0, 0), (10, 0, 0, 0))


def test_sold_units_are_returned_unit_by_unit(stores):
    with_stock(stores)
    order = moved(stores, placed(stores, an_order()), S.COMPLETED)

    step = steps.refunding(order, (1,), NOON_MS, "refunded")
    stores.orders.write(step)
    assert (counts(stores), offer_counts(stores)) == ((9, 0, 1), (9, 0, 1, 1))
    stores.orders.write(steps.refunding(step.after, (1,), NOON_MS, "refunded"))

    assert (counts(stores), offer_counts(stores)) == ((10, 0, 0), (10, 0, 0, 0))
    assert stores.orders.get("order-1").status is S.REFUNDED


def test_a_step_that_moves_nothing_touches_no_stock(stores):
    with_stock(stores)

    order = moved(stores, placed(stores, an_order()), S.INVENTORY_CHECK)
    stores.orders.write(steps.ending(order, S.CANCELLED, "cancelled", NOON_MS))

    assert (counts(stores), offer_counts(stores)) == ((10, 0, 0), (10, 0, 0, 0))


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


@pytest.mark.parametrize(
    ("product", "offer", "limit", "refusal", "says"),
    [
        ({"inventory_count": 1}, {}, 0, OutOfStock, "LAPTOP001 is out of stock: 2 ordered, 1 left"),
        ({"status": ProductStatus.DISCONTINUED}, {}, 0, OutOfStock, "LAPTOP001 is sold no more"),
        ({"inventory_count": 0}, {"inventory_count": 0}, 0, OutOfStock, "LAPTOP001"),
        ({}, {"inventory_count": 1}, 0, OutOfStock, "OFF001 is out of stock"),
        ({}, {"status": OfferStatus.PAUSED, "inventory_count": 0}, 1, OfferNotActive, "OFF001 is PAUSED"),
        ({}, {"expires_at": NOON, "status": OfferStatus.PAUSED}, 1, OfferHasExpired, "OFF001 has ended"),
        ({}, {"status": OfferStatus.EXPIRED}, 1, OfferHasExpired, "OFF001 has ended"),
        ({}, {}, 1, AlreadyRedeemed, "OFF001"),
        ({}, {"inventory_count": 0}, 1, AlreadyRedeemed, "OFF001"),
        ({"inventory_count": 1}, {}, 1, OutOfStock, "LAPTOP001"),
    ],
)
def test_a_refused_hold_stores_nothing(stores, product, offer, limit, refusal, says):
    stores.products.create(a_product(**product), None)
    stores.products.create(a_product("CABLE"), None)
    stores.put_offer(an_offer(**offer))
    order = moved(stores, placed(stores, an_order("order-1", CABLE, WITH_OFFER)), S.INVENTORY_CHECK)
    before = everything(stores)

    with pytest.raises(refusal, match=says):
        stores.orders.write(to(order, S.PAYMENT_PROCESSING, limits={"OFF001": limit}))

    assert everything(stores) == before


@pytest.mark.parametrize("limit", [3, 4])
def test_a_customers_limit_counts_what_its_other_orders_hold(stores, limit):
    with_stock(stores)
    moved(stores, placed(stores, an_order()), S.PAYMENT_PROCESSING)
    order = moved(stores, placed(stores, an_order("order-2")), S.INVENTORY_CHECK)
    step = to(order, S.PAYMENT_PROCESSING, limits={"OFF001": limit})

    if limit == 3:
        with pytest.raises(AlreadyRedeemed):
            stores.orders.write(step)
    else:
        stores.orders.write(step)

    held = 2 if limit == 3 else 4
    assert offer_counts(stores) == (10 - held, held, 0, held)


def test_what_a_customer_gave_back_can_be_redeemed_again(stores):
    with_stock(stores)
    order = moved(stores, placed(stores, an_order()), S.COMPLETED)
    stores.orders.write(steps.refunding(order, (2,), NOON_MS, "refunded"))
    again = moved(stores, placed(stores, an_order("order-2")), S.INVENTORY_CHECK)

    stores.orders.write(to(again, S.PAYMENT_PROCESSING, limits={"OFF001": 2}))

    assert offer_counts(stores) == (8, 2, 0, 2)


@pytest.mark.parametrize("what", ["product", "offer"])
def test_of_two_writers_one_gets_the_last_unit(stores, what):
    with_stock(stores, inventory_count=10 if what == "product" else 2)
    stores.products.create(a_product("LAST", inventory_count=2), None)
    line = replace(WITH_OFFER, product_id="LAST" if what == "product" else "LAPTOP001")
    ready = [placed(stores, an_order(f"order-{name}", line, customer_id=name)) for name in ("ann", "ben")]
    first, second = [to(moved(stores, order, S.INVENTORY_CHECK), S.PAYMENT_PROCESSING) for order in ready]

    stores.orders.write(second)
    with pytest.raises(OutOfStock):
        stores.orders.write(first)

    free, held, redeemed, by_ann = offer_counts(stores)
    assert (held, redeemed, by_ann) == (2, 0, 0)
    assert counts(stores, line.product_id)[1] == 2
    assert 0 in (free, counts(stores, "LAST")[0])


def test_an_offer_whose_last_units_are_held_is_a_stockout(stores):
    with_stock(stores, inventory_count=2)
    before = stores.offers.get("OFF001")

    moved(stores, placed(stores, an_order()), S.PAYMENT_PROCESSING)

    after = stores.offers.get("OFF001")
    assert OfferChange("c1", "OFF001", NOON, before, after).is_stockout
    assert after == replace(before, inventory_count=0, held_count=2)


@pytest.mark.parametrize("gone", ["offer", "product"])
def test_a_hold_of_what_is_gone_is_decided_again(stores, gone):
    if gone == "offer":
        stores.products.create(a_product(), None)
    else:
        stores.put_offer(an_offer())
    order = moved(stores, placed(stores, an_order()), S.INVENTORY_CHECK)

    with pytest.raises(StaleOrder):
        stores.orders.write(to(order, S.PAYMENT_PROCESSING))


# -- offers that TTL removed, or that somebody put in their place ------------------------------------


def after_the_hold(stores: Stores, move: str, order: Order) -> None:
    if move == "POST":
        moved(stores, order, S.COMPLETED)
    elif move == "VOID":
        stores.orders.write(steps.ending(order, S.CANCELLED, "cancelled", NOON_MS))
    else:
        stores.orders.write(steps.refunding(order, (2, 3), NOON_MS, "refunded"))


LEFT = {"POST": ((8, 0, 2), 2), "VOID": ((10, 0, 0), 0), "RETURN": ((10, 0, 0), 0)}


@pytest.mark.parametrize("move", ["POST", "VOID", "RETURN"])
def test_an_offer_that_is_gone_stays_gone_and_holds_nothing_up(stores, move):
    with_stock(stores)
    at = S.COMPLETED if move == "RETURN" else S.FULFILLMENT
    order = moved(stores, placed(stores, an_order("order-1", WITH_OFFER, CABLE)), at)
    stores.remove_offer("OFF001")

    after_the_hold(stores, move, order)

    shelf = stores.orders.shelf("ann", [], ["OFF001"])
    assert (shelf.offers, counts(stores), shelf.redemptions["OFF001"]) == ({}, *LEFT[move])


@pytest.mark.parametrize("move", ["POST", "VOID", "RETURN"])
def test_an_offer_that_took_the_place_of_another_knows_nothing_of_its_units(stores, move):
    with_stock(stores)
    at = S.COMPLETED if move == "RETURN" else S.FULFILLMENT
    order = moved(stores, placed(stores, an_order("order-1", WITH_OFFER, CABLE)), at)
    another = an_offer(inventory_count=7, redeemed_count=1, held_count=1)
    stores.put_offer(another)

    after_the_hold(stores, move, order)

    assert stores.offers.get("OFF001") == another
    assert counts(stores) == LEFT[move][0]


# -- lists -------------------------------------------------------------------------------------------


def test_a_customers_orders_come_newest_first_page_by_page(stores):
    for number in range(7):
        placed(stores, an_order(f"order-{number}", placed_at_ms=NOON_MS + number // 2))
    placed(stores, an_order("order-of-ben", customer_id="ben"))

    pages, cursor = [], None
    while not pages or cursor is not None:
        page = stores.orders.of_customer("ann", 3, cursor)
        pages.append([order.order_id[-1] for order in page.orders])
        cursor = page.cursor

    assert pages == [["6", "4", "5"], ["2", "3", "0"], ["1"]]
    assert stores.orders.of_customer("ann", 7, None).cursor is None
    assert stores.orders.of_customer("cid", 7, None).orders == ()


def test_an_order_in_a_customers_list_is_as_it_stands(stores):
    with_stock(stores)

    order = moved(stores, placed(stores, an_order()), S.COMPLETED)

    assert stores.orders.of_customer("ann", 5, None).orders == (order,)


@pytest.mark.parametrize(
    "cursor", ["", "%%%", "🎁", "A", "_____w", "b3JkZXItMQ", "T1JERVIjb3JkZXItMS1hbmQtbW9yZQ"]
)
def test_a_foreign_cursor_is_refused(stores, cursor):
    placed(stores, an_order())

    with pytest.raises(InvalidInput):
        stores.orders.of_customer("ann", 5, cursor)


def test_holds_have_ended_from_their_deadline_on_the_longest_overdue_first(stores):
    with_stock(stores)
    for number, late_ms in enumerate([3_000, 1_000, 2_000, 5_000]):
        order = moved(stores, placed(stores, an_order(f"order-{number}")), S.INVENTORY_CHECK)
        stores.orders.write(to(order, S.PAYMENT_PROCESSING, NOON_MS + late_ms))
    now = NOON + steps.HELD_FOR_S + 3

    assert list(stores.orders.holds_ended(now, 10)) == ["order-1", "order-2", "order-0"]
    assert list(stores.orders.holds_ended(now, 1)) == ["order-1"]


def test_an_order_that_holds_nothing_any_more_is_in_no_list(stores):
    with_stock(stores)
    moved(stores, placed(stores, an_order("order-1", LAPTOP)), S.COMPLETED)
    order = moved(stores, placed(stores, an_order("order-2", LAPTOP)), S.FULFILLMENT)
    stores.orders.write(steps.ending(order, S.FAILED, "late", NOON_MS))

    assert list(stores.orders.holds_ended(2**40, 10)) == []
    assert list(stores.orders.waiting_since(2**43, 10)) == []


def test_orders_in_progress_wait_since_their_last_step_the_oldest_first(stores):
    with_stock(stores)
    orders = [
        placed(stores, an_order(f"order-{number}", LAPTOP, placed_at_ms=NOON_MS + number))
        for number in range(4)
    ]
    step = to(orders[0], S.VALIDATING, NOON_MS + 2)
    stores.orders.write(step)

    assert list(stores.orders.waiting_since(NOON_MS + 3, 10)) == [orders[1], step.after, orders[2]]
    assert list(stores.orders.waiting_since(NOON_MS + 3, 1)) == [orders[1]]
    assert list(stores.orders.waiting_since(NOON_MS, 10)) == []


# -- size --------------------------------------------------------------------------------------------


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
