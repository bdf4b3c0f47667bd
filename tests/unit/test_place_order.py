"""Orders as they are accepted: the catalogue's prices, and what is refused."""

import pytest

from offerloop.errors import (
    AlreadyRedeemed,
    AmountMismatch,
    CategoryMismatch,
    IdempotencyKeyReused,
    InvalidInput,
    NotSold,
    OutOfStock,
    UnknownOffer,
)
from offerloop.idempotency import IdempotentRequest
from offerloop.offers.model import DiscountType
from offerloop.orders.model import OrderStatus, ProductStatus
from offerloop.orders.pricing import discount_on
from offerloop.outbox import Topic
from tests.factories import NOON_MS, an_offer
from tests.orders import a_line, a_product, an_order_command, an_order_desk

CABLE = a_product("CABLE", price=1_999, category="cables")


def test_an_order_is_stored_with_its_history_its_work_and_its_notice():
    desk = an_order_desk()

    order = desk.store.get(desk.place(an_order_command(a_line(quantity=2))))

    assert (order.status, order.version, order.total) == (OrderStatus.PENDING, 1, 259_998)
    [placed] = desk.store.history(order.order_id)
    assert (placed.number, placed.before, placed.after, placed.at_ms) == (1, None, "PENDING", NOON_MS)
    topics = [message.topic for message in desk.world.outbox.values()]
    assert topics == [Topic.ORDER_WORK, Topic.ORDER_NOTICE]
    assert desk.product().inventory_count == 10  # taken later, by the processor


def test_a_wrong_price_and_a_wrong_total_are_refused_with_both_figures():
    desk = an_order_desk()

    with pytest.raises(AmountMismatch) as refused:
        desk.place(an_order_command(a_line(price=100), total=100))

    assert [(error.field, error.message) for error in refused.value.fields] == [
        ("items.0.price", "is 1299.99, not 1.00"),
        ("totalAmount", "is 1299.99, not 1.00"),
    ]
    assert desk.world.orders == desk.world.outbox == {}


@pytest.mark.parametrize("product", [None, a_product("GONE", status=ProductStatus.DISCONTINUED)])
def test_a_product_that_is_not_sold_is_refused_by_its_place(product):
    desk = an_order_desk(a_product(), *([product] if product else []))

    with pytest.raises(NotSold) as refused:
        desk.place(an_order_command(a_line(), a_line("GONE")))

    assert [error.field for error in refused.value.fields] == ["items.1.productId"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lines": ()}, "items"),
        ({"lines": (a_line(),) * 21}, "items"),
        ({"lines": (a_line(quantity=0),)}, "items.0.quantity"),
        ({"lines": (a_line(quantity=1_001),)}, "items.0.quantity"),
        ({"use_bonus": -1}, "useBonus"),
    ],
)
def test_an_order_out_of_form_is_refused(changes, field):
    with pytest.raises(InvalidInput) as refused:
        an_order_desk().place(an_order_command(**changes))

    assert [error.field for error in refused.value.fields] == [field]


def test_an_offer_takes_its_discount_off_each_unit():
    desk = an_order_desk()
    desk.world.put_offer(an_offer(discount_hundredths=2_500, redemptions_per_user=2))
    line = a_line(quantity=2, offer_id="OFF001")

    order = desk.store.get(desk.place(an_order_command(line, total=2 * (129_999 - 32_500))))

    assert (order.lines[0].unit_discount, order.total) == (32_500, 194_998)


@pytest.mark.parametrize(
    ("kind", "hundredths", "price", "discount"),
    [
        (DiscountType.PERCENTAGE, 2_500, 1_999, 500),  # 499.75
        (DiscountType.PERCENTAGE, 1_000, 1_994, 199),  # 199.4
        (DiscountType.PERCENTAGE, 5_000, 1, 1),  # half a cent
        (DiscountType.PERCENTAGE, 10_000, 1_999, 1_999),
        (DiscountType.FIXED_AMOUNT, 1_000, 1_999, 1_000),
        (DiscountType.FIXED_AMOUNT, 5_000, 1_999, 1_999),
    ],
)
def test_discounts_are_whole_cents_and_never_more_than_the_price(kind, hundredths, price, discount):
    assert discount_on(price, kind, hundredths) == discount


@pytest.mark.parametrize(
    ("offer", "line", "refusal"),
    [
        (None, a_line(offer_id="OFF001"), UnknownOffer),
        (an_offer(), a_line("CABLE", price=1_999, offer_id="OFF001"), CategoryMismatch),
        (an_offer(), a_line(quantity=2, offer_id="OFF001"), AlreadyRedeemed),
        (
            an_offer(inventory_count=1, redemptions_per_user=0),
            a_line(quantity=2, offer_id="OFF001"),
            OutOfStock,
        ),
    ],
)
def test_an_offer_that_cannot_be_used_is_refused(offer, line, refusal):
    desk = an_order_desk(a_product(), CABLE)
    if offer is not None:
        desk.world.put_offer(offer)

    with pytest.raises(refusal):
        desk.place(an_order_command(line))

    assert desk.world.orders == {}


def test_the_limit_counts_all_lines_with_the_offer():
    desk = an_order_desk()
    desk.world.put_offer(an_offer(redemptions_per_user=2))

    with pytest.raises(AlreadyRedeemed):
        desk.place(an_order_command(a_line(quantity=2, offer_id="OFF001"), a_line(offer_id="OFF001")))


def test_the_same_request_twice_is_one_order_and_another_body_is_refused():
    desk = an_order_desk()
    request = IdempotentRequest.of("shop:POST /orders", "k1", b"{}")

    first, second = (desk.place(an_order_command(), request=request) for _ in range(2))

    assert first == second
    assert len(desk.world.orders) == 1
    with pytest.raises(IdempotencyKeyReused):
        desk.place(an_order_command(), request=IdempotentRequest.of("shop:POST /orders", "k1", b"{ }"))
