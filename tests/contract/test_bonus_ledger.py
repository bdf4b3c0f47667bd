"""`BonusLedger`: a change of an account with the entries that say so, or nothing."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Lock
from typing import Any

import pytest

from handlers.aws.bonus_ledger import DynamoBonusLedger
from handlers.aws.order_store import DynamoOrderStore
from handlers.aws.table_access import Tables
from offerloop.bonuses import accounts
from offerloop.bonuses.accrue_bonus import AccrueBonus, Accruing, accrue_bonus
from offerloop.bonuses.model import Account, EntryKind, Lot, OrderReward
from offerloop.bonuses.ports import StaleAccount
from offerloop.bonuses.rules import AccrualRules
from offerloop.errors import Busy, InsufficientBonus, InvalidInput
from tests.bonuses import DAY, LATER, TOMORROW, a_reward, a_step, all_entries, derived_balance
from tests.contract.conftest import NO_WAITING, Stores
from tests.factories import NOON, NOON_MS, FixedClock, an_answered


def earned(
    stores: Stores, amount: int, order_id: str = "order-1", ends_at: int | None = LATER, who: str = "ann"
) -> Account:
    """The account of *who*, with these points earned."""
    before = stores.bonuses.account(who)
    step = a_step(before, accounts.earn(before, order_id, amount, ends_at, NOON_MS))
    stores.bonuses.write(step)
    return step.after


def everything(stores: Stores) -> tuple[object, ...]:
    """All that a step of ann's may change."""
    ledger = stores.bonuses
    return (
        ledger.account("ann"),
        all_entries(ledger),
        ledger.reward("order-1"),
        ledger.find("shop:POST /x", "k1"),
    )


def test_who_never_had_points_has_an_empty_account(stores):
    assert stores.bonuses.account("ann") == Account("ann")
    assert stores.bonuses.reward("order-1") is None
    assert stores.bonuses.history("ann", 10, None).entries == ()
    assert list(stores.bonuses.due(2**40, 10)) == []


def test_a_step_is_stored_with_its_entries_reward_and_answer(stores):
    before = Account("ann")
    booked = accounts.earn(before, "order-1", 100, LATER, NOON_MS)
    step = a_step(before, booked, a_reward(), an_answered())

    stores.bonuses.write(step)

    assert everything(stores) == (step.after, step.entries, a_reward(), an_answered())


def test_an_account_and_a_reward_come_back_as_they_were_stored(stores):
    account = Account("ann", lots=(Lot(50, TOMORROW), Lot(70, LATER), Lot(5)))
    account = accounts.hold(account, "order-1", 60, NOON)
    account, _ = accounts.pend(account, "order-2", 7, TOMORROW, None, NOON_MS)
    account, _ = accounts.claw_back(account, "order-3", 100, LATER, NOON_MS)
    reward = OrderReward("order-3", "ann", 900, 800, 1_250, 100, 60, (Lot(50, TOMORROW), Lot(10)), None, 5, 4)

    stores.bonuses.write(a_step(Account("ann"), (account, ()), reward))

    stored = stores.bonuses.account("ann")
    assert stored == replace(account, version=1)
    assert (stored.owed, stored.in_lots, stored.held, stored.awaited) == (35, 0, 60, 7)
    assert stores.bonuses.reward("order-3") == reward


@pytest.mark.parametrize("ahead", [-1, 1])
def test_a_step_from_another_version_changes_nothing(stores, ahead):
    account = earned(stores, 100)
    was = everything(stores)
    foreign = replace(account, version=account.version + ahead)

    with pytest.raises(StaleAccount):
        stores.bonuses.write(a_step(foreign, accounts.earn(foreign, "order-1", 1, None, NOON_MS), a_reward()))

    assert everything(stores) == was


