"""`OrderStore`: lists of orders, of a customer and of what waits."""

import pytest

from offerloop.errors import (
    InvalidInput,
)
from offerloop.orders import steps
from tests.factories import NOON, NOON_MS
from tests.stored_orders import (
    LAPTOP,
    S,
    an_order,
    moved,
    placed,
    to,
    with_stock,
)


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
