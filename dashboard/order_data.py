"""What the pages of orders and of messages show, as plain values, and the figures drawn from it. Knows no
Streamlit.

Every figure is of the newest orders alone, because they are what a page can read in bounded time; the
metrics in CloudWatch are of all orders.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from offerloop.orders.model import IN_PROGRESS, PAID, Order, OrderStatus, Transition
from offerloop.orders.notices import Notice, NoticeStatus
from simulator.shoppers.request_meter import percentile

NEWEST_ORDERS = 300
NEWEST_NOTICES = 300
WAITING_SHOWN = 10
BUCKETS_S = (1, 5, 15, 60, 300, 900, 3_600, 6 * 3_600, 24 * 3_600)
MAX_BUCKETS = 40
HOUR_MS = 3_600_000

# The way of an order to which nothing happens.
STAGES = (
    OrderStatus.PENDING,
    OrderStatus.VALIDATING,
    OrderStatus.INVENTORY_CHECK,
    OrderStatus.PAYMENT_PROCESSING,
    OrderStatus.FULFILLMENT,
    OrderStatus.COMPLETED,
)
NOT_SENT = frozenset(NoticeStatus) - {NoticeStatus.SENT, NoticeStatus.FAILED, NoticeStatus.SENDING}


class Outcome(StrEnum):
    """What has become of an order, in four words."""

    COMPLETED = "completed"  # refunded later or not
    IN_PROGRESS = "in progress"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class OrderStory:
    """An order with its transitions up to its end, oldest first; refunds may be missing."""

    order: Order
    transitions: Sequence[Transition]


@dataclass(frozen=True)
class Orders:
    """The newest orders, newest first, and what waits.

    Attributes:
        newest: at most NEWEST_ORDERS; `is_cut` where there are more.
        in_progress: orders on their way, the newest or not; `more_in_progress` where there may be more.
        waiting: at most WAITING_SHOWN of them, the one that has stood still for longest first.
        oldest_placed_at_ms: when the oldest that is in progress was placed; None = none is.
    """

    now_ms: int
    newest: Sequence[OrderStory]
    is_cut: bool = False
    in_progress: int = 0
    more_in_progress: bool = False
    waiting: Sequence[Order] = ()
    oldest_placed_at_ms: int | None = None


@dataclass(frozen=True)
class OrderDetails:
    """One order with its history, oldest first, and the texts about it.

    Attributes:
        is_cut: whether the history has more transitions than are here.
    """

    order: Order
    transitions: Sequence[Transition]
    notices: Sequence[Notice]
    is_cut: bool = False


@dataclass(frozen=True)
class Notices:
    """The newest texts, newest first; `is_cut` where there may be more."""

    now_ms: int
    newest: Sequence[Notice]
    is_cut: bool = False


@dataclass(frozen=True)
class StageTime:
    """How long orders were in a stage, of those that left it, in milliseconds."""

    stage: OrderStatus
    orders: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Failure:
    """Orders that failed alike: in the same stage, for a reason that differs in numbers at most.

    Attributes:
        latest: the order that failed last.
    """

    reason: str
    stage: OrderStatus | None
    orders: int
    latest: Order


def outcome_of(order: Order) -> Outcome:
    """What has become of an order."""
    if order.status in IN_PROGRESS:
        return Outcome.IN_PROGRESS
    if order.status in PAID:
        return Outcome.COMPLETED
    return Outcome.FAILED if order.status is OrderStatus.FAILED else Outcome.CANCELLED


def reached(stories: Iterable[OrderStory]) -> dict[OrderStatus, int]:
    """How many orders came to each stage, in the order of STAGES."""
    seen = Counter(status for story in stories for status in {each.after for each in story.transitions})
    return {stage: seen[stage] for stage in STAGES}


def standing(stories: Iterable[OrderStory]) -> dict[OrderStatus, int]:
    """How many orders have each status now; those with none are left out."""
    counts = Counter(story.order.status for story in stories)
    return {status: counts[status] for status in OrderStatus if counts[status]}


def stage_times(stories: Iterable[OrderStory]) -> list[StageTime]:
    """Time in each stage that at least one order has left, in the order of STAGES."""
    took_ms: dict[OrderStatus, list[float]] = defaultdict(list)
    for story in stories:
        for came, left in pairwise(story.transitions):
            took_ms[came.after].append(left.at_ms - came.at_ms)
    return [
        StageTime(stage, len(times), percentile(times, 50), percentile(times, 95))
        for stage in STAGES
        if stage in IN_PROGRESS and (times := sorted(took_ms[stage]))
    ]


def failures(stories: Iterable[OrderStory]) -> list[Failure]:
    """Failed orders by stage and reason, the most frequent first."""
    alike: dict[tuple[str, OrderStatus | None], list[Order]] = defaultdict(list)
    for story in stories:
        if story.order.status is OrderStatus.FAILED:
            last = story.transitions[-1] if story.transitions else None
            stage = None if last is None or last.after is not OrderStatus.FAILED else last.before
            alike[_without_numbers(story.order.reason or ""), stage].append(story.order)
    groups = [
        Failure(reason, stage, len(orders), max(orders, key=lambda order: order.updated_at_ms))
        for (reason, stage), orders in alike.items()
    ]
    return sorted(groups, key=lambda group: (-group.orders, -group.latest.updated_at_ms))


def _without_numbers(reason: str) -> str:
    """ "X1 is out of stock: 2 ordered, 1 left" -> "X1 is out of stock: … ordered, … left"."""
    return re.sub(r"\b\d+\b", "…", reason)


def success_rate(stories: Sequence[OrderStory]) -> float | None:
    """The share of orders that completed, of those that completed or failed; None where none did."""
    counts = Counter(outcome_of(story.order) for story in stories)
    ended = counts[Outcome.COMPLETED] + counts[Outcome.FAILED]
    return counts[Outcome.COMPLETED] / ended if ended else None


def average_value(stories: Iterable[OrderStory]) -> tuple[int, str] | None:
    """The mean total of completed orders as ordered, in whole minor units, halves up, and its currency.

    Orders in another currency than the newest one's are left out.
    """
    completed = [story.order for story in stories if outcome_of(story.order) is Outcome.COMPLETED]
    if not completed:
        return None
    currency = completed[0].currency
    totals = [order.total for order in completed if order.currency == currency]
    return (2 * sum(totals) + len(totals)) // (2 * len(totals)), currency


def orders_per_hour(view: Orders) -> tuple[float, float]:
    """How many orders were placed an hour, and over how many seconds that was counted.

    Counted over the last hour; where the newest orders do not reach back so far, over what they cover.
    """
    if not view.newest:
        return 0.0, HOUR_MS / 1_000
    span_ms = HOUR_MS
    if view.is_cut:
        covered_ms = view.now_ms - min(story.order.placed_at_ms for story in view.newest)
        span_ms = max(1_000, min(HOUR_MS, covered_ms))
    placed = sum(story.order.placed_at_ms >= view.now_ms - span_ms for story in view.newest)
    return placed * HOUR_MS / span_ms, span_ms / 1_000


def placed_over_time(view: Orders) -> tuple[int, dict[Outcome, dict[int, int]]]:
    """Orders by when they were placed and what has become of them.

    Returns:
        Seconds of a bucket, then outcome -> bucket's start in epoch seconds -> orders.
    """
    placed = [story.order.placed_at_ms // 1_000 for story in view.newest]
    span_s = max(placed) - min(placed) if placed else 0
    bucket_s = next((size for size in BUCKETS_S if span_s < size * MAX_BUCKETS), BUCKETS_S[-1])
    counts: dict[Outcome, Counter[int]] = {outcome: Counter() for outcome in Outcome}
    for story, at in zip(view.newest, placed, strict=True):
        counts[outcome_of(story.order)][at // bucket_s * bucket_s] += 1
    return bucket_s, {outcome: dict(of) for outcome, of in counts.items() if of}


def by_kind_and_status(notices: Iterable[Notice]) -> Mapping[tuple[str, NoticeStatus], int]:
    """How many texts of a kind (CREATED, …) have a status."""
    return Counter((notice.kind.value, notice.status) for notice in notices)


def masked(phone: str | None) -> str:
    """A phone number of which its last three digits can be read; nothing of a very short one."""
    if phone is None:
        return "–"
    shown = phone[-3:] if len(phone) > 6 else ""
    return "•" * (len(phone) - len(shown)) + shown
