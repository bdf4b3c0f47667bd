"""What can happen to an account, as pure functions: an account in, the account afterwards out."""

from collections.abc import Iterable
from dataclasses import replace

from offerloop.bonuses.model import Account, Hold, Lot
from offerloop.errors import InsufficientBonus

_NEVER = 2**63


def hold(account: Account, order_id: str, amount: int) -> Account:
    """Set points aside for an order in progress, those first that end first.

    An order that holds already keeps what it holds.

    Args:
        amount: > 0.
    Raises:
        InsufficientBonus: fewer are usable.
    """
    if any(each.order_id == order_id for each in account.holds):
        return account
    if amount > account.usable:
        raise InsufficientBonus(f"{amount} points asked for, {account.usable} can be used")
    taken, left = split_lots(account.lots, amount)
    return replace(account, lots=left, holds=(*account.holds, Hold(order_id, taken)))


def release(account: Account, order_id: str) -> Account:
    """Give back what an order holds to the lots that it came from; where it holds nothing, nothing changes.

    Lots that ended meanwhile expire with the next `expire`.
    """
    back = [lot for each in account.holds if each.order_id == order_id for lot in each.lots]
    kept = tuple(each for each in account.holds if each.order_id != order_id)
    return replace(account, lots=merge_lots((*account.lots, *back)), holds=kept)


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
