"""Pay with points: how many an account can use, and what it looks like once an order holds them."""

from dataclasses import replace

from offerloop import money
from offerloop.bonuses.accounts import split_lots
from offerloop.bonuses.model import Account, Hold, Lot
from offerloop.errors import InsufficientBonus


def usable(account: Account, now: int) -> int:
    """Give how many points can be used at *now*: those in lots that have not ended, whoever swept or not."""
    return sum(lot.amount for lot in account.lots if _is_alive(lot, now))


def check_usable(account: Account, amount: int, now: int) -> None:
    """Raises:
    InsufficientBonus: fewer than *amount* points can be used.
    """
    can_use = usable(account, now)
    if amount > can_use:
        asked, left = money.to_major(amount), money.to_major(can_use)
        raise InsufficientBonus(f"{asked:.2f} of bonus asked for, {left:.2f} can be used")


def hold(account: Account, order_id: str, amount: int, now: int) -> Account:
    """Set points aside for an order in progress, those first that end first.

    Args:
        amount: > 0.
    Returns:
        The account as it is to be stored.
    Raises:
        InsufficientBonus: fewer can be used.
    """
    alive = tuple(lot for lot in account.lots if _is_alive(lot, now))
    ended = tuple(lot for lot in account.lots if not _is_alive(lot, now))
    check_usable(account, amount, now)
    taken, left = split_lots(alive, amount)
    return replace(
        account,
        version=account.version + 1,
        lots=ended + left,
        holds=(*account.holds, Hold(order_id, taken)),
    )


def _is_alive(lot: Lot, now: int) -> bool:
    return lot.ends_at is None or lot.ends_at > now