@pytest.mark.parametrize("version", [1, 3])
def test_an_orders_reward_is_never_written_twice_from_the_same_version(stores, version):
    before = Account("ann")
    stores.bonuses.write(a_step(before, accounts.earn(before, "order-1", 100, LATER, NOON_MS), a_reward()))
    was, account = everything(stores), stores.bonuses.account("ann")

    again = accounts.earn(account, "order-1", 100, LATER, NOON_MS)
    with pytest.raises(StaleAccount):
        stores.bonuses.write(a_step(account, again, a_reward(version=version), an_answered()))

    assert everything(stores) == was


def test_an_orders_reward_is_written_again_from_the_next_version(stores):
    stores.bonuses.write(a_step(Account("ann"), (Account("ann"), ()), a_reward()))
    account = stores.bonuses.account("ann")
    changed = a_reward(clawed_back=40, version=2)

    stores.bonuses.write(a_step(account, (account, ()), changed))

    assert stores.bonuses.reward("order-1") == changed


def test_a_twin_of_an_answered_request_changes_nothing(stores):
    before = Account("ann")
    stores.bonuses.write(
        a_step(before, accounts.earn(before, "order-1", 100, LATER, NOON_MS), None, an_answered())
    )
    was, account = everything(stores), stores.bonuses.account("ann")

    with pytest.raises(StaleAccount):
        stores.bonuses.write(
            a_step(account, accounts.earn(account, "order-2", 9, LATER, NOON_MS), None, an_answered())
        )

    assert everything(stores) == was


def test_an_answer_that_has_ended_stands_in_nobodys_way(stores):
    before = Account("ann")
    stores.bonuses.write(a_step(before, (before, ()), None, an_answered(expires_at=NOON)))
    account = stores.bonuses.account("ann")

    stores.bonuses.write(a_step(account, (account, ()), None, an_answered()))

    assert stores.bonuses.find("shop:POST /x", "k1") == an_answered()


def test_history_is_newest_first_and_pages_without_gaps(stores):
    for number in range(1, 26):
        earned(stores, number, f"order-{number}")
    earned(stores, 1_000, "order-of-ben", who="ben")

    first = stores.bonuses.history("ann", 10, None)
    second = stores.bonuses.history("ann", 10, first.cursor)
    earned(stores, 26, "order-26")  # which moves no page
    third = stores.bonuses.history("ann", 10, second.cursor)

    pages = [*first.entries, *second.entries, *third.entries]
    assert [entry.number for entry in pages] == list(range(25, 0, -1))
    assert [entry.amount for entry in pages] == list(range(25, 0, -1))
    assert third.cursor is None


def test_a_page_that_is_just_full_is_the_last(stores):
    for number in range(2):
        earned(stores, 5, f"order-{number}")

    assert stores.bonuses.history("ann", 2, None).cursor is None


@pytest.mark.parametrize("cursor", ["", "x", "-1", "0", "1" * 30, "MTIzNDU2Nzg5MDEy", "LTE"])
def test_a_foreign_cursor_is_refused(stores, cursor):
    earned(stores, 5)

    with pytest.raises(InvalidInput):
        stores.bonuses.history("ann", 10, cursor)


def test_accounts_are_due_when_points_end_or_count_the_longest_overdue_first(stores):
    earned(stores, 5, ends_at=NOON + 3 * DAY, who="three")
    earned(stores, 5, ends_at=NOON + DAY, who="one")
    earned(stores, 5, ends_at=None, who="never")
    before = Account("two")
    stores.bonuses.write(a_step(before, accounts.pend(before, "order-1", 5, NOON + 2 * DAY, None, NOON_MS)))

    assert list(stores.bonuses.due(NOON + DAY - 1, 10)) == []
    assert list(stores.bonuses.due(NOON + 2 * DAY, 10)) == ["one", "two"]
    assert list(stores.bonuses.due(NOON + 9 * DAY, 10)) == ["one", "two", "three"]
    assert list(stores.bonuses.due(NOON + 9 * DAY, 2)) == ["one", "two"]


