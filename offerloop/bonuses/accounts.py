"""What can happen to an account, as pure functions: an account in, the account afterwards and entries out.

Whatever happens, these hold: the balance is the sum of the entries, by the sign of their kind; no lot is
below one point; and points stand in lots only while nothing is owed.
"""

from collections.abc import Iterable
from dataclasses import replace

from offerloop import money
from offerloop.bonuses.model import Account, Entry, EntryKind, Hold, Lot, Pending
from offerloop.errors import InsufficientBonus

_NEVER = 2**63
MAX_MATURED = 40  # two entries each, of the 100 actions that a transaction may have
# Pending points stand in the account's row, by order: 100 bytes each of the 400 KB that a row may have.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MAX_PENDING = 1_000

Booked = tuple[Account, tuple[Entry, ...]]  # the account afterwards, and what is to be written about it


# -- points that an order uses -----------------------------------------------------------------------


def hold(account: Account, order_id: str, amount: int, now: int) -> Account:
    """Set points aside for an order in progress, those first that end first.

    An order that holds already keeps what it holds.

    Args:
        amount: > 0.
        now: epoch seconds; lots that have ended by then are not used.
    Raises:
        InsufficientBonus: fewer are usable.
    """
    if any(each.order_id == order_id for each in account.holds):
        return account
    check_usable(account, amount, now)
    ended = tuple(lot for lot in account.lots if lot.has_ended(now))
    taken, left = split_lots(account.lots[len(ended) :], amount)
    return replace(account, lots=ended + left, holds=(*account.holds, Hold(order_id, taken)))


def check_usable(account: Account, amount: int, now: int) -> None:
    """Raises:
    InsufficientBonus: fewer than *amount* points can be used at *now* (epoch seconds).
    """
    if amount > account.usable(now):
        asked, left = money.to_major(amount), money.to_major(account.usable(now))
        raise InsufficientBonus(f"{asked:.2f} of bonus asked for, {left:.2f} can be used")


def held_by(account: Account, order_id: str) -> tuple[Lot, ...]:
    """The points that an order holds, by the lots that they were taken from."""
    return next((each.lots for each in account.holds if each.order_id == order_id), ())


def release(account: Account, order_id: str) -> Account:
    """Give back what an order holds to the lots that it came from; where it holds nothing, nothing changes.

    Lots that ended meanwhile expire with the next `expire`.
    """
    return _credited(_without_hold(account, order_id), held_by(account, order_id))


def post(account: Account, order_id: str, at_ms: int) -> Booked:
    """Use up what an order holds; where it holds nothing, nothing changes."""
    amount = sum(lot.amount for lot in held_by(account, order_id))
    after = _without_hold(account, order_id)
    return _booked(after, EntryKind.REDEEMED, amount, at_ms, order_id, "used in an order")


def give_back(account: Account, order_id: str, lots: Iterable[Lot], earliest_end: int, at_ms: int) -> Booked:
    """Give back points that an order used, to the lots that they came from.

    Args:
        earliest_end: epoch seconds; what ended, or would end, before ends then instead.
    """
    back = merge_lots(
        lot if lot.ends_at is None or lot.ends_at >= earliest_end else replace(lot, ends_at=earliest_end)
        for lot in lots
    )
    amount = sum(lot.amount for lot in back)
    after = _credited(account, back)
    return _booked(after, EntryKind.GIVEN_BACK, amount, at_ms, order_id, "given back for a refund")


# -- points that an order earns ----------------------------------------------------------------------


def earn(account: Account, order_id: str, amount: int, ends_at: int | None, at_ms: int) -> Booked:
    """Add points (>= 0) that an order earned; they pay what is owed first, the rest becomes a lot."""
    after = _credited(account, (Lot(amount, ends_at),))
    return _booked(after, EntryKind.ISSUED, amount, at_ms, order_id, "earned by an order")


def pend(
    account: Account, order_id: str, amount: int, due_at: int, ends_at: int | None, at_ms: int
) -> Booked:
    """Note points (>= 0) that an order earns if it is not returned until *due_at* (epoch seconds)."""
    if not amount:
        return account, ()
    after = replace(account, pending=(*account.pending, Pending(order_id, amount, due_at, ends_at)))
    return _booked(after, EntryKind.PENDED, amount, at_ms, order_id, "earned by an order, not usable yet")


def is_full(account: Account) -> bool:
    """Whether no more orders' points can be pending; what further ones earn is usable at once."""
    return len(account.pending) >= MAX_PENDING


