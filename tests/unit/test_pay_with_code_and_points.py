"""Orders that are paid with a promo code and with bonus points: priced, held, posted and given back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offerloop.bonuses.model import Account, Hold, Lot
from offerloop.codes.model import Code, CodeStatus
from offerloop.errors import AmountMismatch, CodeNotGood, InsufficientBonus, InvalidInput
from offerloop.money import apportion
from offerloop.orders.cancel_order import cancel_order
from offerloop.orders.model import OrderLine, OrderStatus
from offerloop.orders.ports import Payment, PaymentStatus
from offerloop.orders.process_order import advance, process_order
from offerloop.orders.refund_order import RefundedLine, refund_order
from tests.factories import NOON_MS
from tests.orders import a_line, a_product, an_order_command, an_order_desk

NOON = NOON_MS // 1_000
CABLE = a_product("CABLE", price=1_000)


def a_code(**changes):
    """A code worth 100.00 that ann has claimed."""
    code = Code("BON100ANN", "bonus-100", 10_000, "EUR", CodeStatus.CLAIMED, holder_id="ann")
    return replace(code, **changes)


def a_desk(*codes, points=()):
    """A shop with laptops and cables, these codes, and these lots of ann's."""
    desk = an_order_desk(a_product(), CABLE)
    desk.world.codes |= {code.code: code for code in codes}
    if points:
        desk.world.accounts["ann"] = Account("ann", version=1, lots=tuple(points), issued=1)
    return desk


def laptop_with(desk, total, **changes):
    return desk.place(an_order_command(total=total, **changes))


def completed(desk, order_id):
    return process_order(order_id, desk.processing)


def code_of(desk):
    code = desk.world.codes["BON100ANN"]
    return code.status, code.order_id


@given(weights=st.lists(st.integers(0, 10_000), min_size=1, max_size=20), share=st.floats(0, 1))
def test_an_amount_is_parted_to_the_last_cent_and_no_part_is_more_than_its_weight(weights, share):
    total = int(sum(weights) * share)

    parts = apportion(total, weights)

    assert sum(parts) == total
    assert all(0 <= part <= weight for part, weight in zip(parts, weights, strict=True))


def test_the_code_comes_off_the_goods_and_the_points_off_what_is_left():
    desk = a_desk(a_code(), points=[Lot(5_000)])

    order = desk.store.get(laptop_with(desk, 129_999 - 15_000, promo_code=" bon100ann", use_bonus=5_000))

    assert (order.promo_code, order.code_discount, order.bonus_used) == ("BON100ANN", 10_000, 5_000)
    assert (order.lines[0].amount, order.lines[0].due, order.total) == (129_999, 114_999, 114_999)


def test_a_code_that_is_worth_more_than_the_goods_leaves_nothing_to_pay():
    desk = a_desk(a_code())

    order = desk.store.get(
        desk.place(an_order_command(a_line("CABLE", 2, 1_000), total=0, promo_code="BON100ANN"))
    )

    assert (order.total, order.code_discount, [line.code_share for line in order.lines]) == (
        0,
        2_000,
        [2_000],
    )


def test_shares_of_lines_sum_up_to_the_whole():
    desk = a_desk(replace(a_code(), amount=100))
    lines = [a_line("CABLE", 1, 1_000)] * 3

    order = desk.store.get(desk.place(an_order_command(*lines, total=2_900, promo_code="BON100ANN")))

    assert [line.code_share for line in order.lines] == [34, 33, 33]


@pytest.mark.parametrize(
    "code",
    [
        a_code(holder_id="bob"),
        a_code(status=CodeStatus.FREE, holder_id=None),
        a_code(status=CodeStatus.USED, order_id="another"),
        a_code(status=CodeStatus.HELD, order_id="another"),
        a_code(status=CodeStatus.VOID, holder_id=None),
        a_code(currency="UAH"),
        a_code(expires_at=NOON),
        None,
    ],
)
def test_an_order_with_a_code_that_is_not_good_is_refused(code):
    desk = a_desk(*([code] if code else []))

    with pytest.raises(CodeNotGood):
        laptop_with(desk, 119_999, promo_code="BON100ANN")

    assert desk.world.orders == {}


def test_what_cannot_be_a_code_is_refused_like_one_that_is_unknown():
    desk = a_desk()

    with pytest.raises(CodeNotGood) as malformed:
        laptop_with(desk, 119_999, promo_code="'; drop")
    with pytest.raises(CodeNotGood) as unknown:
        laptop_with(desk, 119_999, promo_code="BON100ANN")

    assert malformed.value.message == unknown.value.message


def test_a_total_without_the_discounts_is_refused_with_both_figures():
    desk = a_desk(a_code())

    with pytest.raises(AmountMismatch) as refused:
        laptop_with(desk, 129_999, promo_code="BON100ANN")

    assert refused.value.fields[0].message == "is 1199.99, not 1299.99"


