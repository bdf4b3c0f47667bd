"""Who was issued most points lately, and how little of the ledger is read to know it."""

from datetime import UTC, timedelta

import boto3
import pytest
from moto import mock_aws

from dashboard import customer_reads
from dashboard.customer_reads import MOST_ENTRIES, TODAY_KEPT_MS, CustomerReads, DynamoNewestEntries
from dashboard.reward_data import TOP_CUSTOMERS, Origin, RewardDay
from handlers.aws.keys import REWARD_SHARDS, reward_shard
from handlers.aws.table_access import Tables
from offerloop.bonuses.model import EntryKind
from offerloop.rewards.days import Span, spans
from offerloop.rewards.model import NOTHING, KindTotal, Totals
from simulator.memory.world import MemoryWorld
from tests.factories import NOON_MS, FixedClock
from tests.given_rewards import MemoryNewestEntries
from tests.rewards import DAY_MS, MIDNIGHT_MS, TODAY, an_entry, put_entries
from tests.template_tables import create_tables

ISSUED, REDEEMED = EntryKind.ISSUED, EntryKind.REDEEMED


def a_day(ago=0, entries=1):
    """A day, and how many entries its totals say it had."""
    totals = Totals({ISSUED: KindTotal(100, entries)}) if entries else NOTHING
    return RewardDay(TODAY - timedelta(days=ago), totals, Origin.STREAM)


def the_reads(*entries):
    """Reads of a world with these entries, and what they ask it."""
    world = MemoryWorld(FixedClock())
    put_entries(world, *entries)
    newest = MemoryNewestEntries(world)
    return CustomerReads(newest, UTC), newest, world


def days_asked(newest):
    return [(TODAY - span.utc_day).days for span in newest.asked]


def test_customers_are_ranked_by_what_they_were_issued_then_by_what_they_used():
    reads, _, _ = the_reads(
        an_entry(1, customer_id="ann", amount=5),
        an_entry(1, customer_id="ben", amount=9),
        an_entry(2, customer_id="ann", amount=7, at_ms=NOON_MS - DAY_MS),
        an_entry(1, customer_id="cem", amount=9),
        an_entry(2, customer_id="cem", kind=REDEEMED, amount=1),
    )

    top = reads.top([a_day(1), a_day()], NOON_MS)

    assert [each.customer_id for each in top.customers] == ["ann", "cem", "ben"]
    assert top.customers[0].totals == Totals({ISSUED: KindTotal(12, 2)})
    assert (top.since_ms, top.read_at_ms, top.among) == (MIDNIGHT_MS - DAY_MS, NOON_MS, 3)


def test_only_the_first_are_named_and_all_are_counted():
    reads, _, _ = the_reads(*(an_entry(1, customer_id=f"c{number:02}") for number in range(30)))

    top = reads.top([a_day()], NOON_MS)

    assert (len(top.customers), top.among) == (TOP_CUSTOMERS, 30)


def test_it_goes_back_over_the_newest_days_that_can_be_read_and_days_without_entries_are_not_asked_for():
    reads, newest, _ = the_reads(an_entry(1))

    top = reads.top([a_day(3), a_day(2, MOST_ENTRIES), a_day(1, 0), a_day()], NOON_MS)

    assert days_asked(newest) == [0]
    assert top.since_ms == MIDNIGHT_MS - DAY_MS


def test_today_is_read_however_long_it_is():
    reads, newest, _ = the_reads(an_entry(1))

    assert reads.top([a_day(1), a_day(0, MOST_ENTRIES + 1)], NOON_MS).among == 1
    assert days_asked(newest) == [0]


def test_a_day_that_is_over_is_read_again_when_it_has_more_entries_and_today_once_a_minute():
    reads, newest, world = the_reads(an_entry(1, at_ms=NOON_MS - DAY_MS), an_entry(2))
    later = NOON_MS + TODAY_KEPT_MS
    reads.top([a_day(1), a_day()], NOON_MS)
    put_entries(world, an_entry(3), an_entry(4, at_ms=NOON_MS - DAY_MS))

    soon = reads.top([a_day(1), a_day(0, 2)], later - 1)
    assert (soon.customers[0].totals.entries, soon.read_at_ms, len(newest.asked)) == (2, NOON_MS, 2)
    again = reads.top([a_day(1), a_day(0, 2)], later)
    assert (again.customers[0].totals.entries, days_asked(newest)) == (3, [0, 1, 0])
    late = reads.top([a_day(1, 2), a_day(0, 2)], later + 1)
    assert (late.customers[0].totals.entries, days_asked(newest)) == (4, [0, 1, 0, 1])


class OnlyTheEnd:
    """Of each day only what came after 10:00 can be read."""

    def __init__(self):
        self.asked = []

    def of(self, span):
        self.asked.append(span.utc_day)
        ten_ms = span.from_ms + 10 * 3_600_000
        return [(ten_ms - 1, "early", "ISSUED", 50), (ten_ms, "ann", "ISSUED", 5)], ten_ms


def test_of_a_day_that_is_too_long_only_the_end_counts_and_no_day_before_it():
    newest = OnlyTheEnd()

    top = CustomerReads(newest, UTC).top([a_day(1), a_day()], NOON_MS)

    assert [(each.customer_id, each.totals.of(ISSUED).amount) for each in top.customers] == [("ann", 5)]
    assert (top.since_ms, newest.asked) == (MIDNIGHT_MS + 10 * 3_600_000, [TODAY])


# ── The table ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def dynamodb(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        create_tables(client)
        yield client


def the_span() -> Span:
    (span,) = spans(TODAY, UTC)
    return span


def test_entries_of_all_lists_are_read_with_whose_they_are(dynamodb):
    names = ["ann", "ben#2", "c#000000001", *(f"customer-{number}" for number in range(40))]
    assert {reward_shard(name) for name in names} == set(range(REWARD_SHARDS))
    put_entries(
        dynamodb, *(an_entry(1, customer_id=name) for name in names), an_entry(2, at_ms=MIDNIGHT_MS - 1)
    )

    entries, complete_ms = DynamoNewestEntries(dynamodb, Tables.with_prefix("")).of(the_span())

    assert sorted(entries) == sorted((NOON_MS, name, "ISSUED", 100) for name in names)
    assert complete_ms == MIDNIGHT_MS


def test_of_a_long_list_the_newest_are_read_and_it_is_said_from_when(dynamodb, monkeypatch):
    monkeypatch.setattr(customer_reads, "MOST_IN_LIST", 3)
    put_entries(dynamodb, *(an_entry(number, at_ms=NOON_MS + number) for number in range(1, 6)))

    entries, complete_ms = DynamoNewestEntries(dynamodb, Tables.with_prefix("")).of(the_span())

    assert [at_ms - NOON_MS for at_ms, *_ in entries] == [5, 4, 3]
    assert complete_ms == NOON_MS + 4
