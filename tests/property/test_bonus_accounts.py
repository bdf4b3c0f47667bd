"""Whatever happens to an account in whatever order: the balance is what its entries come to."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from offerloop.bonuses import accounts
from offerloop.bonuses.accounts import Booked
from offerloop.bonuses.model import Account, Entry, EntryKind, Lot
from offerloop.errors import InsufficientBonus
from tests.bonuses import DAY, derived_balance
from tests.factories import NOON

orders = st.sampled_from(["o1", "o2", "o3", "o4"])
amounts = st.integers(1, 120)
ends = st.one_of(st.none(), st.integers(0, 5))  # days from the first


class Ledger(RuleBasedStateMachine):
    """One customer, whose orders earn, use, and are refunded, while time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.account = Account("ann")
        self.entries: list[Entry] = []
        self.now = NOON

    def book(self, booked: Booked) -> None:
        self.account, entries = booked
        self.entries += entries

    @property
    def at_ms(self) -> int:
        return self.now * 1_000

    def day(self, days: int | None) -> int | None:
        return None if days is None else NOON + days * DAY

    @rule(days=st.integers(0, 2))
    def wait(self, days: int) -> None:
        self.now += days * DAY

    @rule(order=orders, amount=amounts, days=ends)
    def earn(self, order: str, amount: int, days: int | None) -> None:
        self.book(accounts.earn(self.account, order, amount, self.day(days), self.at_ms))

    @rule(order=orders, amount=amounts, days=ends)
    def pend(self, order: str, amount: int, days: int | None) -> None:
        if all(each.order_id != order for each in self.account.pending):
            self.book(accounts.pend(self.account, order, amount, self.now + DAY, self.day(days), self.at_ms))

    @rule()
    def mature(self) -> None:
        self.book(accounts.mature(self.account, self.at_ms))
        assert all(each.due_at > self.now for each in self.account.pending)

    @rule(order=orders, amount=amounts)
    def hold(self, order: str, amount: int) -> None:
        usable, held = self.account.usable(self.now), accounts.held_by(self.account, order)
        try:
            self.account = accounts.hold(self.account, order, amount, self.now)
        except InsufficientBonus:
            assert amount > usable
        else:
            assert held or self.account.usable(self.now) == usable - amount
            assert not any(
                lot.has_ended(self.now) for lot in accounts.held_by(self.account, order) if not held
            )

    @rule(order=orders)
    def release(self, order: str) -> None:
        balance = self.account.balance
        self.account = accounts.release(self.account, order)
        assert self.account.balance == balance

    @rule(order=orders)
    def post(self, order: str) -> None:
        held = sum(lot.amount for lot in accounts.held_by(self.account, order))
        balance = self.account.balance
        self.book(accounts.post(self.account, order, self.at_ms))
        assert self.account.balance == balance - held

    @rule(order=orders, amount=amounts, days=ends)
    def claw_back(self, order: str, amount: int, days: int | None) -> None:
        known = self.account.balance + self.account.awaited
        self.book(accounts.claw_back(self.account, order, amount, self.day(days), self.at_ms))
        assert self.account.balance + self.account.awaited == known - amount

    @rule(order=orders, lots=st.lists(st.builds(Lot, amounts, ends), max_size=3))
    def give_back(self, order: str, lots: list[Lot]) -> None:
        came_from = [replace(lot, ends_at=self.day(lot.ends_at)) for lot in lots]
        balance = self.account.balance
        earliest = self.now + DAY
        self.book(accounts.give_back(self.account, order, came_from, earliest, self.at_ms))
        assert self.account.balance == balance + sum(lot.amount for lot in lots)

    @rule()
    def expire(self) -> None:
        usable = self.account.usable(self.now)
        self.book(accounts.expire(self.account, self.at_ms))
        assert self.account.in_lots == self.account.usable(self.now) == usable

    @invariant()
    def the_balance_is_what_the_entries_come_to(self) -> None:
        assert self.account.balance == derived_balance(tuple(self.entries))
        if self.entries:
            assert self.account.balance == self.entries[-1].balance

    @invariant()
    def the_sums_are_those_of_the_entries(self) -> None:
        account = self.account
        sums = {kind: sum(entry.amount for entry in self.entries if entry.kind is kind) for kind in EntryKind}
        assert account.issued == sums[EntryKind.ISSUED]
        assert account.redeemed == sums[EntryKind.REDEEMED]
        assert account.given_back == sums[EntryKind.GIVEN_BACK]
        assert account.clawed_back == sums[EntryKind.CLAWED_BACK]
        assert account.expired == sums[EntryKind.EXPIRED]
        assert account.awaited == sums[EntryKind.PENDED] - sums[EntryKind.DROPPED]

    @invariant()
    def entries_are_numbered_without_gaps_and_none_is_of_nothing(self) -> None:
        assert [entry.number for entry in self.entries] == list(range(1, self.account.entries + 1))
        assert all(entry.amount > 0 for entry in self.entries)

    @invariant()
    def no_lot_is_empty_or_out_of_order(self) -> None:
        account = self.account
        held = [lot for each in account.holds for lot in each.lots]
        assert all(lot.amount > 0 for lot in (*account.lots, *held))
        assert account.lots == accounts.merge_lots(account.lots)
        assert account.owed >= 0
        assert not (account.owed and account.lots)


TestLedger = Ledger.TestCase


@given(st.lists(st.builds(Lot, amounts, ends), max_size=6), st.integers(0, 800))
def test_lots_are_split_without_loss(lots, amount):
    taken, left = accounts.split_lots(tuple(lots), amount)

    assert sum(lot.amount for lot in taken) == min(amount, sum(lot.amount for lot in lots))
    assert accounts.merge_lots((*taken, *left)) == accounts.merge_lots(lots)