def mature(account: Account, at_ms: int) -> Booked:
    """Turn pending points that are due into usable ones, up to MAX_MATURED orders' at once."""
    due = [each for each in account.pending if each.due_at <= at_ms // 1_000][:MAX_MATURED]
    account = replace(account, pending=tuple(each for each in account.pending if each not in due))
    entries: tuple[Entry, ...] = ()
    for each in due:
        account, dropped = _drop(account, each.order_id, each.amount, at_ms, "usable from now on")
        account, issued = earn(account, each.order_id, each.amount, each.ends_at, at_ms)
        entries += dropped + issued
    return account, entries


def claw_back(account: Account, order_id: str, amount: int, ends_at: int | None, at_ms: int) -> Booked:
    """Take back points (>= 0) that an order earned.

    First what of them is still pending, then from the lot that they became, then from the lots that end
    first; the rest is owed.

    Args:
        ends_at: of the lot that the order earned.
    """
    waiting = sum(each.amount for each in account.pending if each.order_id == order_id)
    dropped = min(waiting, amount)
    lessened = (
        replace(each, amount=waiting - dropped) if each.order_id == order_id else each
        for each in account.pending
    )
    account = replace(account, pending=tuple(each for each in lessened if each.amount))
    account, entries = _drop(account, order_id, dropped, at_ms, "the order was refunded")

    taken = amount - dropped
    own = [lot for lot in account.lots if lot.ends_at == ends_at]
    others = [lot for lot in account.lots if lot.ends_at != ends_at]
    _, left = split_lots((*own, *others), taken)
    owed = max(0, taken - account.in_lots)
    after = replace(account, lots=merge_lots(left), owed=account.owed + owed)
    account, taken_back = _booked(
        after, EntryKind.CLAWED_BACK, taken, at_ms, order_id, "the order was refunded"
    )
    return account, entries + taken_back


def _drop(account: Account, order_id: str, amount: int, at_ms: int, detail: str) -> Booked:
    return _booked(account, EntryKind.DROPPED, amount, at_ms, order_id, detail)


# -- points that end ---------------------------------------------------------------------------------


def expire(account: Account, at_ms: int) -> Booked:
    """Take out the lots that have ended, in one entry."""
    now = at_ms // 1_000
    ended = sum(lot.amount for lot in account.lots if lot.has_ended(now))
    after = replace(account, lots=tuple(lot for lot in account.lots if not lot.has_ended(now)))
    return _booked(after, EntryKind.EXPIRED, ended, at_ms, None, "not used in time")


# -- lots and entries --------------------------------------------------------------------------------


def split_lots(lots: tuple[Lot, ...], amount: int) -> tuple[tuple[Lot, ...], tuple[Lot, ...]]:
    """Part lots into the first *amount* points and the rest; all of them when there are fewer."""
    taken, left = [], []
    for lot in lots:
        share = min(lot.amount, amount)
        amount -= share
        if share:
            taken.append(replace(lot, amount=share))
        if share < lot.amount:
            left.append(replace(lot, amount=lot.amount - share))
    return tuple(taken), tuple(left)


def merge_lots(lots: Iterable[Lot]) -> tuple[Lot, ...]:
    """Put lots in the order in which they are used, those that end together as one."""
    amounts: dict[int | None, int] = {}
    for lot in lots:
        amounts[lot.ends_at] = amounts.get(lot.ends_at, 0) + lot.amount
    ends = sorted(amounts, key=lambda ends_at: _NEVER if ends_at is None else ends_at)
    return tuple(Lot(amounts[ends_at], ends_at) for ends_at in ends if amounts[ends_at])


def _without_hold(account: Account, order_id: str) -> Account:
    return replace(account, holds=tuple(each for each in account.holds if each.order_id != order_id))


def _credited(account: Account, lots: tuple[Lot, ...]) -> Account:
    """Points pay what is owed first; the rest is there to be used."""
    paid, left = split_lots(lots, account.owed)
    owed = account.owed - sum(lot.amount for lot in paid)
    return replace(account, owed=owed, lots=merge_lots((*account.lots, *left)))


_SUMS = {
    EntryKind.ISSUED: "issued",
    EntryKind.REDEEMED: "redeemed",
    EntryKind.GIVEN_BACK: "given_back",
    EntryKind.CLAWED_BACK: "clawed_back",
    EntryKind.EXPIRED: "expired",
}


def _booked(
    after: Account, kind: EntryKind, amount: int, at_ms: int, order_id: str | None, detail: str
) -> Booked:
    """Write an entry about what was just done to an account; nothing for no points."""
    if not amount:
        return after, ()
    number = after.entries + 1
    entry = Entry(after.customer_id, number, kind, amount, after.balance, at_ms, order_id, detail)
    sums = {_SUMS[kind]: getattr(after, _SUMS[kind]) + amount} if kind in _SUMS else {}
    return replace(after, entries=number, **sums), (entry,)
