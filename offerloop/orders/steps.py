"""One transition of an order, and everything that follows from it by rule.

Here is the one place that knows which transitions are legal and what each does to stock; the use cases
decide when to take one.
"""

from collections.abc import Mapping
from dataclasses import replace

from offerloop.bonuses.model import Account
from offerloop.idempotency import AnsweredRequest
from offerloop.orders import messages
from offerloop.orders.messages import NoticeKind, SettlementKind
from offerloop.orders.model import (
    HOLDING,
    TRANSITIONS,
    Order,
    OrderStatus,
    StockMove,
    Tracking,
    Transition,
    code_move,
    stock_move,
    units_of,
)
from offerloop.orders.ports import OrderStep
from offerloop.outbox import Message

HELD_FOR_S = 15 * 60  # longer than the queue's retries take; then the sweeper gives the units back


def placing(order: Order, answered: AnsweredRequest | None) -> OrderStep:
    """The first step: the order itself, the work that it asks for, and its notice."""
    asked = (messages.work(order), messages.notice(order, NoticeKind.CREATED))
    placed = Transition(order.order_id, 1, None, order.status, order.placed_at_ms, "order placed")
    return OrderStep(None, order, placed, asked, order.placed_at_ms // 1_000, answered=answered)


def moving(
    order: Order,
    to: OrderStatus,
    now_ms: int,
    detail: str = "",
    *,
    tracking: Tracking | None = None,
    limits: Mapping[str, int] | None = None,
    account: Account | None = None,
) -> OrderStep:
    """A step forward.

    Args:
        limits, account: of the step that takes the holds, see `OrderStep`.
    """
    after = _after(order, to, now_ms)
    if tracking is not None:
        after = replace(after, tracking=tracking)
    told: tuple[Message, ...] = ()
    if to is OrderStatus.COMPLETED:
        told = (messages.notice(after, NoticeKind.COMPLETED), *messages.redemptions(after))
    return _step(order, after, detail, told, limits=limits, account=account)


def ending(order: Order, to: OrderStatus, reason: str, now_ms: int) -> OrderStep:
    """The step to FAILED or CANCELLED: what is held goes back, and so does what was or may be paid."""
    after = replace(_after(order, to, now_ms), reason=reason)
    told = []
    if to is OrderStatus.FAILED:
        told.append(messages.notice(after, NoticeKind.FAILED))
    if order.status in HOLDING and order.total:
        told.append(messages.settlement(after, SettlementKind.VOID, 0))
    return _step(order, after, reason, tuple(told))


def refunding(order: Order, counts: tuple[int, ...], now_ms: int, reason: str) -> OrderStep:
    """The step that gives back some units, their money and the points that were paid with.

    Args:
        counts: units of each line, at most those not given back yet, at least one in all.
    """
    counted = list(zip(order.lines, counts, strict=True))
    lines = tuple(replace(line, refunded=line.refunded + count) for line, count in counted)
    back = [line.given_back(count) for line, count in counted]
    amount, points = sum(money for money, _ in back), sum(points for _, points in back)
    whole = all(line.refunded == line.quantity for line in lines)
    to = OrderStatus.REFUNDED if whole else OrderStatus.PARTIALLY_REFUNDED
    after = replace(
        _after(order, to, now_ms),
        lines=lines,
        refunded=order.refunded + amount,
        bonus_returned=order.bonus_returned + points,
    )
    told = (messages.settlement(after, SettlementKind.REFUND, amount),) if amount else ()
    return _step(order, after, reason, told, counts)


def _after(order: Order, to: OrderStatus, now_ms: int) -> Order:
    if to not in TRANSITIONS[order.status]:
        raise ValueError(f"no order goes from {order.status} to {to}")
    move = stock_move(order.status, to)
    hold_until = order.hold_until
    if move is not None:
        hold_until = now_ms // 1_000 + HELD_FOR_S if move is StockMove.HOLD else None
    return replace(order, status=to, version=order.version + 1, updated_at_ms=now_ms, hold_until=hold_until)


def _step(
    before: Order,
    after: Order,
    detail: str,
    told: tuple[Message, ...],
    counts: tuple[int, ...] | None = None,
    *,
    limits: Mapping[str, int] | None = None,
    account: Account | None = None,
) -> OrderStep:
    """Put a transition together.

    Args:
        counts: units of each line that move, if any do; None = all.
    """
    move = stock_move(before.status, after.status)
    units = None
    if move is not None:
        units = units_of(before.lines, counts or tuple(line.quantity for line in before.lines))
    return OrderStep(
        before=before,
        after=after,
        transition=Transition(
            after.order_id, after.version, before.status, after.status, after.updated_at_ms, detail
        ),
        messages=told,
        now=after.updated_at_ms // 1_000,
        move=move,
        units=units,
        limits=limits,
        code_move=None if before.promo_code is None else code_move(before.status, after.status),
        account=account,
    )
