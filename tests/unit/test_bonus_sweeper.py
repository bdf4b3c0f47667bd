"""What time does to accounts: once, to all that are due, and to no others."""

from collections import Counter
from types import SimpleNamespace

import pytest

from handlers import wiring_rewards
from offerloop.bonuses import accounts
from offerloop.bonuses.model import Account, EntryKind, Lot
from offerloop.bonuses.ports import AccountStep, StaleAccount
from offerloop.bonuses.sweep_accounts import PAGE, sweep_accounts
from offerloop.sweeps import SweepIncomplete
from simulator.memory.bonuses import MemoryBonusLedger
from simulator.memory.world import MemoryWorld
from tests.bonuses import DAY, LATER, TOMORROW, all_entries, an_account
from tests.factories import NOON_MS, FixedClock
from tests.routes import CONTEXT, a_route


def a_ledger(*stored: Account) -> tuple[MemoryBonusLedger, FixedClock]:
    clock = FixedClock()
    world = MemoryWorld(clock)
    for account in stored:
        world.put_account(account)
    return MemoryBonusLedger(world), clock


def test_lots_end_and_pending_points_begin_in_their_time():
    pending, _ = accounts.pend(Account("ben"), "order-1", 70, TOMORROW, None, NOON_MS)
    ledger, clock = a_ledger(an_account(Lot(30, TOMORROW), Lot(50, LATER)), pending)
    totals: Counter[EntryKind] = Counter()

    def count(step: AccountStep) -> None:
        totals.update({entry.kind: entry.amount for entry in step.entries})

    assert sweep_accounts(ledger, clock, report=count) == 0
    clock.move_on(DAY)
    assert sweep_accounts(ledger, clock, report=count) == 2
    assert sweep_accounts(ledger, clock, report=count) == 0

    assert ledger.account("ann").lots == (Lot(50, LATER),)
    assert (ledger.account("ben").lots, ledger.account("ben").awaited) == ((Lot(70),), 0)
    assert totals == {EntryKind.EXPIRED: 30, EntryKind.ISSUED: 70, EntryKind.DROPPED: 70}


def test_all_that_are_due_are_swept_however_many():
    ledger, clock = a_ledger(*(an_account(Lot(1, TOMORROW), customer_id=f"c{at}") for at in range(PAGE + 7)))
    clock.move_on(DAY)

    assert sweep_accounts(ledger, clock) == PAGE + 7


def test_a_sweep_stops_when_there_is_no_more_time():
    ledger, clock = a_ledger(*(an_account(Lot(1, TOMORROW), customer_id=f"c{at}") for at in range(10)))
    clock.move_on(DAY)
    asked = iter([False, False, False, True])

    assert sweep_accounts(ledger, clock, enough=lambda: next(asked)) == 3


def test_more_pending_orders_than_a_transaction_takes_are_swept_in_turns():
    account = Account("ann")
    for at in range(accounts.MAX_MATURED + 3):
        account, _ = accounts.pend(account, f"order-{at}", 1, TOMORROW, None, NOON_MS)
    ledger, clock = a_ledger(account)
    clock.move_on(DAY)

    assert sweep_accounts(ledger, clock) == 2

    assert ledger.account("ann").balance == accounts.MAX_MATURED + 3


def test_an_account_that_somebody_else_changes_is_left_for_the_next_time():
    ledger, clock = a_ledger(an_account(Lot(30, TOMORROW)))
    clock.move_on(DAY)

    class Contended(MemoryBonusLedger):
        def write(self, step: AccountStep) -> None:
            raise StaleAccount

    assert sweep_accounts(Contended(ledger._world), clock) == 0
    assert all_entries(ledger) == ()
    assert sweep_accounts(ledger, clock) == 1


def test_a_list_that_is_behind_keeps_no_sweeper_busy():
    class Behind(MemoryBonusLedger):
        def due(self, now: int, limit: int) -> list[str]:
            return ["ann"]

    ledger, clock = a_ledger()

    assert sweep_accounts(Behind(ledger._world), clock) == 0


class Broken(MemoryBonusLedger):
    """The accounts of these customers cannot be read."""

    broken: frozenset[str] = frozenset()

    def account(self, customer_id: str) -> Account:
        if customer_id in self.broken:
            raise KeyError("lots")
        return super().account(customer_id)


def test_accounts_that_cannot_be_read_are_told_of_once_and_all_others_are_swept():
    """However many there are: they stay at the head of the list of those that are due."""
    ended = (an_account(Lot(1, TOMORROW), customer_id=f"c{at:03d}") for at in range(2 * PAGE + 7))
    stored, clock = a_ledger(*ended)
    ledger = Broken(stored._world)
    ledger.broken = frozenset(f"c{at:03d}" for at in range(PAGE + 3))
    clock.move_on(DAY)
    told = []

    changed = sweep_accounts(ledger, clock, trouble=lambda customer_id, error: told.append(customer_id))

    assert changed == PAGE + 4
    assert told == sorted(ledger.broken)


def test_nobody_who_sweeps_without_being_told_goes_past_a_broken_account():
    stored, clock = a_ledger(an_account(Lot(1, TOMORROW)))
    ledger = Broken(stored._world)
    ledger.broken = frozenset({"ann"})
    clock.move_on(DAY)

    with pytest.raises(KeyError):
        sweep_accounts(ledger, clock)


def test_the_function_sweeps_all_others_and_then_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    stored, clock = a_ledger(an_account(Lot(30, TOMORROW)), an_account(Lot(50, TOMORROW), customer_id="ben"))
    sweeper = a_route(monkeypatch, "SweepBonuses", stored._world).module
    ledger = Broken(stored._world)
    ledger.broken = frozenset({"ann"})
    monkeypatch.setattr(wiring_rewards, "bonus_ledger", lambda: ledger)
    clock.move_on(DAY)
    context = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: 60_000)

    with pytest.raises(SweepIncomplete, match="1 account"):
        sweeper.handle({}, context)

    assert ledger.account("ben").balance == 0
    assert '"PointsExpired":[50.0]' in capsys.readouterr().out
    assert [record.customer_id for record in caplog.records if record.exc_info] == ["ann"]
