"""`RunningTotals`: each entry once, however often it is given."""

from datetime import UTC, timedelta

import pytest

from handlers.aws.reward_entries import DynamoRewardEntries
from handlers.aws.reward_totals import DynamoRunningTotals
from handlers.aws.table_access import Tables
from offerloop.bonuses.model import EntryKind
from offerloop.rewards.aggregate_rewards import Analytics
from offerloop.rewards.count_rewards import count_rewards
from offerloop.rewards.days import zone_named
from offerloop.rewards.model import NOTHING, KindTotal, Totals
from offerloop.rewards.ports import RunningTotals
from simulator.memory.rewards import (
    MemoryRewardEntries,
    MemoryRewardFiles,
    MemoryRewardMetrics,
    MemoryRunningTotals,
)
from simulator.memory.world import MemoryWorld
from tests.bonuses import all_entries
from tests.contract.conftest import NO_WAITING, Stores
from tests.factories import FixedClock
from tests.rewards import DAY_MS, MIDNIGHT_MS, TODAY, an_entry, put_entries, sum_up

ISSUED, REDEEMED = EntryKind.ISSUED, EntryKind.REDEEMED


@pytest.fixture
def totals(stores: Stores) -> RunningTotals:
    if isinstance(stores.raw, MemoryWorld):
        return MemoryRunningTotals(stores.raw)
    return DynamoRunningTotals(stores.raw, Tables.with_prefix(""), NO_WAITING)


def test_a_day_without_entries_comes_to_nothing(totals):
    assert totals.of(TODAY) == NOTHING


def test_entries_are_summed_by_kind(stores, totals):
    entries = [an_entry(1), an_entry(2, amount=5), an_entry(3, kind=REDEEMED, amount=7)]
    put_entries(stores.raw, *entries)

    assert totals.add(TODAY, entries) == 3

    assert totals.of(TODAY) == Totals({ISSUED: KindTotal(105, 2), REDEEMED: KindTotal(7, 1)})


def test_entries_given_again_are_not_counted_again(stores, totals):
    entries = [an_entry(number, amount=number) for number in range(1, 5)]
    put_entries(stores.raw, *entries)
    totals.add(TODAY, entries[:2])

    assert totals.add(TODAY, [*entries, *entries]) == 2
    assert totals.add(TODAY, entries) == 0

    assert totals.of(TODAY) == Totals({ISSUED: KindTotal(10, 4)})


def test_entries_that_are_not_in_the_ledger_are_not_counted(stores, totals):
    put_entries(stores.raw, an_entry(1))

    assert totals.add(TODAY, [an_entry(1), an_entry(2), an_entry(1, customer_id="ben")]) == 1

    assert totals.of(TODAY) == Totals({ISSUED: KindTotal(100, 1)})


def test_more_entries_than_a_transaction_holds_are_counted(stores, totals):
    entries = [an_entry(1, customer_id=f"c{number}", amount=1) for number in range(95)]
    put_entries(stores.raw, *entries)

    assert totals.add(TODAY, entries) == 95

    assert totals.of(TODAY) == Totals({ISSUED: KindTotal(95, 95)})


def test_entries_count_for_the_day_they_are_of(stores, totals):
    moments = (MIDNIGHT_MS - 7_200_001, MIDNIGHT_MS - 7_200_000, MIDNIGHT_MS + DAY_MS - 7_200_000)
    entries = [an_entry(number, at_ms=at, amount=10**number) for number, at in enumerate(moments, 1)]
    put_entries(stores.raw, *entries)

    assert count_rewards(entries, totals=totals, zone=zone_named("Europe/Kyiv")) == 3

    days = [totals.of(TODAY + timedelta(days=ahead)) for ahead in (-1, 0, 1)]
    assert [day.of(ISSUED).amount for day in days] == [10, 100, 1_000]


def test_the_running_total_is_what_the_daily_job_reads(stores, totals):
    """Requirement C: equal at day end, whatever was delivered again."""
    kinds = list(EntryKind)
    entries = [
        an_entry(number, customer_id=f"c{customer}", kind=kinds[(customer + number) % 7], amount=number)
        for customer in range(6)
        for number in range(1, 8)
    ]
    put_entries(stores.raw, *entries)
    reader = (
        MemoryRewardEntries(stores.raw)
        if isinstance(stores.raw, MemoryWorld)
        else DynamoRewardEntries(stores.raw, Tables.with_prefix(""), NO_WAITING, page=2)
    )
    clock = FixedClock(MIDNIGHT_MS + DAY_MS)
    job = Analytics(reader, MemoryRewardFiles(), MemoryRewardMetrics(), clock, UTC)

    for start in (0, 10, 5, 30, 20, 12):
        count_rewards(entries[start : start + 15], totals=totals, zone=UTC)

    assert totals.of(TODAY) == sum_up(job).totals
    assert totals.of(TODAY).entries == 42


# -- rows ----------------------------------------------------------------------------------------------


def test_the_mark_changes_nothing_of_the_entry(dynamo_only):
    entry = an_entry(1)
    put_entries(dynamo_only.raw, entry)

    DynamoRunningTotals(dynamo_only.raw, Tables.with_prefix(""), NO_WAITING).add(TODAY, [entry])

    assert all_entries(dynamo_only.bonuses) == (entry,)


def test_a_days_totals_are_spread_over_rows(dynamo_only):
    """So that batches of several shards of the stream do not wait for each other."""
    totals = DynamoRunningTotals(dynamo_only.raw, Tables.with_prefix(""), NO_WAITING)
    for number in range(12):
        entry = an_entry(1, customer_id=f"c{number}", amount=1)
        put_entries(dynamo_only.raw, entry)
        totals.add(TODAY, [entry])

    rows = dynamo_only.raw.query(
        TableName="Rewards",
        KeyConditionExpression="PK = :day",
        ExpressionAttributeValues={":day": {"S": "DAY#2027-01-15"}},
    )["Items"]

    assert len(rows) > 4
    assert totals.of(TODAY) == Totals({ISSUED: KindTotal(12, 12)})
