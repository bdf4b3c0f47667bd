"""Say what an order would cost and earn, without placing it."""

from offerloop.bonuses.model import Account
from offerloop.bonuses.rules import AccrualRules, earned
from offerloop.clock import Clock
from offerloop.codes.check_code import Judge, good_for
from offerloop.orders.ports import OrderStore
from offerloop.orders.pricing import Basket, Priced, check_form, price
from offerloop.record import record


@record(frozen=True, slots=True)
class Quote:
    """What a basket costs and earns, as things stand.

    Attributes:
        usable_bonus: points that the customer can use, whatever the basket costs.
        earned: points for the completed order.
    """

    priced: Priced
    usable_bonus: int
    earned: int


def quote_order(
    basket: Basket,
    *,
    store: OrderStore,
    clock: Clock,
    currency: str,
    rules: AccrualRules,
    judge: Judge = good_for,
) -> Quote:
    """Price a basket with its customer's points; nothing is stored or held.

    Raises:
        see `place_order`.
    """
    check_form(basket)
    now_ms = clock.now_ms()
    priced = price(basket, store, now_ms // 1_000, currency, judge, with_account=True)
    account = priced.account or Account(basket.customer_id)
    accrual = earned(
        priced.total + priced.bonus_used,
        priced.bonus_used,
        account,
        rules,
        ordered_at_ms=now_ms,
        now_ms=now_ms,
    )
    return Quote(priced, account.usable(now_ms // 1_000), accrual.points)
