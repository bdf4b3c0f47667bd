"""Orders, their histories, their notices and their ratings as rows."""

from dataclasses import astuple

from handlers.aws.attributes import (
    Item,
    Value,
    n,
    number,
    optional_number,
    optional_text,
    packed,
    s,
    text,
    unpacked,
)
from handlers.aws.cursors import newest_first
from handlers.aws.keys import (
    ORDER_PREFIX,
    history_key,
    hold_list,
    notice_key,
    notice_list,
    notice_shard,
    order_key,
    order_shard,
    progress_list,
    rating_key,
)
from offerloop.orders.messages import NoticeKind
from offerloop.orders.model import (
    HOLDING,
    IN_PROGRESS,
    Address,
    Order,
    OrderLine,
    OrderStatus,
    Tracking,
    Transition,
)
from offerloop.orders.notices import Notice, NoticeStatus
from offerloop.orders.rate_order import Rating


def order_of(item: Item) -> Order:
    """The order in a METADATA row."""
    tracking = unpacked(item, "tracking", None)
    return Order(
        order_id=item["PK"]["S"].removeprefix(ORDER_PREFIX),
        customer_id=text(item, "customer_id"),
        lines=tuple(OrderLine(*line) for line in unpacked(item, "lines", [])),
        total=number(item, "total"),
        currency=text(item, "currency"),
        email=text(item, "email"),
        address=Address(*unpacked(item, "address", None)),
        placed_at_ms=number(item, "placed_at_ms"),
        updated_at_ms=number(item, "updated_at_ms"),
        phone=optional_text(item, "phone"),
        status=OrderStatus(text(item, "status")),
        version=number(item, "version"),
        hold_until=optional_number(item, "hold_until"),
        reason=optional_text(item, "reason"),
        tracking=None if tracking is None else Tracking(*tracking),
        refunded=number(item, "refunded"),
        promo_code=optional_text(item, "promo_code"),
        code_discount=number(item, "code_discount"),
        bonus_used=number(item, "bonus_used"),
        bonus_returned=number(item, "bonus_returned"),
    )


def order_item(order: Order) -> dict[str, Value]:
    """The METADATA row of an order; its amounts in minor units."""
    item = order_key(order.order_id) | {
        "customer_id": s(order.customer_id),
        "newest_key": s(newest_key(order)),
        "lines": packed([astuple(line) for line in order.lines]),
        "total": n(order.total),
        "currency": s(order.currency),
        "email": s(order.email),
        "address": packed(astuple(order.address)),
        "placed_at_ms": n(order.placed_at_ms),
        "updated_at_ms": n(order.updated_at_ms),
        "status": s(order.status.value),
        "version": n(order.version),
        "refunded": n(order.refunded),
    }
    optional = {
        "phone": None if order.phone is None else s(order.phone),
        "hold_until": None if order.hold_until is None else n(order.hold_until),
        "reason": None if order.reason is None else s(order.reason),
        "promo_code": None if order.promo_code is None else s(order.promo_code),
        "code_discount": n(order.code_discount) if order.code_discount else None,
        "bonus_used": n(order.bonus_used) if order.bonus_used else None,
        "bonus_returned": n(order.bonus_returned) if order.bonus_returned else None,
        "tracking": None if order.tracking is None else packed(astuple(order.tracking)),
    }
    present = {name: value for name, value in optional.items() if value is not None}
    return item | present | _lists(order)


def _lists(order: Order) -> dict[str, Value]:
    """The lists of the sparse indexes in which an order stands."""
    shard, lists = order_shard(order.order_id), {}
    if order.status in HOLDING:
        lists["hold_list"] = s(hold_list(shard))
    if order.status in IN_PROGRESS:
        lists["progress_list"] = s(progress_list(shard))
    return lists


def newest_key(order: Order) -> str:
    """Sorts a customer's orders: the newest first."""
    return newest_first(order.placed_at_ms, order.order_id)


def transition_of(item: Item) -> Transition:
    """The transition in a HISTORY row."""
    before = optional_text(item, "before")
    return Transition(
        order_id=item["PK"]["S"].removeprefix(ORDER_PREFIX),
        number=number(item, "number"),
        before=None if before is None else OrderStatus(before),
        after=OrderStatus(text(item, "after")),
        at_ms=number(item, "taken_at_ms"),
        detail=text(item, "detail"),
    )


def transition_item(transition: Transition) -> dict[str, Value]:
    """The HISTORY row of a transition."""
    item = history_key(transition.order_id, transition.number) | {
        "number": n(transition.number),
        "after": s(transition.after.value),
        "taken_at_ms": n(transition.at_ms),
        "detail": s(transition.detail),
    }
    return item if transition.before is None else item | {"before": s(transition.before.value)}


def notice_of(item: Item) -> Notice:
    """The notice in a NOTICE row."""
    return Notice(
        order_id=item["PK"]["S"].removeprefix(ORDER_PREFIX),
        kind=NoticeKind(text(item, "kind")),
        customer_id=text(item, "customer_id"),
        phone=optional_text(item, "phone"),
        text=text(item, "text"),
        status=NoticeStatus(text(item, "status")),
        at_ms=number(item, "at_ms"),
    )


def notice_item(notice: Notice) -> dict[str, Value]:
    """The NOTICE row of a notice."""
    item = notice_key(notice.order_id, notice.kind.value) | {
        "notice_list": s(notice_list(notice_shard(notice.order_id))),
        "kind": s(notice.kind.value),
        "customer_id": s(notice.customer_id),
        "text": s(notice.text),
        "status": s(notice.status.value),
        "at_ms": n(notice.at_ms),
    }
    return item if notice.phone is None else item | {"phone": s(notice.phone)}


def rating_of(item: Item) -> Rating:
    """The rating in a RATING row."""
    return Rating(
        order_id=item["PK"]["S"].removeprefix(ORDER_PREFIX),
        score=number(item, "score"),
        comment=optional_text(item, "comment"),
        at_ms=number(item, "rated_at_ms"),
    )


def rating_item(rating: Rating) -> dict[str, Value]:
    """The RATING row of a rating."""
    item = rating_key(rating.order_id) | {"score": n(rating.score), "rated_at_ms": n(rating.at_ms)}
    return item if rating.comment is None else item | {"comment": s(rating.comment)}
