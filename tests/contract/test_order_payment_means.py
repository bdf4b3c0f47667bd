"""`OrderStore`: the promo code and the points of an order move with it, or nothing does."""

from dataclasses import replace

import pytest

from offerloop.bonuses.accounts import hold
from offerloop.bonuses.model import Account, Hold, Lot
from offerloop.codes.model import CodeStatus
from offerloop.codes.ports import CodeStore
from offerloop.orders import steps
from offerloop.orders.model import Order, OrderLine, OrderStatus
from offerloop.orders.ports import OrderStep, StaleOrder
from tests.bonuses import a_step, an_account
from tests.codes import a_claim, a_pool, filled
from tests.contract.conftest import Stores
from tests.factories import NOON, NOON_MS
from tests.orders import a_product, a_stored_order

S = OrderStatus
POINTS = 5_000
UNTIL_FULFILLED = (S.VALIDATING, S.INVENTORY_CHECK, S.PAYMENT_PROCESSING, S.FULFILLMENT)


def a_claimed_code(codes: CodeStore, holder: str | None = "ann", **changes: object) -> str:
    pool = filled(codes, 1, a_pool(currency="EUR", **changes))
    return codes.claim(a_claim(pool, holder)).code


def an_order(stores: Stores, code: str | None = None, points: int = 0, order_id: str = "order-1") -> Order:
    """Ann's order of one laptop, placed."""
    off = 10_000 if code is not None else 0
    line = OrderLine("LAPTOP001", "Laptop", 1, 129_999, code_share=off, bonus_share=points)
    order = a_stored_order(
        order_id,
        lines=(line,),
        total=line.due,
        promo_code=code,
        code_discount=off,
        bonus_used=points,
    )
    stores.orders.write(steps.placing(order, None))
    return order


def carried_to(stores: Stores, order: Order, status: OrderStatus) -> Order:
    while order.status is not status:
        step = next_step(stores, order)
        stores.orders.write(step)
        order = step.after
    return order


def next_step(stores: Stores, order: Order) -> OrderStep:
    to = (*UNTIL_FULFILLED, S.COMPLETED)[(S.PENDING, *UNTIL_FULFILLED).index(order.status)]
    account = None
    if to is S.PAYMENT_PROCESSING and order.bonus_used:
        found = stores.orders.shelf("ann", [], [], None, True).account
        assert found is not None
        held = hold(found, order.order_id, order.bonus_used, NOON)
        account = replace(held, version=found.version + 1)
    return steps.moving(order, to, NOON_MS, limits={}, account=account)


def code_of(stores: Stores, code: str) -> tuple[CodeStatus, str | None]:
    found = stores.codes.code(code)
    assert found is not None
    return found.status, found.order_id


@pytest.fixture
def shop(stores: Stores) -> Stores:
    """Ten laptops."""
    stores.products.create(a_product(), None)
    return stores


def test_a_shelf_shows_the_code_and_the_account_that_are_asked_for(shop: Stores) -> None:
    code = a_claimed_code(shop.codes)
    shop.bonuses.write(a_step(Account("ann"), (replace(an_account(Lot(POINTS)), version=0), ())))

    shelf = shop.orders.shelf("ann", [], [], code, True)

    assert shelf.code == shop.codes.code(code)
    assert shelf.account == shop.bonuses.account("ann")


def test_a_shelf_shows_no_code_that_was_never_made_and_an_empty_account_for_who_has_none(
    shop: Stores,
) -> None:
    shelf = shop.orders.shelf("ann", [], [], "BON100ZZZZ", True)

    assert (shelf.code, shelf.account) == (None, Account("ann"))
    assert shop.orders.shelf("ann", [], []).account is None


