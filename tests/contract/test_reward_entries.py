"""`RewardEntries`: every entry of a span once, over lists and pages, and none of another moment."""

from datetime import UTC, timedelta

import pytest

from handlers.aws.reward_entries import DynamoRewardEntries
from handlers.aws.table_access import Tables
from offerloop.bonuses.model import EntryKind
from offerloop.rewards.days import Span, spans
from offerloop.rewards.ports import RewardEntries
from simulator.memory.rewards import MemoryRewardEntries
from simulator.memory.world import MemoryWorld
from tests.contract.conftest import NO_WAITING, Stores
from tests.rewards import DAY_MS, MIDNIGHT_MS, TODAY, an_entry, put_entries

PAGE = 3


@pytest.fixture
def entries(stores: Stores) -> RewardEntries:
    if isinstance(stores.raw, MemoryWorld):
        return MemoryRewardEntries(stores.raw, PAGE)
    return DynamoRewardEntries(stores.raw, Tables.with_prefix(""), NO_WAITING, page=PAGE)


def all_of(entries: RewardEntries, span: Span) -> list[tuple[str, int]]:
    """Everything in a span, list after list and page after page."""
    found = []
    for shard in range(entries.shards):
        cursor, is_last = None, False
        while not is_last:
            page = entries.page(span, shard, cursor)
            assert len(page.amounts) <= PAGE
            found += page.amounts
            cursor, is_last = page.cursor, page.cursor is None
    return found


def test_a_day_without_entries_has_none(entries):
    [today] = spans(TODAY, UTC)

    assert all_of(entries, today) == []


def test_every_entry_of_a_day_comes_once_whatever_the_pages(stores, entries):
    [today] = spans(TODAY, UTC)
    expected = []
    for customer in range(40):
        for number in range(1, 3 + customer % 8):
            entry = an_entry(number, customer_id=f"c{customer}", amount=len(expected) + 1)
            put_entries(stores.raw, entry)
            expected.append((entry.kind.value, entry.amount))

    assert sorted(all_of(entries, today)) == sorted(expected)


@pytest.mark.parametrize("count", [PAGE - 1, PAGE, PAGE + 1, 2 * PAGE])
def test_pages_that_are_just_full_lose_nothing(stores, entries, count):
    [today] = spans(TODAY, UTC)
    put_entries(stores.raw, *(an_entry(number, amount=number) for number in range(1, count + 1)))

    assert all_of(entries, today) == [("ISSUED", number) for number in range(1, count + 1)]


def test_a_span_has_its_first_millisecond_and_not_its_last(stores, entries):
    moments = (MIDNIGHT_MS - 1, MIDNIGHT_MS, MIDNIGHT_MS + DAY_MS - 1, MIDNIGHT_MS + DAY_MS)
    put_entries(
        stores.raw, *(an_entry(number, amount=number, at_ms=at) for number, at in enumerate(moments, 1))
    )

    [today], [tomorrow] = spans(TODAY, UTC), spans(TODAY + timedelta(days=1), UTC)

    assert all_of(entries, today) == [("ISSUED", 2), ("ISSUED", 3)]
    assert all_of(entries, tomorrow) == [("ISSUED", 4)]
    assert all_of(entries, Span(TODAY, MIDNIGHT_MS + 1, MIDNIGHT_MS + DAY_MS)) == [("ISSUED", 3)]


def test_entries_of_every_kind_are_read(stores, entries):
    [today] = spans(TODAY, UTC)
    put_entries(stores.raw, *(an_entry(number, kind=kind) for number, kind in enumerate(EntryKind, 1)))

    assert {kind for kind, _ in all_of(entries, today)} == {kind.value for kind in EntryKind}


def test_customers_whose_names_begin_alike_are_told_apart(stores, entries):
    [today] = spans(TODAY, UTC)
    names = ["a", "a#1", "a 1", "a#000000001", "é", "𝄞", "a~"]
    put_entries(
        stores.raw,
        *(an_entry(1, customer_id=name, amount=amount) for amount, name in enumerate(names, 1)),
    )

    assert sorted(amount for _, amount in all_of(entries, today)) == list(range(1, len(names) + 1))
