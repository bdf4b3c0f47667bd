"""The messages that an order's transitions put in the outbox. Their ids follow from the transition."""

from datetime import UTC, datetime
from enum import StrEnum

from offerloop import money
from offerloop.orders.model import Order
from offerloop.outbox import Message, Topic

SHOWN_ID_LENGTH = 8


class NoticeKind(StrEnum):
    """What a customer is told of."""

    CREATED = "CREATED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class SettlementKind(StrEnum):
    """What a payment service is still to be told."""

    VOID = "VOID"
    REFUND = "REFUND"


def work(order: Order) -> Message:
    """Asks the processor to carry the order on."""
    return _message(order, Topic.ORDER_WORK, "work", {})


def notice(order: Order, kind: NoticeKind) -> Message:
    """Asks for a text message to the customer, and says all of it: the order may go on meanwhile."""
    body: dict[str, str | int | None] = {
        "kind": kind.value,
        "customer_id": order.customer_id,
        "phone": order.phone,
        "text": text_of(order, kind),
    }
    return _message(order, Topic.ORDER_NOTICE, kind.lower(), body)


def settlement(order: Order, kind: SettlementKind, amount: int) -> Message:
    """Asks for a correction at the payment service.

    Args:
        amount: of a REFUND, > 0; of a VOID 0, because it takes back whatever there is.
    """
    body: dict[str, str | int | None] = {"kind": kind.value, "amount": amount, "number": order.version}
    return _message(order, Topic.SETTLEMENT, f"{kind.lower()}-{order.version}", body)


def redemptions(order: Order) -> tuple[Message, ...]:
    """Report what was bought with offers: one message for each line with one, with its units.

    Not one for each unit: a transaction takes 100 rows, and a line may have 1,000 units.
    """
    return tuple(
        _message(
            order,
            Topic.OFFER_PURCHASE,
            f"redemption-{line_at}",
            {"user_id": order.customer_id, "offer_id": line.offer_id, "units": line.quantity},
        )
        for line_at, line in enumerate(order.lines)
        if line.offer_id is not None
    )


def _message(order: Order, topic: Topic, name: str, body: dict[str, str | int | None]) -> Message:
    return Message(
        message_id=f"{order.order_id}:{name}",
        topic=topic,
        partition_key=order.order_id,
        body={"order_id": order.order_id, **body},
        written_at_ms=order.updated_at_ms,
    )


def text_of(order: Order, kind: NoticeKind) -> str:
    """Write the message."""
    head = f"Order ID: {order.order_id[:SHOWN_ID_LENGTH]}..."
    at = _utc(order.placed_at_ms if kind is NoticeKind.CREATED else order.updated_at_ms)
    if kind is NoticeKind.CREATED:
        return "\n".join(
            [
                "🛒 Order Created!",
                head,
                f"Customer: {order.customer_id}",
                f"Items: {order.units}",
                f"Total: {money.shown(order.total, order.currency)}",
                "Status: Processing",
                f"Time: {at}",
            ]
        )
    if kind is NoticeKind.COMPLETED:
        return "\n".join(["✅ Order Completed!", head, "Status: Ready for shipping", f"Completed: {at}"])
    return "\n".join(["❌ Order Failed!", head, f"Reason: {order.reason}", f"Failed: {at}"])


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
