"""Answers in fixed words: they need no model, and say nothing but what an order's row says."""

from collections.abc import Sequence
from datetime import UTC, datetime

from offerloop import money
from offerloop.assistant.question import Intent, Question
from offerloop.orders.model import IN_PROGRESS, PAID, Order, OrderLine, OrderStatus

MAX_SHOWN = 5
_MAX_LINES_SHOWN = 3
_MAX_NAME_LENGTH = 60

CAPABILITIES = (
    'I can tell you about your orders. For example: "What\'s my order status?", "Where is my package?", '
    '"Show me my recent orders", or "What\'s the status of order …?" with the id from your text message.'
)
GREETING = f"Hello! {CAPABILITIES}"
UNKNOWN = f"I am not sure what you mean. {CAPABILITIES}"
NOT_FOUND = (
    "I could not find an order with that id among yours. Please check the id; its beginning, as in your text "
    'message, is enough. "Show me my recent orders" lists them.'
)
OTHERS = f"I can only speak about your own orders. {CAPABILITIES}"
NO_ORDERS = "You have no orders yet. Once you have placed one, I can tell you how it does and where it is."
CANCELLING = (
    "I cannot cancel an order for you. Cancel it in your account while it is in progress: nothing of your "
    "payment is kept. Once it is completed, the shop can refund it."
)
REFUNDING = (
    "I cannot refund an order for you. The shop refunds a completed order, whole or item by item: contact it "
    "with the order's id."
)
TRACKING = (
    "An order gets its tracking number when the carrier takes it; follow it there with the number, or ask me "
    '"Where is my package?".'
)

_STATUS = {
    OrderStatus.PENDING: "has been received and is waiting to be processed",
    OrderStatus.VALIDATING: "is being checked",
    OrderStatus.INVENTORY_CHECK: "is being checked against our stock",
    OrderStatus.PAYMENT_PROCESSING: "is waiting for its payment to be confirmed",
    OrderStatus.FULFILLMENT: "is paid and is being handed to the carrier",
    OrderStatus.COMPLETED: "is completed and with the carrier",
    OrderStatus.FAILED: "could not be completed, and nothing of your payment was kept",
    OrderStatus.CANCELLED: "was cancelled, and nothing of your payment was kept",
    OrderStatus.PARTIALLY_REFUNDED: "is completed and partly refunded",
    OrderStatus.REFUNDED: "was refunded",
}


def written(question: Question, orders: Sequence[Order]) -> str:
    """Answer about these orders.

    Args:
        orders: of the asking customer, at most MAX_SHOWN, what the question is about; none = it has none.
    """
    if question.intent is Intent.HELP:
        return GREETING
    if question.intent is Intent.UNKNOWN:
        return UNKNOWN
    if not orders:
        return NO_ORDERS
    return _ABOUT[question.intent](orders)


def _statuses(orders: Sequence[Order]) -> str:
    return "\n".join(_status(order) for order in orders)


def _recent(orders: Sequence[Order]) -> str:
    head = "Your most recent order:" if len(orders) == 1 else f"Your {len(orders)} most recent orders:"
    return "\n".join([head, *(f"- {_summary(order)}" for order in orders)])


def _tracking(orders: Sequence[Order]) -> str:
    return "\n".join([*(_whereabouts(order) for order in orders), TRACKING])


def _cancelling(orders: Sequence[Order]) -> str:
    return "\n".join([*(_can_be_cancelled(order) for order in orders), CANCELLING])


def _refunding(orders: Sequence[Order]) -> str:
    return "\n".join([*(_can_be_refunded(order) for order in orders), REFUNDING])


_ABOUT = {
    Intent.STATUS: _statuses,
    Intent.RECENT: _recent,
    Intent.TRACKING: _tracking,
    Intent.CANCEL: _cancelling,
    Intent.REFUND: _refunding,
}


def _status(order: Order) -> str:
    why = f" Reason: {order.reason}." if order.status is OrderStatus.FAILED and order.reason else ""
    return (
        f"Order {order.order_id} {_STATUS[order.status]}.{why} It was placed on {_day(order.placed_at_ms)}: "
        f"{_items(order)}, {_total(order)}.{_shipment(order)}"
    )


def _summary(order: Order) -> str:
    status = order.status.value.replace("_", " ").lower()
    return f"{order.order_id}, {_day(order.placed_at_ms)}: {_items(order)}, {_total(order)}, {status}"


def _whereabouts(order: Order) -> str:
    if order.tracking is not None:
        return f"Order {order.order_id}:{_shipment(order)}"
    return f"Order {order.order_id} {_STATUS[order.status]}. It has no tracking number."


def _can_be_cancelled(order: Order) -> str:
    if order.status in IN_PROGRESS:
        return f"Order {order.order_id} {_STATUS[order.status]}: it can still be cancelled."
    return f"Order {order.order_id} {_STATUS[order.status]}: it can no longer be cancelled."


def _can_be_refunded(order: Order) -> str:
    said = f"Order {order.order_id} {_STATUS[order.status]}"
    if order.status not in PAID:
        return f"{said}: there is nothing to refund."
    return f"{said}: {money.shown(order.refunded, order.currency)} of {_total(order)} were refunded so far."


def _shipment(order: Order) -> str:
    found = order.tracking
    if found is None:
        return ""
    status = found.status.replace("_", " ").lower()
    at = _day(found.updated_at_ms)
    return f" It is with {found.carrier}, tracking number {found.number}, {status} as of {at}."


def _items(order: Order) -> str:
    shown = ", ".join(map(_line, order.lines[:_MAX_LINES_SHOWN]))
    more = len(order.lines) - _MAX_LINES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _line(line: OrderLine) -> str:
    name = line.name if len(line.name) <= _MAX_NAME_LENGTH else f"{line.name[: _MAX_NAME_LENGTH - 1]}…"
    return f"{line.quantity} x {name}"


def _total(order: Order) -> str:
    return money.shown(order.total, order.currency)


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1_000, UTC).strftime("%Y-%m-%d %H:%M UTC")
