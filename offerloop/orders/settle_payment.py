"""Tell the payment service what an order's end or refund asks for; safe to repeat."""

from offerloop.orders.messages import SettlementKind
from offerloop.orders.ports import PaymentGateway
from offerloop.outbox import Message
from offerloop.record import record


@record(frozen=True, slots=True)
class Settlement:
    """One correction.

    Attributes:
        number: of the order's transition that asks for it.
        amount: minor units of a REFUND.
    """

    order_id: str
    kind: SettlementKind
    number: int
    amount: int


def settlement_of(message: Message) -> Settlement:
    """Read what `messages.settlement` wrote."""
    body = message.body
    return Settlement(
        order_id=str(body["order_id"]),
        kind=SettlementKind(str(body["kind"])),
        number=int(body["number"] or 0),
        amount=int(body["amount"] or 0),
    )


def settle_payment(settlement: Settlement, payments: PaymentGateway) -> None:
    """Raises:
    PaymentUnavailable: try again later.
    """
    if settlement.kind is SettlementKind.VOID:
        payments.void(settlement.order_id)
    else:
        refund_key = f"{settlement.order_id}:{settlement.number}"
        payments.refund(settlement.order_id, refund_key, settlement.amount)
