"""Accept an order: its lines at the catalogue's prices, its total recomputed, PENDING.

The order, its first history row, the message that sets the processor to work, the customer's notice and the
answer to the request are written in one transaction. No stock is taken yet.
"""

from offerloop.clock import Clock, Ids
from offerloop.codes.check_code import Judge, good_for
from offerloop.errors import Busy
from offerloop.idempotency import Answer, IdempotentRequest, answered, recall
from offerloop.orders import steps
from offerloop.orders.model import Address, Order, OrderStatus
from offerloop.orders.ports import OrderStore, Report, StaleOrder, nobody
from offerloop.orders.pricing import Basket, Priced, RequestedLine, check_form, price
from offerloop.record import record

MAX_DECISIONS = 4  # twins of one request are answered by the second look; nothing else makes a placing stale


@record(frozen=True, slots=True)
class PlaceOrder:
    """The command.

    Attributes:
        total: what the client believes the whole to cost, in minor units.
        promo_code: as the customer typed it; use_bonus: points to pay with, >= 0.
    """

    customer_id: str
    lines: tuple[RequestedLine, ...]
    total: int
    email: str
    address: Address
    phone: str | None = None
    promo_code: str | None = None
    use_bonus: int = 0

    @property
    def basket(self) -> Basket:
        return Basket(self.customer_id, self.lines, self.promo_code, self.use_bonus, self.total)


def place_order(
    command: PlaceOrder,
    *,
    store: OrderStore,
    clock: Clock,
    ids: Ids,
    currency: str,
    judge: Judge = good_for,
    request: IdempotentRequest | None = None,
    report: Report = nobody,
) -> Answer:
    """Store and announce one order.

    Args:
        judge: says whether the customer may use a promo code.
        report: told of an order that is new.
    Returns:
        `{"orderId", "status", "totalAmount", "currency"}`, the amount in minor units; the earlier answer
        when *request* was answered before.
    Raises:
        InvalidInput, NotSold, UnknownOffer, CategoryMismatch, AmountMismatch: nothing was stored.
        OutOfStock, OfferNotActive, OfferHasExpired, AlreadyRedeemed: an offer that cannot be used.
        CodeNotGood, InsufficientBonus: as things stand; code and points are held with the stock.
        IdempotencyKeyReused, Busy
    """
    basket = command.basket
    check_form(basket)
    for _ in range(MAX_DECISIONS):
        now_ms = clock.now_ms()
        remembered = recall(request, store, now_ms // 1_000)
        if remembered is not None:
            return remembered
        priced = price(basket, store, now_ms // 1_000, currency, judge)
        order = _order(command, priced, ids.new_id(), currency, now_ms)
        answer: Answer = {
            "orderId": order.order_id,
            "status": order.status.value,
            "totalAmount": order.total,
            "currency": currency,
        }
        step = steps.placing(order, answered(request, answer, now_ms // 1_000))
        try:
            store.write(step)
        except StaleOrder:
            continue
        report(step)
        return answer
    raise Busy("the same request is being answered elsewhere")


def _order(command: PlaceOrder, priced: Priced, order_id: str, currency: str, now_ms: int) -> Order:
    return Order(
        order_id=order_id,
        customer_id=command.customer_id,
        lines=priced.lines,
        total=priced.total,
        currency=currency,
        email=command.email,
        address=command.address,
        placed_at_ms=now_ms,
        updated_at_ms=now_ms,
        phone=command.phone,
        status=OrderStatus.PENDING,
        promo_code=None if priced.code is None else priced.code.code,
        code_discount=priced.code_discount,
        bonus_used=priced.bonus_used,
    )