@pytest.mark.parametrize("holder", ["ann", None])
def test_a_code_is_held_used_and_after_a_whole_refund_its_holders_again(
    shop: Stores, holder: str | None
) -> None:
    code = a_claimed_code(shop.codes, holder)
    order = an_order(shop, code)

    order = carried_to(shop, order, S.PAYMENT_PROCESSING)
    assert code_of(shop, code) == (CodeStatus.HELD, "order-1")
    order = carried_to(shop, order, S.COMPLETED)
    assert code_of(shop, code) == (CodeStatus.USED, "order-1")
    shop.orders.write(steps.refunding(order, (1,), NOON_MS, "returned"))
    assert code_of(shop, code) == (CodeStatus.CLAIMED, None)
    assert shop.codes.code(code).holder_id == holder


def test_an_order_that_ends_early_gives_its_code_back(shop: Stores) -> None:
    code = a_claimed_code(shop.codes)
    order = carried_to(shop, an_order(shop, code), S.FULFILLMENT)

    shop.orders.write(steps.ending(order, S.CANCELLED, "cancelled", NOON_MS))

    assert code_of(shop, code) == (CodeStatus.CLAIMED, None)


def test_an_order_that_ends_before_it_holds_leaves_its_code_to_the_one_that_does(shop: Stores) -> None:
    code = a_claimed_code(shop.codes)
    first, second = an_order(shop, code), an_order(shop, code, order_id="order-2")
    carried_to(shop, first, S.PAYMENT_PROCESSING)

    shop.orders.write(steps.ending(second, S.CANCELLED, "cancelled", NOON_MS))

    assert code_of(shop, code) == (CodeStatus.HELD, "order-1")


def test_of_two_orders_one_holds_the_code_and_of_the_other_nothing_is_written(shop: Stores) -> None:
    code = a_claimed_code(shop.codes)
    first, second = an_order(shop, code), an_order(shop, code, order_id="order-2")
    second = carried_to(shop, second, S.INVENTORY_CHECK)
    carried_to(shop, first, S.PAYMENT_PROCESSING)

    with pytest.raises(StaleOrder):
        shop.orders.write(next_step(shop, second))

    assert shop.orders.get("order-2") == second
    assert shop.products.get("LAPTOP001").held_count == 1


@pytest.mark.parametrize("case", ["somebody else's", "still free", "ended"])
def test_a_code_that_is_not_the_customers_to_use_is_not_held(shop: Stores, case: str) -> None:
    if case == "still free":
        filled(shop.codes, 1, a_pool(currency="EUR"))
        [code] = shop.codes.free("bonus-100", 1)
    elif case == "ended":
        code = a_claimed_code(shop.codes, valid_days=1)
        expires_at = shop.codes.code(code).expires_at
    else:
        code = a_claimed_code(shop.codes, "bob")
    order = carried_to(shop, an_order(shop, code), S.INVENTORY_CHECK)
    step = next_step(shop, order)
    if case == "ended":
        step = replace(step, now=expires_at)
    before = shop.codes.code(code)

    with pytest.raises(StaleOrder):
        shop.orders.write(step)

    assert shop.codes.code(code) == before


def test_points_are_held_in_the_same_step_as_the_stock(shop: Stores) -> None:
    shop.bonuses.write(a_step(Account("ann"), (replace(an_account(Lot(POINTS)), version=0), ())))

    carried_to(shop, an_order(shop, None, POINTS), S.PAYMENT_PROCESSING)

    account = shop.bonuses.account("ann")
    assert (account.version, account.lots) == (2, ())
    assert account.holds == (Hold("order-1", (Lot(POINTS),)),)


def test_an_account_that_changed_meanwhile_stops_the_step_as_a_whole(shop: Stores) -> None:
    shop.bonuses.write(a_step(Account("ann"), (replace(an_account(Lot(POINTS)), version=0), ())))
    order = carried_to(shop, an_order(shop, None, POINTS), S.INVENTORY_CHECK)
    step = next_step(shop, order)
    shop.bonuses.write(a_step(shop.bonuses.account("ann"), (shop.bonuses.account("ann"), ())))

    with pytest.raises(StaleOrder):
        shop.orders.write(step)

    assert shop.orders.get("order-1") == order
    assert shop.products.get("LAPTOP001").held_count == 0
