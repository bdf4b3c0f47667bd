"""What the bonus ledger talks about: accounts with their lots, entries, and what an order earned and used.

One point is one minor unit of the deployment's currency. Time is UTC in milliseconds since 1970 (`*_at_ms`)
or whole seconds (`*_at`).

The balance rule: ``balance = points in lots + points that open orders hold - what is owed``, and it is the
sum of the account's entries. Only points in lots can be used. What is owed comes from claw-backs of points
that were spent already: lots are empty then, and the next points, wherever they come from, pay it first.
Pending points are no part of the balance.
"""

from enum import StrEnum

from offerloop.record import record


@record(frozen=True, slots=True)
class Lot:
    """Points that end together.

    Attributes:
        amount: > 0.
        ends_at: epoch seconds from which they are gone; None = never.
    """

    amount: int
    ends_at: int | None = None

    def has_ended(self, now: int) -> bool:
        return self.ends_at is not None and self.ends_at <= now


@record(frozen=True, slots=True)
class Hold:
    """What an order in progress holds, by the lots that it was taken from."""

    order_id: str
    lots: tuple[Lot, ...]

    @property
    def amount(self) -> int:
        return sum(lot.amount for lot in self.lots)


@record(frozen=True, slots=True)
class Pending:
    """Points (> 0) of an order that can still be returned.

    Attributes:
        due_at: epoch seconds from which they count; ends_at: of the lot that they become then.
    """

    order_id: str
    amount: int
    due_at: int
    ends_at: int | None = None


@record(frozen=True, slots=True)
class Account:
    """One customer's account as it stands in the table `Rewards`.

    Attributes:
        version: how often it was written; 0 = never.
        lots: what can be used, in the order in which it is used: the first to end first; no two that end
            together.
        holds: by open orders, in the order in which they were taken.
        pending: in the order in which they were earned.
        owed: see the balance rule, >= 0; no lots while it is more.
        issued, redeemed, given_back, clawed_back, expired: sums of all entries of these kinds, >= 0.
        entries: how many entries it has.
    """

    customer_id: str
    version: int = 0
    lots: tuple[Lot, ...] = ()
    holds: tuple[Hold, ...] = ()
    pending: tuple[Pending, ...] = ()
    owed: int = 0
    issued: int = 0
    redeemed: int = 0
    given_back: int = 0
    clawed_back: int = 0
    expired: int = 0
    entries: int = 0

    @property
    def in_lots(self) -> int:
        return sum(lot.amount for lot in self.lots)

    def usable(self, now: int) -> int:
        """Points that can be used at this moment (epoch seconds): those in lots that have not ended."""
        return sum(lot.amount for lot in self.lots if not lot.has_ended(now))

    @property
    def held(self) -> int:
        return sum(hold.amount for hold in self.holds)

    @property
    def balance(self) -> int:
        return self.in_lots + self.held - self.owed

    @property
    def awaited(self) -> int:
        return sum(pending.amount for pending in self.pending)

    @property
    def due_at(self) -> int | None:
        """Epoch seconds of the next moment at which pending points count or a lot ends; None = never."""
        ends = [lot.ends_at for lot in self.lots if lot.ends_at is not None]
        return min([*ends, *(pending.due_at for pending in self.pending)], default=None)


class EntryKind(StrEnum):
    """What an entry says happened. Each has one sign, see `BALANCE_SIGN`."""

    ISSUED = "ISSUED"  # earned by an order, and usable
    REDEEMED = "REDEEMED"  # used in an order that was completed
    GIVEN_BACK = "GIVEN_BACK"  # used in an order that was refunded
    CLAWED_BACK = "CLAWED_BACK"  # earned by an order that was refunded
    EXPIRED = "EXPIRED"
    PENDED = "PENDED"  # earned, and not usable before the return window ends
    DROPPED = "DROPPED"  # pending points of an order that was refunded, or that became ISSUED


BALANCE_SIGN = {
    EntryKind.ISSUED: +1,
    EntryKind.REDEEMED: -1,
    EntryKind.GIVEN_BACK: +1,
    EntryKind.CLAWED_BACK: -1,
    EntryKind.EXPIRED: -1,
    EntryKind.PENDED: 0,
    EntryKind.DROPPED: 0,
}


@record(frozen=True, slots=True)
class Entry:
    """One line of a customer's ledger; never changed.

    Attributes:
        number: 1 for the account's first, then one more each.
        amount: > 0; what it does to the balance is the kind's sign times this.
        balance: of the account after it.
        order_id: the order that it comes from, if any does.
        detail: in words for the customer.
    """

    customer_id: str
    number: int
    kind: EntryKind
    amount: int
    balance: int
    at_ms: int
    order_id: str | None = None
    detail: str = ""


@record(frozen=True, slots=True)
class OrderReward:
    """What one order earned and used; exists once it was completed, and never twice.

    Attributes:
        total: what the order came to, the points that were used for it included.
        base: what the accrual was computed on: *total*, or that less *used*.
        rate: in hundredths of a per cent.
        earned: points for the whole order, >= 0.
        used: points paid with; used_lots: where they came from.
        ends_at: of the lot that it earned; None = never.
        clawed_back: of *earned*; given_back: of *used*.
        balance: of the account when the order was accounted for.
        version: how often it was written, from 1.
    """

    order_id: str
    customer_id: str
    total: int
    base: int
    rate: int
    earned: int
    used: int
    used_lots: tuple[Lot, ...] = ()
    ends_at: int | None = None
    clawed_back: int = 0
    given_back: int = 0
    balance: int = 0
    version: int = 1
