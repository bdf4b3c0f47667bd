"""Read the newest orders and texts from the table `Orders`, without an index over all orders.

An order is found by the text that says it was placed (index ByNotice, newest first), and while it is on its
way also by the list of what is in progress (ByWaiting). So one that has ended before its first text was begun
is missing until then: a second as a rule, as long as the queue of texts stands still at worst.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dashboard.order_data import (
    NEWEST_NOTICES,
    NEWEST_ORDERS,
    STAGES,
    WAITING_SHOWN,
    Notices,
    OrderDetails,
    Orders,
    OrderStory,
)
from handlers.aws.attributes import Item, number, s
from handlers.aws.keys import (
    NOTICE_SHARDS,
    ORDER_PREFIX,
    ORDER_SHARDS,
    Key,
    history_key,
    notice_key,
    notice_list,
    order_key,
    progress_list,
)
from handlers.aws.notice_log import DynamoNoticeLog
from handlers.aws.order_rows import notice_of, order_of, transition_of
from handlers.aws.table_access import MAX_BATCH_GET, TableAccess, Tables
from offerloop.orders.messages import NoticeKind
from offerloop.orders.model import IN_PROGRESS, Order, Transition

TO_AN_END = len(STAGES)  # transitions that an order can have when it ends; all further ones are refunds
SHOWN_TRANSITIONS = MAX_BATCH_GET - len(NoticeKind)  # of one order, so that one call brings it all
COUNTED_PER_SHARD = 100  # of orders in progress: 2,400 in all
MAX_ID_LENGTH = 200


class OrderReads:
    """Reads of one running system; eventually consistent, because a page is drawn again in seconds anyway."""

    def __init__(self, dynamodb: Any, tables: Tables) -> None:
        self._table = tables.orders
        self._access = TableAccess(dynamodb)
        self._notices = DynamoNoticeLog(dynamodb, tables)
        self._histories: Mapping[str, Sequence[Transition]] = {}  # a history row never changes

    def newest(self, now_ms: int) -> Orders:
        """The newest orders and what waits, at *now_ms*."""
        announced, is_cut = self._announced()
        progress, more = self._in_progress()
        known = set(announced)
        unannounced = [order_id for order_id in progress[::-1] if order_id not in known][:NEWEST_ORDERS]
        wanted = dict.fromkeys([*announced[:NEWEST_ORDERS], *unannounced, *progress[:WAITING_SHOWN]])
        orders = sorted(self._orders(wanted), key=lambda order: (-order.placed_at_ms, order.order_id))
        newest = orders[:NEWEST_ORDERS]
        # The indexes are behind the table.
        waiting = [order for order in orders if order.status in IN_PROGRESS]
        return Orders(
            now_ms=now_ms,
            newest=self._stories(newest),
            is_cut=is_cut or len(orders) > NEWEST_ORDERS,
            in_progress=len(progress),
            more_in_progress=more,
            waiting=heapq.nsmallest(WAITING_SHOWN, waiting, key=lambda order: order.updated_at_ms),
            oldest_placed_at_ms=min((order.placed_at_ms for order in waiting), default=None),
        )

    def details(self, order_id: str) -> OrderDetails | None:
        """One order; None where there is none of this id."""
        if not 0 < len(order_id) <= MAX_ID_LENGTH:
            return None
        row = self._access.get(self._table, order_key(order_id), consistent=True)
        if row is None:
            return None
        order = order_of(row)
        shown = min(order.version, SHOWN_TRANSITIONS)
        keys = [history_key(order_id, at) for at in range(1, shown + 1)]
        keys += [notice_key(order_id, kind.value) for kind in NoticeKind]
        rows = self._rows(keys)
        histories, notices = rows[: -len(NoticeKind)], rows[-len(NoticeKind) :]
        return OrderDetails(
            order,
            [transition_of(row) for row in histories if row is not None],
            sorted((notice_of(row) for row in notices if row is not None), key=lambda each: each.at_ms),
            is_cut=order.version > shown,
        )

    def notices(self, now_ms: int) -> Notices:
        """The newest texts, at *now_ms*."""
        newest = self._notices.latest(NEWEST_NOTICES)
        return Notices(now_ms, newest, is_cut=len(newest) == NEWEST_NOTICES)

    def _announced(self) -> tuple[list[str], bool]:
        """Ids of orders by the text about their placing, newest first, and whether there are more.

        A shard's newest entries are of other kinds too, so that there may be fewer than NEWEST_ORDERS where
        many orders end long after they were placed.
        """
        shards = [self._newest_notices(shard) for shard in range(NOTICE_SHARDS)]
        created = notice_key("", NoticeKind.CREATED.value)["SK"]
        placed = [entry for entries in shards for entry in entries if entry["SK"] == created]
        placed.sort(key=lambda entry: -number(entry, "at_ms"))
        is_cut = len(placed) > NEWEST_ORDERS or any(len(each) == NEWEST_ORDERS for each in shards)
        return [_order_id(entry) for entry in placed], is_cut

    def _newest_notices(self, shard: int) -> list[Item]:
        return self._access.query_page(
            limit=NEWEST_ORDERS,
            TableName=self._table,
            IndexName="ByNotice",
            KeyConditionExpression="notice_list = :list",
            ExpressionAttributeValues={":list": s(notice_list(shard))},
            ScanIndexForward=False,
        )

    def _in_progress(self) -> tuple[list[str], bool]:
        """Ids of orders on their way, the one that has stood still for longest first; whether more may be."""
        shards = [
            self._access.query_page(
                limit=COUNTED_PER_SHARD,
                TableName=self._table,
                IndexName="ByWaiting",
                KeyConditionExpression="progress_list = :list",
                ExpressionAttributeValues={":list": s(progress_list(shard))},
            )
            for shard in range(ORDER_SHARDS)
        ]
        entries = sorted(
            (entry for shard in shards for entry in shard), key=lambda entry: number(entry, "updated_at_ms")
        )
        return [_order_id(entry) for entry in entries], any(len(each) == COUNTED_PER_SHARD for each in shards)

    def _orders(self, order_ids: Iterable[str]) -> list[Order]:
        return [
            order_of(row) for row in self._rows([order_key(each) for each in order_ids]) if row is not None
        ]

    def _stories(self, orders: Sequence[Order]) -> list[OrderStory]:
        """The orders with their transitions up to an end; only rows that were not read before are read."""
        known = self._histories
        missing = [
            history_key(order.order_id, at)
            for order in orders
            for at in range(len(known.get(order.order_id, ())) + 1, min(order.version, TO_AN_END) + 1)
        ]
        read: dict[str, list[Transition]] = {}
        for row in self._rows(missing):
            if row is not None:
                read.setdefault(_order_id(row), []).append(transition_of(row))
        histories = {
            order.order_id: _unbroken([*known.get(order.order_id, ()), *read.get(order.order_id, ())])
            for order in orders
        }
        self._histories = histories
        return [OrderStory(order, histories[order.order_id]) for order in orders]

    def _rows(self, keys: Sequence[Key]) -> list[Item | None]:
        """The rows in the order of their keys, None where there is none."""
        found = self._access.get_batch({self._table: keys}, consistent=False)
        return [found.get((key["PK"]["S"], key["SK"]["S"])) for key in keys]


def _order_id(item: Item) -> str:
    return item["PK"]["S"].removeprefix(ORDER_PREFIX)


def _unbroken(transitions: Sequence[Transition]) -> Sequence[Transition]:
    """The transitions up to the first that is missing, which the next read brings."""
    return [each for at, each in enumerate(transitions, 1) if each.number == at]
