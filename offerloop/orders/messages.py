"""The messages that an order's transitions put in the outbox. Their ids follow from the transition."""

from enum import StrEnum

from offerloop.orders.model import Order
from offerloop.outbox import Message, Topic


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
    """Asks for a text message to the customer."""
    return _message(order, Topic.ORDER_NOTICE, kind.lower(), {"kind": kind.value})


def settlement(order: Order, kind: SettlementKind, amount: int) -> Message:
    """Asks for a correction at the payment service.

    Args:
        amount: of a REFUND, > 0; of a VOID 0, because it takes back whatever there is.
    """
    body: dict[str, str | int] = {"kind": kind.value, "amount": amount, "number": order.version}
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


def _message(order: Order, topic: Topic, name: str, body: dict[str, str | int]) -> Message:
    return Message(
        message_id=f"{order.order_id}:{name}",
        topic=topic,
        partition_key=order.order_id,
        body={"order_id": order.order_id, **body},
        written_at_ms=order.updated_at_ms,
    )
