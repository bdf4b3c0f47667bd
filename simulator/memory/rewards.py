"""Reward analytics, in memory."""

from collections.abc import Mapping, Sequence
from datetime import date

from offerloop.bonuses.model import Entry
from offerloop.errors import Busy
from offerloop.rewards.days import Span
from offerloop.rewards.model import NOTHING, Totals, sum_of
from offerloop.rewards.ports import AmountPage, StoredFile
from simulator.memory.world import MemoryWorld


class MemoryRewardEntries:
    """`RewardEntries`: one list a day, in pages of *page* entries."""

    shards = 1

    def __init__(self, world: MemoryWorld, page: int = 1_000) -> None:
        self._world = world
        self._page = page

    def page(self, span: Span, shard: int, cursor: str | None) -> AmountPage:
        found = sorted(
            (entry.at_ms, entry.customer_id, entry.number, entry.kind.value, entry.amount)
            for ledger in self._world.entries.values()
            for entry in ledger
            if span.from_ms <= entry.at_ms < span.until_ms
        )
        start = 0 if cursor is None else int(cursor)
        until = start + self._page
        amounts = [(kind, amount) for *_, kind, amount in found[start:until]]
        return AmountPage(amounts, str(until) if until < len(found) else None)


class MemoryRunningTotals:
    """`RunningTotals`."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world
        self._counted: set[tuple[str, int]] = set()
        self._totals: dict[date, Totals] = {}

    def add(self, day: date, entries: Sequence[Entry]) -> int:
        new = {
            (entry.customer_id, entry.number): entry
            for entry in entries
            if (entry.customer_id, entry.number) not in self._counted
            and entry.number <= len(self._world.entries.get(entry.customer_id, ()))
        }
        self._counted |= new.keys()
        self._totals[day] = self.of(day).plus((entry.kind, entry.amount) for entry in new.values())
        return len(new)

    def of(self, day: date) -> Totals:
        return self._totals.get(day, NOTHING)

    def ever(self) -> Totals:
        return sum_of(self._totals.values())


class MemoryRewardFiles:
    """`RewardFiles`; a version is the number of writes before it."""

    def __init__(self) -> None:
        self._files: dict[str, StoredFile] = {}
        self._writes = 0

    def read(self, key: str) -> StoredFile | None:
        return self._files.get(key)

    def write(self, key: str, text: str, version: str | None) -> None:
        stored = self._files.get(key)
        if (None if stored is None else stored.version) != version:
            raise Busy(f"{key} was written by another run; run the day again")
        self._writes += 1
        self._files[key] = StoredFile(text, str(self._writes))


class MemoryRewardMetrics:
    """`RewardMetrics`; keeps all that was published."""

    def __init__(self) -> None:
        self.published: list[tuple[Mapping[str, int], int]] = []

    def publish(self, amounts: Mapping[str, int], at_ms: int) -> None:
        self.published.append((dict(amounts), at_ms))
