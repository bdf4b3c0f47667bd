"""Make what a customer earned and used agree with an order as it stands."""

from dataclasses import replace

from offerloop.bonuses import accounts
from offerloop.bonuses.complete_order import Completed, complete_order
from offerloop.bonuses.model import Account, Entry, OrderReward
from offerloop.bonuses.ports import AccountStep, BonusLedger, Report, StaleAccount, nobody
from offerloop.bonuses.rules import GRACE_DAYS, AccrualRules, end_of_day
from offerloop.clock import Clock
from offerloop.errors import Busy
from offerloop.orders.model import PAID, Order, OrderStatus

MAX_DECISIONS = 8
_NONE: tuple[Entry, ...] = ()


def settle_rewards(
    order: Order, *, ledger: BonusLedger, rules: AccrualRules, clock: Clock, report: Report = nobody
) -> AccountStep | None:
    """Write what is still to be written about an order: nothing when repeated, or told of an earlier state.

    A completed order uses up the points that it holds and earns its own, once. A refund takes back what the
    refunded share of its base earned, in whole points rounded down, the rest with the last refund, and gives
    back the points that the order says were returned. An order that failed or was cancelled holds none.

    Returns:
        What was written, or None.
    Raises:
        Busy: others kept changing the same account.
    """
    for _ in range(MAX_DECISIONS):
        reward = ledger.reward(order.order_id)
        account = ledger.account(order.customer_id)
        step = _step(order, account, reward, rules, clock.now_ms())
        if step is None:
            return None
        try:
            ledger.write(step)
        except StaleAccount:
            continue
        report(step)
        return step
    raise Busy("the account is being changed elsewhere")


def _step(
    order: Order, account: Account, stored: OrderReward | None, rules: AccrualRules, now_ms: int
) -> AccountStep | None:
    if order.status in (OrderStatus.FAILED, OrderStatus.CANCELLED):
        return _changed(account, accounts.release(account, order.order_id), _NONE, None, now_ms)
    if order.status not in PAID:
        return None
    # Points that have ended are not there to be taken back, and those that are due are, swept or not.
    swept, matured = accounts.mature(account, now_ms)
    swept, expired = accounts.expire(swept, now_ms)
    after, entries, reward = swept, matured + expired, stored
    if reward is None:
        after, completed, reward = complete_order(
            swept, order.order_id, order.total, rules, ordered_at_ms=order.placed_at_ms, now_ms=now_ms
        )
        entries += completed
    refunded: OrderReward | None
    after, corrected, refunded = _refund(order, after, reward, rules, now_ms)
    if stored is not None:
        refunded = None if refunded == stored else replace(refunded, version=stored.version + 1)
    if after == swept and refunded is None:
        return None
    return _changed(account, after, entries + corrected, refunded, now_ms)


def _changed(
    before: Account, after: Account, entries: tuple[Entry, ...], reward: OrderReward | None, now_ms: int
) -> AccountStep | None:
    if after == before and reward is None:
        return None
    after = replace(after, version=before.version + 1)
    return AccountStep(before, after, entries, now_ms // 1_000, reward=reward)


def _refund(
    order: Order, account: Account, reward: OrderReward, rules: AccrualRules, now_ms: int
) -> Completed:
    """Give back, and take back, what refunds ask for beyond what was done already."""
    back = max(0, min(order.bonus_returned, reward.used) - reward.given_back)
    lost = max(0, _lost(order, reward) - reward.clawed_back)
    _, not_given_back = accounts.split_lots(reward.used_lots, reward.given_back)
    lots, _ = accounts.split_lots(not_given_back, back)
    earliest_end = end_of_day(now_ms // 1_000, GRACE_DAYS, rules.zone)
    account, given = accounts.give_back(account, order.order_id, lots, earliest_end, now_ms)
    account, taken = accounts.claw_back(account, order.order_id, lost, reward.ends_at, now_ms)
    reward = replace(reward, given_back=reward.given_back + back, clawed_back=reward.clawed_back + lost)
    return account, given + taken, reward


def _lost(order: Order, reward: OrderReward) -> int:
    """Points that all refunds of an order so far take from what it earned."""
    if order.status is OrderStatus.REFUNDED:
        return reward.earned
    points_count = reward.base == reward.total
    refunded = order.refunded + (order.bonus_returned if points_count else 0)
    return reward.earned * min(refunded, reward.base) // reward.base if reward.base else 0
