"""Entries of the ledger and what sums them up; a test names only what it is about."""

from datetime import UTC, date, tzinfo
from typing import Any

from handlers.aws.bonus_rows import entry_item
from offerloop.bonuses.model import Entry, EntryKind
from offerloop.rewards.aggregate_rewards import Analytics, begin_run, publish_run, read_on
from offerloop.rewards.model import DayReport
from simulator.memory.rewards import MemoryRewardEntries, MemoryRewardFiles, MemoryRewardMetrics
from simulator.memory.world import MemoryWorld
from tests.factories import NOON_MS, FixedClock

TODAY = date(2027, 1, 15)  # of NOON, which is at 08:00 UTC
MIDNIGHT_MS = NOON_MS - 8 * 3_600_000  # at which it began
DAY_MS = 86_400_000


def an_entry(number: int = 1, **changes: object) -> Entry:
    """Ann's: 100 points issued at NOON."""
    attributes: dict[str, object] = {
        "customer_id": "ann",
        "number": number,
        "kind": EntryKind.ISSUED,
        "amount": 100,
        "balance": 0,
        "at_ms": NOON_MS,
    }
    return Entry(**(attributes | changes))  # type: ignore[arg-type]


def put_entries(raw: Any, *entries: Entry) -> None:
    """Store entries alone, without their accounts, in a world or by a DynamoDB client."""
    for entry in entries:
        if isinstance(raw, MemoryWorld):
            raw.entries.setdefault(entry.customer_id, []).append(entry)
        else:
            raw.put_item(TableName="Rewards", Item=entry_item(entry))


def analytics_of(world: MemoryWorld, *, page: int = 1_000, zone: tzinfo = UTC) -> Analytics:
    """The daily job over a world, with an empty bucket."""
    entries = MemoryRewardEntries(world, page)
    return Analytics(entries, MemoryRewardFiles(), MemoryRewardMetrics(), world.clock, zone)


def sum_up(analytics: Analytics, day: date = TODAY, *, may_be_partial: bool = False) -> DayReport:
    """A run without a break."""
    run = begin_run(day, analytics, may_be_partial=may_be_partial)
    return publish_run(read_on(run, analytics, goes_on=lambda: True), analytics)


def a_world(*entries: Entry, now_ms: int = MIDNIGHT_MS + DAY_MS + 900_000) -> MemoryWorld:
    """A world with these entries, a quarter of an hour after the day's end."""
    world = MemoryWorld(FixedClock(now_ms))
    put_entries(world, *entries)
    return world
