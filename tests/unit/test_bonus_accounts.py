"""What happens to an account, case by case; tests/property/test_bonus_accounts.py has what holds in all."""

import pytest

from offerloop.bonuses import accounts
from offerloop.bonuses.model import Account, Entry, EntryKind, Hold, Lot, Pending
from offerloop.errors import InsufficientBonus
from tests.bonuses import DAY, LATER, TOMORROW, an_account
from tests.factories import NOON, NOON_MS

K = EntryKind


def said(entries: tuple[Entry, ...]) -> list[tuple[EntryKind, int]]:
    return [(entry.kind, entry.amount) for entry in entries]


def test_points_that_end_first_are_held_first():
    account = accounts.hold(an_account(Lot(30, TOMORROW), Lot(50, LATER), Lot(9)), "order-1", 40, NOON)

    assert account.lots == (Lot(40, LATER), Lot(9))
    assert account.holds == (Hold("order-1", (Lot(30, TOMORROW), Lot(10, LATER))),)
    assert (account.balance, account.usable(NOON)) == (89, 49)


def test_points_that_have_ended_cannot_be_held_even_before_they_are_swept():
    account = an_account(Lot(30, NOON), Lot(50, LATER))

    with pytest.raises(InsufficientBonus, match=r"0\.60 of bonus asked for, 0\.50 can be used"):
        accounts.hold(account, "order-1", 60, NOON)

    assert accounts.hold(account, "order-1", 50, NOON).lots == (Lot(30, NOON),)


def test_an_order_that_holds_keeps_what_it_holds():
    account = accounts.hold(an_account(Lot(50)), "order-1", 40, NOON)

    assert accounts.hold(account, "order-1", 10, NOON) is account


def test_a_released_hold_leaves_the_account_as_it_was():
    account = an_account(Lot(30, TOMORROW), Lot(50, LATER))

    assert accounts.release(accounts.hold(account, "order-1", 40, NOON), "order-1") == account
    assert accounts.release(account, "order-2") == account


def test_a_posted_hold_is_used():
    account = accounts.hold(an_account(Lot(50, LATER)), "order-1", 40, NOON)

    account, entries = accounts.post(account, "order-1", NOON_MS)

    assert entries == (Entry("ann", 1, K.REDEEMED, 40, 10, NOON_MS, "order-1", "used in an order"),)
    assert (account.lots, account.holds, account.redeemed) == ((Lot(10, LATER),), (), 40)
    assert accounts.post(account, "order-1", NOON_MS) == (account, ())


def test_points_of_one_day_are_one_lot():
    account, _ = accounts.earn(an_account(Lot(5, LATER)), "order-1", 100, LATER, NOON_MS)

    assert account.lots == (Lot(105, LATER),)


def test_what_is_owed_is_paid_first():
    owing = an_account(owed=60, clawed_back=60)

    account, entries = accounts.earn(owing, "order-1", 100, LATER, NOON_MS)

    assert said(entries) == [(K.ISSUED, 100)]
    assert (account.owed, account.lots, account.balance) == (0, (Lot(40, LATER),), 40)


def test_a_released_hold_pays_what_is_owed_too():
    account = accounts.hold(an_account(Lot(50, LATER)), "order-1", 50, NOON)
    account, _ = accounts.claw_back(account, "order-2", 30, LATER, NOON_MS)
    assert (account.owed, account.balance) == (30, 20)

    account = accounts.release(account, "order-1")

    assert (account.owed, account.lots, account.balance) == (0, (Lot(20, LATER),), 20)


def test_pending_points_are_no_part_of_the_balance_until_they_are_due():
    account, pended = accounts.pend(Account("ann"), "order-1", 100, TOMORROW, LATER, NOON_MS)
    assert (account.balance, account.awaited, account.due_at) == (0, 100, TOMORROW)
    assert accounts.mature(account, NOON_MS) == (account, ())

    account, matured = accounts.mature(account, TOMORROW * 1_000)

    assert said(pended + matured) == [(K.PENDED, 100), (K.DROPPED, 100), (K.ISSUED, 100)]
    assert (account.lots, account.pending, account.issued) == ((Lot(100, LATER),), (), 100)


def test_a_claw_back_takes_pending_points_of_the_order_first():
    account, _ = accounts.pend(an_account(Lot(50, LATER)), "order-1", 100, TOMORROW, LATER, NOON_MS)

    account, entries = accounts.claw_back(account, "order-1", 30, LATER, NOON_MS)

    assert said(entries) == [(K.DROPPED, 30)]
    assert account.pending == (Pending("order-1", 70, TOMORROW, LATER),)
    assert (account.balance, account.clawed_back) == (50, 0)


def test_a_claw_back_leaves_pending_points_of_other_orders():
    account, _ = accounts.pend(Account("ann"), "order-1", 100, TOMORROW, LATER, NOON_MS)

    account, entries = accounts.claw_back(account, "order-2", 30, LATER, NOON_MS)

    assert (said(entries), account.awaited, account.owed) == ([(K.CLAWED_BACK, 30)], 100, 30)


def test_a_claw_back_takes_the_lot_that_the_order_earned_before_those_that_end_first():
    account = an_account(Lot(30, TOMORROW), Lot(50, LATER), Lot(9))

    account, entries = accounts.claw_back(account, "order-1", 60, LATER, NOON_MS)

    assert said(entries) == [(K.CLAWED_BACK, 60)]
    assert account.lots == (Lot(20, TOMORROW), Lot(9))


def test_points_that_were_spent_are_owed_after_a_claw_back():
    account, entries = accounts.claw_back(an_account(Lot(30, LATER)), "order-1", 100, LATER, NOON_MS)

    assert (account.owed, account.balance, account.lots) == (70, -70, ())
    assert entries[0].balance == -70


def test_points_are_given_back_to_the_lots_that_they_came_from():
    account, entries = accounts.give_back(
        an_account(Lot(10, LATER)), "order-1", (Lot(20, LATER), Lot(5)), TOMORROW, NOON_MS
    )

    assert said(entries) == [(K.GIVEN_BACK, 25)]
    assert account.lots == (Lot(30, LATER), Lot(5))


@pytest.mark.parametrize("ends_at", [NOON - DAY, NOON, TOMORROW - 1])
def test_points_that_would_end_soon_can_be_used_a_while_when_given_back(ends_at):
    account, _ = accounts.give_back(Account("ann"), "order-1", (Lot(20, ends_at),), TOMORROW, NOON_MS)

    assert account.lots == (Lot(20, TOMORROW),)


def test_lots_that_have_ended_expire_and_no_others():
    account = an_account(Lot(10, NOON - DAY), Lot(20, NOON), Lot(30, NOON + 1), Lot(40))

    account, entries = accounts.expire(account, NOON_MS + 999)

    assert said(entries) == [(K.EXPIRED, 30)]
    assert (account.lots, account.expired, account.balance) == ((Lot(30, NOON + 1), Lot(40)), 30, 70)
    assert accounts.expire(account, NOON_MS) == (account, ())


def test_nothing_is_written_about_no_points():
    account = an_account(Lot(5))

    assert accounts.earn(account, "order-1", 0, LATER, NOON_MS) == (account, ())
    assert accounts.pend(account, "order-1", 0, TOMORROW, LATER, NOON_MS) == (account, ())
    assert accounts.claw_back(account, "order-1", 0, LATER, NOON_MS) == (account, ())
    assert accounts.give_back(account, "order-1", (), TOMORROW, NOON_MS) == (account, ())
