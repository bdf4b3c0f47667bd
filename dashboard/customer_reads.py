"""Who was issued most points lately: the ledger's newest entries by customer, read a bounded number of times.

No stored figure says it, and a ledger can be long. So the newest days are read that have MOST_ENTRIES
together, which their totals say beforehand, and of what is longer than that only the newest part; the page
says since when. A day that is over is read again only when it has another number of entries.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Any, Protocol

from dashboard.reward_data import TOP_CUSTOMERS, CustomerSum, RewardDay, TopCustomers
from handlers.aws.attributes import number, text
from handlers.aws.keys import REWARD_SHARDS
from handlers.aws.reward_entries import DynamoRewardEntries
from handlers.aws.table_access import TableAccess, Tables
from offerloop.bonuses.model import EntryKind
from offerloop.rewards.days import Span, ends_ms, spans, starts_ms
from offerloop.rewards.model import NOTHING, Totals, sum_of

MOST_ENTRIES = 4_000  # some 250 bytes each: 125 read units
MOST_IN_LIST = 500  # of the 16 lists of a UTC day: a customer is always in the same one
TODAY_KEPT_MS = 60_000
READERS = 8  # a day is 16 lists, and a page waits for all

Booked = tuple[int, str, str, int]  # when, whose, of which kind, how much


class NewestEntries(Protocol):
    """The end of a span's entries."""

    def of(self, span: Span) -> tuple[Sequence[Booked], int]:
        """The newest entries of a span, and from which moment on there are all of them."""


class DynamoNewestEntries:
    """`NewestEntries` from the index of the table `Rewards`."""

    def __init__(self, dynamodb: Any, tables: Tables) -> None:
        self._entries = DynamoRewardEntries(dynamodb, tables)
        self._access = TableAccess(dynamodb)

    def of(self, span: Span) -> tuple[Sequence[Booked], int]:
        with ThreadPoolExecutor(READERS, thread_name_prefix="entries") as pool:
            lists = list(pool.map(lambda shard: self._newest(span, shard), range(REWARD_SHARDS)))
        complete_ms = max(from_ms for _, from_ms in lists)
        return [entry for entries, _ in lists for entry in entries], complete_ms

    def _newest(self, span: Span, shard: int) -> tuple[list[Booked], int]:
        request = self._entries.request(span, shard, None) | {"ScanIndexForward": False}
        items = self._access.query_page(limit=MOST_IN_LIST, **request)
        entries = [
            _booked(text(item, "at_key"), text(item, "kind"), number(item, "amount")) for item in items
        ]
        # Others of the oldest one's millisecond may have been left out.
        return entries, span.from_ms if len(items) < MOST_IN_LIST else entries[-1][0] + 1


def _booked(at_key: str, kind: str, amount: int) -> Booked:
    """An entry by its sort key, `<ms>#<customer>#<number>`; a customer's id may have any signs."""
    at_ms, _, rest = at_key.partition("#")
    return int(at_ms), rest.rpartition("#")[0], kind, amount


@dataclass(frozen=True)
class _Day:
    """What a day that had so many entries comes to by customer, from a moment on."""

    entries: int
    read_at_ms: int
    since_ms: int
    is_whole: bool
    sums: Mapping[str, Totals]


class CustomerReads:
    """Reads of one running system; safe to share between visitors."""

    def __init__(self, newest: NewestEntries, zone: tzinfo) -> None:
        self._newest = newest
        self._zone = zone
        self._days: Mapping[date, _Day] = {}

    def top(self, days: Sequence[RewardDay], now_ms: int) -> TopCustomers:
        """Who was issued most, of all entries since as long ago as can be read.

        Args:
            days: with their totals, oldest first; the last is today.
        """
        read: dict[date, _Day] = {}
        for each in _readable(days):
            read[each.day] = day = self._day(each, now_ms)
            if not day.is_whole:
                break
        self._days = read
        by_customer: dict[str, list[Totals]] = {}
        for day in read.values():
            for customer_id, totals in day.sums.items():
                by_customer.setdefault(customer_id, []).append(totals)
        sums = [CustomerSum(customer_id, sum_of(parts)) for customer_id, parts in by_customer.items()]
        return TopCustomers(
            since_ms=min(day.since_ms for day in read.values()),
            read_at_ms=read[days[-1].day].read_at_ms,
            customers=sorted(sums, key=_most_issued)[:TOP_CUSTOMERS],
            among=len(sums),
        )

    def _day(self, each: RewardDay, now_ms: int) -> _Day:
        known, entries = self._days.get(each.day), each.totals.entries
        begins_ms, over_ms = starts_ms(each.day, self._zone), ends_ms(each.day, self._zone)
        if known is not None and (
            (known.entries == entries and known.read_at_ms >= over_ms)
            or now_ms - known.read_at_ms < TODAY_KEPT_MS
        ):
            return known
        if not entries:
            return _Day(0, now_ms, begins_ms, True, {})
        parts = [(span, *self._newest.of(span)) for span in spans(each.day, self._zone)]
        cut_ms = [complete_ms for span, _, complete_ms in parts if complete_ms > span.from_ms]
        since_ms = max(cut_ms, default=begins_ms)
        by_customer: dict[str, list[tuple[str, int]]] = {}
        for at_ms, customer_id, kind, amount in (entry for _, booked, _ in parts for entry in booked):
            if at_ms >= since_ms:
                by_customer.setdefault(customer_id, []).append((kind, amount))
        sums = {customer_id: NOTHING.plus(amounts) for customer_id, amounts in by_customer.items()}
        return _Day(entries, now_ms, since_ms, not cut_ms, sums)


def _readable(days: Sequence[RewardDay]) -> Iterator[RewardDay]:
    """The newest days that have MOST_ENTRIES together, newest first; today whatever it has."""
    *over, today = days
    yield today
    entries = today.totals.entries
    for each in reversed(over):
        entries += each.totals.entries
        if entries > MOST_ENTRIES:
            return
        yield each


def _most_issued(each: CustomerSum) -> tuple[int, int, str]:
    issued, redeemed = (each.totals.of(kind).amount for kind in (EntryKind.ISSUED, EntryKind.REDEEMED))
    return -issued, -redeemed, each.customer_id
