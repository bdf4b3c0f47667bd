"""Give back a completed order, or some units of it: the units to stock, the money to whoever paid."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from offerloop.clock import Clock
from offerloop.errors import Busy, FieldError, InvalidInput, OrderNotOpen
from offerloop.idempotency import Answer, IdempotentRequest, answered, recall
from offerloop.orders import steps
from offerloop.orders.model import PAID, Order, OrderStatus
from offerloop.orders.ports import OrderStore, Report, StaleOrder, nobody
from offerloop.record import record

MAX_DECISIONS = 8


@record(frozen=True, slots=True)
class RefundedLine:
    """Units (> 0) of one product to give back."""

    product_id: str
    quantity: int


def refund_order(
    order_id: str,
    lines: Sequence[RefundedLine],
    *,
    store: OrderStore,
    clock: Clock,
    reason: str = "refunded",
    request: IdempotentRequest | None = None,
    report: Report = nobody,
) -> Answer:
    """Refund some units, or all that are left when no line is named.

    Args:
        report: told of a refund that is new.
    Returns:
        `{"orderId", "status", "refundedAmount", "refundedTotal"}`, amounts in minor units; the earlier
        answer when *request* was answered before.
    Raises:
        UnknownOrder, IdempotencyKeyReused, Busy
        InvalidInput: more than is left of a product, or a product that was not bought.
        OrderNotOpen: the order is not completed, or nothing is left of it.
    """
    for _ in range(MAX_DECISIONS):
        now_ms = clock.now_ms()
        order = store.get(order_id)
        remembered = recall(request, store, now_ms // 1_000)
        if remembered is not None:
            return remembered
        if order.status not in PAID or order.status is OrderStatus.REFUNDED:
            raise OrderNotOpen(f"the order is {order.status}; only what was completed can be refunded")
        counts = _counts(order, lines)
        step = steps.refunding(order, counts, now_ms, reason)
        answer = _answer(order, step.after)
        try:
            store.write(replace(step, answered=answered(request, answer, step.now)))
        except StaleOrder:
            continue
        report(step)
        return answer
    raise Busy("the order is being refunded elsewhere")


def _answer(before: Order, after: Order) -> Answer:
    return {
        "orderId": after.order_id,
        "status": after.status.value,
        "refundedAmount": after.refunded - before.refunded,
        "refundedTotal": after.refunded,
    }


def _counts(order: Order, asked: Sequence[RefundedLine]) -> tuple[int, ...]:
    """Units of each line to give back; those that were bought without an offer go first.

    The order's lines may name a product twice, with an offer and without.
    """
    left = [line.quantity - line.refunded for line in order.lines]
    if not asked:
        return tuple(left)
    wanted: Counter[str] = Counter()
    for line in asked:
        wanted[line.product_id] += line.quantity
    counts = [0] * len(order.lines)
    for at in sorted(range(len(order.lines)), key=lambda at: order.lines[at].unit_discount):
        product_id = order.lines[at].product_id
        counts[at] = min(left[at], wanted[product_id])
        wanted[product_id] -= counts[at]
    over = [
        FieldError(f"items.{at}", f"{line.product_id}: {line.quantity} asked, more than is left to refund")
        for at, line in enumerate(asked)
        if wanted[line.product_id] > 0 or line.quantity <= 0
    ]
    if over:
        raise InvalidInput("that cannot be refunded", over)
    return tuple(counts)
