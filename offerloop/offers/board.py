"""Boards: the heads of a ranked list, kept ready so that a recommendation reads them in one call.

A ranked list holds every offer in stock, of one category or of all, in two orders (scoring.Order). Its
board is one stored item with the first entries of both. A board is exact down to its *frontier*: it
holds every offer whose sort key is at or before the frontier, and nothing else. Changes are applied to
the board itself; only when so many entries have left that it runs short is it filled up again from the
sorted index. That makes the cost of a change independent of the length of the list.
"""

from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import replace

from offerloop.offers.scoring import Order, RankEntry, Weights, sort_key
from offerloop.record import record

KEEP = 32  # entries a board keeps per order: 2 x 32 x ~45 bytes stay under 4 KB, half a read unit
REFILL_BELOW = 20  # entries under which a head with more behind it is filled up; a reader looks for six

ALL_OFFERS = "ALL"


def category_list(category: str) -> str:
    """The name of a category's ranked list."""
    return f"CATEGORY#{category}"


@record(frozen=True, slots=True)
class Head:
    """The first entries of a list in one order.

    Attributes:
        entries: in ascending sort key.
        frontier: the sort key down to which this head is complete; None when the list ends here.
    """

    entries: tuple[RankEntry, ...] = ()
    frontier: str | None = None

    @property
    def runs_short(self) -> bool:
        return self.frontier is not None and len(self.entries) < REFILL_BELOW

    def after(self, changes: Mapping[str, RankEntry | None], weights: Weights, order: Order) -> "Head":
        """This head once *changes* (offer id -> its new entry, None = left the list) are applied."""
        entries = [entry for entry in self.entries if entry.offer_id not in changes]
        for entry in changes.values():
            if entry is None:
                continue
            key = sort_key(entry, weights, order)
            if self.frontier is None or key <= self.frontier:
                insort(entries, entry, key=lambda entry: sort_key(entry, weights, order))
        if len(entries) <= KEEP:
            return Head(tuple(entries), self.frontier)
        return Head(tuple(entries[:KEEP]), sort_key(entries[KEEP - 1], weights, order))

    def extended(self, page: Sequence[RankEntry], limit: int, weights: Weights, order: Order) -> "Head":
        """This head with the entries that follow its frontier in the sorted index.

        Args:
            page: up to *limit* entries behind the frontier, in order; fewer means that the list ends there.
        """
        known = {entry.offer_id for entry in self.entries}
        entries = self.entries + tuple(entry for entry in page if entry.offer_id not in known)
        return Head(entries, sort_key(page[-1], weights, order) if len(page) == limit else None)


@record(frozen=True, slots=True)
class Board:
    """Both heads of one ranked list; *version* grows with each stored change, 0 = never stored."""

    base: Head = Head()
    urgent: Head = Head()
    version: int = 0

    def head(self, order: Order) -> Head:
        return self.base if order is Order.BASE else self.urgent

    @property
    def orders_running_short(self) -> tuple[Order, ...]:
        return tuple(order for order in Order if self.head(order).runs_short)

    def after(self, changes: Mapping[str, RankEntry | None], weights: Weights) -> "Board":
        """This board once *changes* are applied; the version stays until it is stored."""
        return replace(
            self,
            base=self.base.after(changes, weights, Order.BASE),
            urgent=self.urgent.after(changes, weights, Order.URGENT),
        )

    def with_head(self, order: Order, head: Head) -> "Board":
        return replace(self, base=head) if order is Order.BASE else replace(self, urgent=head)
