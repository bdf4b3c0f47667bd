"""What a completed order does to its customer's account: the points that it holds are used, and it earns."""

from offerloop.bonuses import accounts
from offerloop.bonuses.model import Account, Entry, OrderReward
from offerloop.bonuses.rules import AccrualRules, earned

Completed = tuple[Account, tuple[Entry, ...], OrderReward]


def complete_order(
    account: Account,
    order_id: str,
    paid: int,
    rules: AccrualRules,
    *,
    ordered_at_ms: int,
    now_ms: int,
) -> Completed:
    """Use up what an order holds, and earn, at once or when the return window ends.

    Where more orders are pending than an account can keep, it is at once: a refund takes back what was
    earned either way.

    Args:
        paid: what the order came to, less the points that it holds.
        ordered_at_ms: when it was placed.
    """
    lots = accounts.held_by(account, order_id)
    used = sum(lot.amount for lot in lots)
    account, posted = accounts.post(account, order_id, now_ms)

    total = paid + used
    accrual = earned(total, used, account, rules, ordered_at_ms=ordered_at_ms, now_ms=now_ms)
    points, ends_at = accrual.points, accrual.ends_at
    if accrual.due_at is None or accounts.is_full(account):
        account, issued = accounts.earn(account, order_id, points, ends_at, now_ms)
    else:
        account, issued = accounts.pend(account, order_id, points, accrual.due_at, ends_at, now_ms)

    reward = OrderReward(
        order_id=order_id,
        customer_id=account.customer_id,
        total=total,
        base=accrual.base,
        rate=accrual.rate,
        earned=points,
        used=used,
        used_lots=lots,
        ends_at=ends_at,
        balance=account.balance,
    )
    return account, posted + issued, reward
