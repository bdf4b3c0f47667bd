"""What reward analytics talks about: what entries of the ledger come to, and a day's run over them.

Amounts are points, minor units of the deployment's currency.
"""

from collections.abc import Iterable, Mapping
from datetime import date

from offerloop.bonuses.model import EntryKind
from offerloop.record import record


@record(frozen=True, slots=True)
class KindTotal:
    """What entries of one kind come to."""

    amount: int = 0
    count: int = 0


_NONE = KindTotal()


@record(frozen=True, slots=True)
class Totals:
    """What entries come to; `by_kind` has only kinds that occur."""

    by_kind: Mapping[EntryKind, KindTotal]

    def of(self, kind: EntryKind) -> KindTotal:
        return self.by_kind.get(kind, _NONE)

    @property
    def entries(self) -> int:
        return sum(total.count for total in self.by_kind.values())

    @property
    def net(self) -> int:
        """Issued less redeemed; nothing else is netted."""
        return self.of(EntryKind.ISSUED).amount - self.of(EntryKind.REDEEMED).amount

    def plus(self, amounts: Iterable[tuple[str, int]]) -> "Totals":
        """These totals and those of more entries, each by its kind and its amount.

        Raises:
            ValueError: a kind that is none: figures without it would be wrong.
        """
        sums: dict[str, list[int]] = {}
        for kind, amount in amounts:
            total = sums.get(kind)
            if total is None:
                sums[kind] = [amount, 1]
            else:
                total[0] += amount
                total[1] += 1
        by_kind = dict(self.by_kind)
        for name, (amount, count) in sums.items():
            before = self.of(kind := EntryKind(name))
            by_kind[kind] = KindTotal(before.amount + amount, before.count + count)
        return Totals(by_kind)


NOTHING = Totals({})


def sum_of(parts: Iterable[Totals]) -> Totals:
    """What several totals come to together."""
    sums: dict[EntryKind, KindTotal] = {}
    for part in parts:
        for kind, total in part.by_kind.items():
            before = sums.get(kind, _NONE)
            sums[kind] = KindTotal(before.amount + total.amount, before.count + total.count)
    return Totals(sums)


@record(frozen=True, slots=True)
class DayRun:
    """How far a run over one day has come; with it any later invocation goes on.

    Attributes:
        is_partial: the day is not over yet, so its figures go to files of their own.
        versions: of the stored file and its details, as they were before the first entry was read.
        lists_read: lists of entries that are done, in the order of `read_on`.
        cursor: how far the next one is; None = not begun.
    """

    day: date
    is_partial: bool
    versions: tuple[str | None, str | None]
    lists_read: int = 0
    cursor: str | None = None
    totals: Totals = NOTHING
    is_read: bool = False


@record(frozen=True, slots=True)
class DayReport:
    """What came of a run.

    Attributes:
        key: of the file in the bucket.
        rewritten: whether a file was written; not when it said the same before.
        more_entries: than the files before this run said; None = there were none that could be compared,
            or the day is not over.
        metrics_published: not for a partial day, and not for one that CloudWatch takes no more.
    """

    day: date
    totals: Totals
    key: str
    rewritten: bool
    more_entries: int | None
    metrics_published: bool
