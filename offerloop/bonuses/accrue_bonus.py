"""Let an order earn points on the word of the shop's server.

Orders that were placed here earn by themselves once they are completed; asked about one of these, this says
what it earned.
"""

from dataclasses import replace

from offerloop import money
from offerloop.bonuses import accounts
from offerloop.bonuses.complete_order import complete_order
from offerloop.bonuses.model import Account, OrderReward
from offerloop.bonuses.ports import AccountStep, BonusLedger, Report, nobody
from offerloop.bonuses.rules import AccrualRules
from offerloop.bonuses.settle_rewards import MAX_DECISIONS, settle_rewards
from offerloop.clock import Clock
from offerloop.errors import (
    AmountMismatch,
    Busy,
    FieldError,
    InvalidInput,
    OrderAlreadyAccrued,
    OrderNotOpen,
    UnknownOrder,
)
from offerloop.idempotency import Answer, IdempotentRequest, Stale, answered, recall
from offerloop.orders.model import PAID, Order
from offerloop.orders.ports import OrderStore
from offerloop.record import record


@record(frozen=True, slots=True)
class AccrueBonus:
    """What the shop says about a completed order.

    Attributes:
        total: what it came to, the points used included, >= 0.
        used: points that it was paid with.
        expected: what the shop thinks that it earns; None = it does not say.
        by_contact: the customer's id was made of a phone or an e-mail address; orders that were placed here
            may be under another.
    """

    order_id: str
    customer_id: str
    total: int
    used: int = 0
    expected: int | None = None
    by_contact: bool = False


@record(frozen=True, slots=True)
class Accruing:
    """Everything that accruing needs."""

    ledger: BonusLedger
    orders: OrderStore
    rules: AccrualRules
    clock: Clock
    report: Report = nobody


def accrue_bonus(
    command: AccrueBonus, accruing: Accruing, *, request: IdempotentRequest | None = None
) -> Answer:
    """Take the points that an order used from its customer's account, and add those that it earns: once.

    Returns:
        `{"success", "orderId", "bonusAmount", "usedBonusAmount", "balance"}`, in points; the balance is that
        of the moment at which the order was accounted for. The same figures get the same answer again.
    Raises:
        InvalidInput: more is used than the order came to.
        AmountMismatch: *expected*, or for an order placed here the other figures, are not what they are.
        InsufficientBonus: the account has not the points that were used.
        OrderAlreadyAccrued: by other figures, or for another customer.
        OrderNotOpen: the order was placed here and is not completed.
        IdempotencyKeyReused, Busy
    """
    if command.used > command.total:
        message = "must not be more than orderTotal"
        raise InvalidInput(f"usedBonusAmount {message}", [FieldError("usedBonusAmount", message)])
    ours = _placed_here(command.order_id, accruing.orders)
    for _ in range(MAX_DECISIONS):
        now_ms = accruing.clock.now_ms()
        remembered = recall(request, accruing.ledger, now_ms // 1_000)
        if remembered is not None:
            return remembered
        try:
            return _answer(_reward(command, ours, accruing, request, now_ms))
        except Stale:
            continue
    raise Busy("the account is being changed elsewhere")


def _reward(
    command: AccrueBonus,
    ours: Order | None,
    accruing: Accruing,
    request: IdempotentRequest | None,
    now_ms: int,
) -> OrderReward:
    """What the order earned, now or before; the answer is stored under the request's key.

    Raises:
        Stale, and what `accrue_bonus` says
    """
    if ours is not None:
        reward = _earned_by_itself(command, ours, accruing)
    else:
        # The account first: a twin that has used its points meanwhile has stored the reward as well.
        account = accruing.ledger.account(command.customer_id)
        stored = accruing.ledger.reward(command.order_id)
        if stored is None:
            step, reward = _step(command, account, accruing, now_ms)
            accruing.ledger.write(replace(step, answered=answered(request, _answer(reward), step.now)))
            accruing.report(step)
            return reward
        reward = _same(command, stored)
    now = now_ms // 1_000
    accruing.ledger.remember_answer(answered(request, _answer(reward), now), now)
    return reward


def _step(
    command: AccrueBonus, before: Account, accruing: Accruing, now_ms: int
) -> tuple[AccountStep, OrderReward]:
    account = before
    if command.used:
        account = accounts.hold(account, command.order_id, command.used, now_ms // 1_000)
    account, entries, reward = complete_order(
        account,
        command.order_id,
        command.total - command.used,
        accruing.rules,
        ordered_at_ms=now_ms,
        now_ms=now_ms,
    )
    _check_expected(command, reward.earned)
    after = replace(account, version=before.version + 1)
    return AccountStep(before, after, entries, now_ms // 1_000, reward=reward), reward


def _same(command: AccrueBonus, reward: OrderReward) -> OrderReward:
    """Raises:
    OrderAlreadyAccrued
    """
    asked = command.customer_id, command.total, command.used
    if asked != (reward.customer_id, reward.total, reward.used):
        raise OrderAlreadyAccrued("the order has earned its points by other figures, or for another customer")
    _check_expected(command, reward.earned)
    return reward


def _placed_here(order_id: str, orders: OrderStore) -> Order | None:
    try:
        return orders.get(order_id)
    except UnknownOrder:
        return None


def _earned_by_itself(command: AccrueBonus, order: Order, accruing: Accruing) -> OrderReward:
    """What an order that was placed here earned; the message that asks for it may still be on its way.

    Raises:
        OrderAlreadyAccrued, OrderNotOpen, AmountMismatch
    """
    if not command.by_contact and command.customer_id != order.customer_id:
        raise OrderAlreadyAccrued("the order was placed here for another customer")
    if order.status not in PAID:
        raise OrderNotOpen(f"the order is {order.status}; it earns when it is completed")
    settle_rewards(
        order, ledger=accruing.ledger, rules=accruing.rules, clock=accruing.clock, report=accruing.report
    )
    reward = accruing.ledger.reward(order.order_id)
    if reward is None:
        raise ValueError(f"order {order.order_id} is settled and has no reward")
    figures = {"orderTotal": (command.total, reward.total), "usedBonusAmount": (command.used, reward.used)}
    wrong = [
        FieldError(name, f"the order has {money.to_major(true):.2f}")
        for name, (told, true) in figures.items()
        if told != true
    ]
    if wrong:
        raise AmountMismatch("the order was placed here with other figures", wrong)
    _check_expected(command, reward.earned)
    return reward


def _check_expected(command: AccrueBonus, earned: int) -> None:
    """Raises:
    AmountMismatch
    """
    if command.expected is not None and command.expected != earned:
        message = f"the order earns {money.to_major(earned):.2f}"
        raise AmountMismatch(message, [FieldError("bonusAmount", message)])


def _answer(reward: OrderReward) -> Answer:
    return {
        "success": True,
        "orderId": reward.order_id,
        "bonusAmount": reward.earned,
        "usedBonusAmount": reward.used,
        "balance": reward.balance,
    }