@pytest.mark.parametrize("lots", [[], [Lot(4_999)], [Lot(9_999, NOON)]])
def test_more_points_than_can_be_used_are_refused(lots):
    desk = a_desk(points=lots)

    with pytest.raises(InsufficientBonus):
        laptop_with(desk, 124_999, use_bonus=5_000)


def test_more_points_than_the_order_costs_are_refused():
    desk = a_desk(points=[Lot(10_000)])

    with pytest.raises(InvalidInput) as refused:
        desk.place(an_order_command(a_line("CABLE", 1, 1_000), total=0, use_bonus=1_001))

    assert [error.field for error in refused.value.fields] == ["useBonus"]


def test_code_and_points_are_held_with_the_stock_the_first_to_end_first():
    desk = a_desk(a_code(), points=[Lot(100, NOON), Lot(3_000, NOON + 10), Lot(4_000)])
    order_id = laptop_with(desk, 114_999, promo_code="BON100ANN", use_bonus=5_000)

    order = desk.store.get(order_id)
    while order.status is not OrderStatus.PAYMENT_PROCESSING:
        assert code_of(desk) == (CodeStatus.CLAIMED, None)
        order = advance(order, desk.processing)

    account = desk.world.accounts["ann"]
    assert code_of(desk) == (CodeStatus.HELD, order_id)
    assert account.holds == (Hold(order_id, (Lot(3_000, NOON + 10), Lot(2_000))),)
    assert account.lots == (Lot(100, NOON), Lot(2_000))
    assert (account.version, account.balance) == (2, 7_100)


def test_a_completed_order_has_used_its_code():
    desk = a_desk(a_code())
    order_id = laptop_with(desk, 119_999, promo_code="BON100ANN")

    assert completed(desk, order_id).status is OrderStatus.COMPLETED
    assert code_of(desk) == (CodeStatus.USED, order_id)
    assert desk.till.taken == {order_id: 119_999}


def test_of_two_orders_with_one_code_one_fails_and_says_why():
    desk = a_desk(a_code())
    first, second = (laptop_with(desk, 119_999, promo_code="BON100ANN") for _ in range(2))

    assert completed(desk, first).status is OrderStatus.COMPLETED
    failed = completed(desk, second)

    assert failed.status is OrderStatus.FAILED
    assert first in (failed.reason or "")
    assert code_of(desk) == (CodeStatus.USED, first)


def test_points_that_went_meanwhile_fail_the_order():
    desk = a_desk(points=[Lot(5_000)])
    order_id = laptop_with(desk, 124_999, use_bonus=5_000)
    desk.world.accounts["ann"] = Account("ann", version=2)

    assert completed(desk, order_id).status is OrderStatus.FAILED


@pytest.mark.parametrize("ends", ["declined", "cancelled"])
def test_an_order_that_ends_early_gives_its_code_back(ends):
    desk = a_desk(a_code())
    desk.till.answer = lambda _key: Payment(PaymentStatus.DECLINED, "no money")
    order_id = laptop_with(desk, 119_999, promo_code="BON100ANN")
    order = desk.store.get(order_id)
    while order.status is not OrderStatus.PAYMENT_PROCESSING:
        order = advance(order, desk.processing)

    if ends == "declined":
        completed(desk, order_id)
    else:
        cancel_order(order_id, store=desk.store, clock=desk.world.clock)

    assert code_of(desk) == (CodeStatus.CLAIMED, None)


def test_a_refund_gives_back_money_and_points_in_proportion_and_the_code_with_the_last_unit():
    desk = a_desk(a_code(amount=1_000), points=[Lot(1_000)])
    order_id = desk.place(
        an_order_command(a_line("CABLE", 3, 1_000), total=1_000, promo_code="BON100ANN", use_bonus=1_000)
    )
    completed(desk, order_id)

    seen = []
    for _ in range(3):
        refund_order(order_id, [RefundedLine("CABLE", 1)], store=desk.store, clock=desk.world.clock)
        order = desk.store.get(order_id)
        seen.append((order.refunded, order.bonus_returned, code_of(desk)[0]))

    assert seen == [
        (333, 333, CodeStatus.USED),
        (666, 666, CodeStatus.USED),
        (1_000, 1_000, CodeStatus.CLAIMED),
    ]


@given(
    quantity=st.integers(1, 50),
    unit=st.integers(0, 200),
    parts=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    first=st.integers(0, 50),
)
def test_what_refunds_give_back_of_a_line_is_never_negative_and_in_the_end_all(quantity, unit, parts, first):
    amount = quantity * unit
    code = int(amount * parts[0])
    line = OrderLine("P", "P", quantity, unit, code_share=code, bonus_share=int((amount - code) * parts[1]))
    first = min(first, quantity)

    some = line.given_back(first)
    rest = replace(line, refunded=first).given_back(quantity - first)

    assert min(*some, *rest) >= 0
    assert (some[0] + rest[0], some[1] + rest[1]) == (line.due, line.bonus_share)
