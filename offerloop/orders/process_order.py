"""Carry an order from PENDING to COMPLETED or FAILED, one conditional transition after the other.

Safe to repeat from anywhere, and for two at once: each step is written only if the order still is what the
step was decided on, the payment service and the carrier are asked under the order's own id, and whoever
loses a step looks at the order again.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from offerloop.bonuses.accounts import hold
from offerloop.bonuses.model import Account
from offerloop.clock import Clock
from offerloop.codes.check_code import good_for
from offerloop.errors import Conflict, OutOfStock
from offerloop.offers.track_event import check_redeemable
from offerloop.orders import steps
from offerloop.orders.model import IN_PROGRESS, Order, OrderStatus, Product, ProductStatus, units_of
from offerloop.orders.ports import (
    Carrier,
    OrderStep,
    OrderStore,
    PaymentGateway,
    PaymentStatus,
    Report,
    StaleOrder,
    nobody,
)
from offerloop.record import record


@record(frozen=True, slots=True)
class Processing:
    """Everything that carrying an order on needs.

    Attributes:
        report: told of each transition right after it is stored.
    """

    store: OrderStore
    payments: PaymentGateway
    carrier: Carrier
    clock: Clock
    report: Report = nobody


def process_order(order_id: str, processing: Processing) -> Order:
    """Carry one order as far as it goes.

    Returns:
        The order, in progress no more.
    Raises:
        UnknownOrder
        PaymentUnavailable, CarrierUnavailable, Busy: the order stays where it is; try again later.
    """
    order = processing.store.get(order_id)
    while order.status in IN_PROGRESS:
        order = advance(order, processing)
    return order


def advance(order: Order, processing: Processing) -> Order:
    """Take one step of an order in progress.

    Returns:
        The order after it, or as somebody else left it meanwhile.
    Raises:
        see `process_order`.
    """
    try:
        step = _NEXT[order.status](order, processing)
        processing.store.write(step)
    except StaleOrder:
        return processing.store.get(order.order_id)
    except Conflict as refusal:  # stock, or an offer, that is not there, or went while the step was taken
        return fail_order(order, refusal.message, processing)
    processing.report(step)
    return step.after


def fail_order(order: Order, reason: str, processing: Processing) -> Order:
    """End an order in progress as FAILED.

    Returns:
        The order after it, or as somebody else left it meanwhile.
    """
    step = steps.ending(order, OrderStatus.FAILED, reason, processing.clock.now_ms())
    try:
        processing.store.write(step)
    except StaleOrder:
        return processing.store.get(order.order_id)
    processing.report(step)
    return step.after


def _validate(order: Order, processing: Processing) -> OrderStep:
    return steps.moving(order, OrderStatus.VALIDATING, processing.clock.now_ms())


def _check_sums(order: Order, processing: Processing) -> OrderStep:
    """Whether the order agrees with itself; who placed it saw to that, but other hands reach the table."""
    now_ms = processing.clock.now_ms()
    sums = (order.total, order.code_discount, order.bonus_used)
    is_wrong = sums != (
        sum(line.due for line in order.lines),
        sum(line.code_share for line in order.lines),
        sum(line.bonus_share for line in order.lines),
    )
    if is_wrong or not order.lines or any(figure < 0 for figure in _not_negative(order)):
        return steps.ending(order, OrderStatus.FAILED, "the order's amounts do not add up", now_ms)
    return steps.moving(order, OrderStatus.INVENTORY_CHECK, now_ms)


def _not_negative(order: Order) -> Iterator[int]:
    """What must not be below 0: units beyond the first of each line, and every part of what it costs."""
    for line in order.lines:
        yield line.quantity - 1
        yield line.unit_paid
        yield line.code_share
        yield line.bonus_share
        yield line.due


def _look_over(order: Order, store: OrderStore, now: int) -> tuple[dict[str, int], Account | None]:
    """Give how often a customer may redeem each offer of an order, and the account with its points held.

    Raises:
        OutOfStock, OfferNotActive, OfferHasExpired, AlreadyRedeemed, CodeNotGood, InsufficientBonus
    """
    units = units_of(order.lines, tuple(line.quantity for line in order.lines))
    offer_ids, uses_points = set(units.offers), bool(order.bonus_used)
    shelf = store.shelf(order.customer_id, set(units.products), offer_ids, order.promo_code, uses_points)
    for product_id, count in units.products.items():
        check_in_stock(shelf.products.get(product_id), product_id, count)
    for offer_id, count in units.offers.items():
        if offer_id not in shelf.offers:
            raise OutOfStock(f"{offer_id} is offered no more")
        offer, redeemed = shelf.offers[offer_id], shelf.redemptions.get(offer_id, 0)
        check_redeemable(offer, redeemed, offer.redemptions_per_user, now, units=count)
    if order.promo_code is not None:
        good_for(shelf.code, order.customer_id, order.currency, now)
    account = shelf.account
    if account is not None:
        held = hold(account, order.order_id, order.bonus_used, now)
        account = replace(held, version=account.version + 1)
    return {offer_id: shelf.offers[offer_id].redemptions_per_user for offer_id in units.offers}, account


def check_in_stock(product: Product | None, product_id: str, units: int) -> None:
    """Refuse a hold that cannot be; a store asks again when it takes the units.

    Raises:
        OutOfStock
    """
    if product is None or product.status is not ProductStatus.ACTIVE:
        raise OutOfStock(f"{product_id} is sold no more")
    if product.inventory_count < units:
        raise OutOfStock(f"{product_id} is out of stock: {units} ordered, {product.inventory_count} left")


def _take_holds(order: Order, processing: Processing) -> OrderStep:
    """Whether all that was ordered is still sold and still offered, and if so, take it."""
    now_ms = processing.clock.now_ms()
    limits, account = _look_over(order, processing.store, now_ms // 1_000)
    return steps.moving(
        order, OrderStatus.PAYMENT_PROCESSING, now_ms, "stock held", limits=limits, account=account
    )


def _pay(order: Order, processing: Processing) -> OrderStep:
    if order.total == 0:
        return steps.moving(order, OrderStatus.FULFILLMENT, processing.clock.now_ms(), "nothing to pay")
    payment = processing.payments.charge(order.order_id, order.total, order.currency)
    now_ms = processing.clock.now_ms()
    if payment.status is PaymentStatus.CAPTURED:
        return steps.moving(order, OrderStatus.FULFILLMENT, now_ms, "paid")
    reason = f"payment {payment.status.lower()}" + (f": {payment.reason}" if payment.reason else "")
    return steps.ending(order, OrderStatus.FAILED, reason, now_ms)


def _ship(order: Order, processing: Processing) -> OrderStep:
    tracking = processing.carrier.book(order, processing.clock.now_ms())
    now_ms = processing.clock.now_ms()
    return steps.moving(order, OrderStatus.COMPLETED, now_ms, "handed to the carrier", tracking=tracking)


_NEXT: dict[OrderStatus, Callable[[Order, Processing], OrderStep]] = {
    OrderStatus.PENDING: _validate,
    OrderStatus.VALIDATING: _check_sums,
    OrderStatus.INVENTORY_CHECK: _take_holds,
    OrderStatus.PAYMENT_PROCESSING: _pay,
    OrderStatus.FULFILLMENT: _ship,
}
