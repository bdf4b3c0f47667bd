"""Call an order off while it is on its way: what it holds goes back, and so does what was or may be paid."""

from offerloop.clock import Clock
from offerloop.errors import Busy, OrderNotOpen, UnknownOrder
from offerloop.idempotency import Answer
from offerloop.orders import steps
from offerloop.orders.model import IN_PROGRESS, Order, OrderStatus
from offerloop.orders.ports import OrderStore, Report, StaleOrder, nobody

MAX_DECISIONS = 8  # an order in progress takes five steps at most
BY_CUSTOMER = "cancelled by the customer"


def order_of(order_id: str, customer_id: str | None, store: OrderStore) -> Order:
    """One order, for whoever may see it.

    Args:
        customer_id: whose orders the caller may see; None = everybody's.
    Raises:
        UnknownOrder: also for another customer's, so that ids cannot be tried out.
    """
    order = store.get(order_id)
    if customer_id is not None and order.customer_id != customer_id:
        raise UnknownOrder(f"no order has the id {order_id!r}")
    return order


def cancel_order(
    order_id: str,
    *,
    store: OrderStore,
    clock: Clock,
    customer_id: str | None = None,
    report: Report = nobody,
) -> Answer:
    """Cancel an order in progress; once it is CANCELLED, the same answer again.

    Args:
        report: told when this call cancelled it.
    Returns:
        `{"orderId", "status"}`
    Raises:
        UnknownOrder, Busy
        OrderNotOpen: it is completed or has failed.
    """
    for _ in range(MAX_DECISIONS):
        order = order_of(order_id, customer_id, store)
        if order.status is OrderStatus.CANCELLED:
            return {"orderId": order_id, "status": order.status.value}
        if order.status not in IN_PROGRESS:
            raise OrderNotOpen(f"the order is {order.status}; only one in progress can be cancelled")
        step = steps.ending(order, OrderStatus.CANCELLED, BY_CUSTOMER, clock.now_ms())
        try:
            store.write(step)
        except StaleOrder:
            continue
        report(step)
        return {"orderId": order_id, "status": step.after.status.value}
    raise Busy("the order is being processed at this moment")