def test_an_account_whose_points_have_gone_is_due_no_more(stores):
    account = earned(stores, 5, ends_at=TOMORROW)

    stores.bonuses.write(a_step(account, accounts.expire(account, TOMORROW * 1_000)))

    assert list(stores.bonuses.due(2**40, 10)) == []
    assert derived_balance(all_entries(stores.bonuses)) == stores.bonuses.account("ann").balance == 0


def test_the_largest_step_fits_a_transaction(stores):
    account = Account("ann")
    for at in range(accounts.MAX_MATURED + 5):
        account, _ = accounts.pend(account, f"order-{at}", 1, NOON, LATER, NOON_MS)
    account = replace(account, version=0, entries=0)
    booked = accounts.mature(account, NOON_MS)

    stores.bonuses.write(a_step(account, booked, a_reward(), an_answered()))

    assert len(all_entries(stores.bonuses)) == 2 * accounts.MAX_MATURED


# -- rows that others read ---------------------------------------------------------------------------


def test_entries_are_listed_by_utc_day_with_what_a_sum_needs(dynamo_only):
    earned(dynamo_only, 100)

    found = [
        item
        for shard in range(16)
        for item in dynamo_only.raw.query(
            TableName="Rewards",
            IndexName="ByDay",
            KeyConditionExpression="day_list = :day",
            ExpressionAttributeValues={":day": {"S": f"DAY#2027-01-15#{shard}"}},
        )["Items"]
    ]

    assert [(item["kind"]["S"], item["amount"]["N"]) for item in found] == [(EntryKind.ISSUED.value, "100")]
    assert found[0]["at_key"]["S"] == f"{NOON_MS}#ann#000000001"


def test_the_kept_balance_is_that_of_the_entries(dynamo_only):
    earned(dynamo_only, 100)

    key = {"PK": {"S": "CUSTOMER#ann"}, "SK": {"S": "ACCOUNT"}}
    row = dynamo_only.raw.get_item(TableName="Rewards", Key=key)["Item"]

    assert int(row["balance"]["N"]) == derived_balance(all_entries(dynamo_only.bonuses)) == 100


# -- many at once ------------------------------------------------------------------------------------


class OneAtATime:
    """A client whose calls are atomic, as the service's are; moto's are not when threads share it."""

    def __init__(self, client: Any) -> None:
        self._client, self._lock = client, Lock()

    def __getattr__(self, operation: str) -> Any:
        call = getattr(self._client, operation)

        def alone(**request: Any) -> Any:
            with self._lock:
                return call(**request)

        return alone


def test_many_who_use_and_earn_at_once_never_use_a_point_twice(dynamo_only):
    client, tables = OneAtATime(dynamo_only.raw), Tables.with_prefix("")
    ledger = DynamoBonusLedger(client, tables, patience=NO_WAITING)
    orders = DynamoOrderStore(client, tables, patience=NO_WAITING)
    desk = Accruing(ledger, orders, AccrualRules(), FixedClock())
    earned(dynamo_only, 1_000)

    def buy(number: int) -> str:
        """Pay an order of 100 with points, which earns 10; asked twice, as impatient clients do."""
        command = AccrueBonus(f"order-{number // 2}", "ann", total=100, used=100)
        while True:
            try:
                accrue_bonus(command, desk)
            except Busy:
                continue
            except InsufficientBonus:
                return "refused"
            return "paid"

    with ThreadPoolExecutor(32) as threads:
        ends = Counter(threads.map(buy, range(32)))

    account, entries = ledger.account("ann"), all_entries(ledger)
    paid = [entry.order_id for entry in entries if entry.kind is EntryKind.REDEEMED]
    assert len(paid) == len(set(paid)) == 11  # 1,000 points pay ten, and what these earn pays one more
    assert ends == {"paid": 22, "refused": 10}
    assert derived_balance(entries) == account.balance == 1_000 - 11 * 100 + 11 * 10
    assert [entry.number for entry in entries] == list(range(1, 24))
