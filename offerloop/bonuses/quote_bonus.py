"""Say what an order would earn, and how many points it may use, before it is placed."""

from offerloop.bonuses import accounts
from offerloop.bonuses.model import Account
from offerloop.bonuses.rules import AccrualRules, earned
from offerloop.errors import FieldError, InvalidInput
from offerloop.record import record


@record(frozen=True, slots=True)
class BonusQuote:
    """What an order would earn, in points.

    Attributes:
        earned: if it were completed now.
        usable: how many of the account's points the order may use in all.
    """

    earned: int
    usable: int
    balance: int


def quote_bonus(account: Account, total: int, used: int, rules: AccrualRules, now_ms: int) -> BonusQuote:
    """Quote an order.

    Args:
        account: its customer's; an empty one for somebody unknown.
        total: what it comes to, before points; used: how many of these are to be used.
    Raises:
        InvalidInput: more is to be used than the order comes to.
        InsufficientBonus: more is to be used than the account has.
    """
    if used > total:
        message = "must not be more than orderTotal"
        raise InvalidInput(f"usedBonusAmount {message}", [FieldError("usedBonusAmount", message)])
    usable = min(account.usable(now_ms // 1_000), total)
    if used:
        accounts.hold(account, "quoted", used, now_ms // 1_000)
    accrual = earned(total, used, account, rules, ordered_at_ms=now_ms, now_ms=now_ms)
    return BonusQuote(accrual.points, usable, account.balance)
