"""What reward analytics needs from the world. Every port has one contract suite, run on each adapter."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from offerloop.bonuses.model import Entry
from offerloop.record import record
from offerloop.rewards.days import Span
from offerloop.rewards.model import Totals


@record(frozen=True, slots=True)
class AmountPage:
    """Kinds and amounts of some entries; *cursor* is None on the last page."""

    amounts: Sequence[tuple[str, int]]
    cursor: str | None


class RewardEntries(Protocol):
    """The ledger's entries by day; each UTC day has them in `shards` lists."""

    @property
    def shards(self) -> int: ...

    def page(self, span: Span, shard: int, cursor: str | None) -> AmountPage:
        """The next entries of a span that stand in one of the day's lists, in the order of time.

        Entries of the last second may be missing.
        """


@record(frozen=True, slots=True)
class StoredFile:
    """A file, with the *version* that changes with its text."""

    text: str
    version: str


class RewardFiles(Protocol):
    """The bucket with the figures of all days."""

    def read(self, key: str) -> StoredFile | None: ...

    def write(self, key: str, text: str, version: str | None) -> None:
        """Store a file in the place of the one of this version; None = there is to be none.

        Raises:
            Busy: somebody stored another one meanwhile; nothing was written.
        """


class RewardMetrics(Protocol):
    def publish(self, amounts: Mapping[str, int], at_ms: int) -> None:
        """Publish amounts by the names of their metrics, as of a moment; once more changes no maximum."""


class RunningTotals(Protocol):
    """What the entries of each day come to so far, kept while they are written."""

    def add(self, day: date, entries: Sequence[Entry]) -> int:
        """Add entries to a day, each once however often it is given; returns how many were new.

        An entry that is not in the ledger is not added.

        Raises:
            Busy: others kept changing the same rows beyond the adapter's retries.
        """

    def of(self, day: date) -> Totals:
        """What a day comes to, strongly consistent."""

    def ever(self) -> Totals:
        """What all days come to together, strongly consistent, at a cost that does not grow with them."""
