"""Accept an order: its lines at the catalogue's prices, its total recomputed, PENDING.

The order, its first history row, the message that sets the processor to work, the customer's notice and the
answer to the request are written in one transaction. No stock is taken yet.
"""

from collections.abc import Iterator

from offerloop import money
from offerloop.clock import Clock, Ids
from offerloop.errors import (
    AmountMismatch,
    Busy,
    CategoryMismatch,
    FieldError,
    InvalidInput,
    NotSold,
    UnknownOffer,
)
from offerloop.idempotency import Answer, IdempotentRequest, answered, recall
from offerloop.offers.model import DiscountType
from offerloop.offers.track_event import check_redeemable
from offerloop.orders import steps
from offerloop.orders.model import (
    MAX_LINES,
    MAX_QUANTITY,
    Address,
    Order,
    OrderLine,
    OrderStatus,
    Product,
    ProductStatus,
)
from offerloop.orders.ports import OrderStore, Report, Shelf, StaleOrder, nobody
from offerloop.record import record

MAX_DECISIONS = 4  # twins of one request are answered by the second look; nothing else makes a placing stale


@record(frozen=True, slots=True)
class RequestedLine:
    """One line as the client sends it; *price* is what it believes a unit to cost, in minor units."""

    product_id: str
    quantity: int
    price: int
    offer_id: str | None = None


@record(frozen=True, slots=True)
class PlaceOrder:
    """The command.

    Attributes:
        total: what the client believes the whole to cost, in minor units.
        promo_code, use_bonus: refused until a system stands behind them.
    """

    customer_id: str
    lines: tuple[RequestedLine, ...]
    total: int
    email: str
    address: Address
    phone: str | None = None
    promo_code: str | None = None
    use_bonus: int = 0


def place_order(
    command: PlaceOrder,
    *,
    store: OrderStore,
    clock: Clock,
    ids: Ids,
    currency: str,
    request: IdempotentRequest | None = None,
    report: Report = nobody,
) -> Answer:
    """Store and announce one order.

    Args:
        report: told of an order that is new.
    Returns:
        `{"orderId", "status", "totalAmount", "currency"}`, the amount in minor units; the earlier answer
        when *request* was answered before.
    Raises:
        InvalidInput, NotSold, UnknownOffer, CategoryMismatch, AmountMismatch: nothing was stored.
        OutOfStock, OfferNotActive, OfferHasExpired, AlreadyRedeemed: an offer that cannot be used.
        IdempotencyKeyReused, Busy
    """
    _check_form(command)
    for _ in range(MAX_DECISIONS):
        now_ms = clock.now_ms()
        remembered = recall(request, store, now_ms // 1_000)
        if remembered is not None:
            return remembered
        lines = price(command, store, now_ms // 1_000)
        order = _order(command, lines, ids.new_id(), currency, now_ms)
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


def _check_form(command: PlaceOrder) -> None:
    broken = [
        FieldError(f"items.{at}.quantity", f"must be 1..{MAX_QUANTITY}")
        for at, line in enumerate(command.lines)
        if not 1 <= line.quantity <= MAX_QUANTITY
    ]
    if not 1 <= len(command.lines) <= MAX_LINES:
        broken.append(FieldError("items", f"must be 1..{MAX_LINES} lines"))
    if command.promo_code is not None:
        broken.append(FieldError("promoCode", "promo codes are not taken here yet"))
    if command.use_bonus:
        broken.append(FieldError("useBonus", "bonus points are not taken here yet"))
    if broken:
        raise InvalidInput("the order breaks a rule", broken)


def price(command: PlaceOrder, store: OrderStore, now: int) -> tuple[OrderLine, ...]:
    """The lines at the catalogue's prices, with what their offers take off.

    Raises:
        see `place_order`.
    """
    product_ids = {line.product_id for line in command.lines}
    offer_ids = {line.offer_id for line in command.lines if line.offer_id is not None}
    shelf = store.shelf(command.customer_id, product_ids, offer_ids)
    _refuse_unknown(command, shelf)
    _check_offers(command, shelf, now)
    lines = tuple(_line(line, shelf) for line in command.lines)
    wrong = list(_wrong_amounts(command, lines))
    if wrong:
        raise AmountMismatch("prices and totals are the catalogue's", wrong)
    return lines


def _refuse_unknown(command: PlaceOrder, shelf: Shelf) -> None:
    unknown = [
        FieldError(f"items.{at}.productId", f"no product {line.product_id!r} is sold")
        for at, line in enumerate(command.lines)
        if not _is_sold(shelf.products.get(line.product_id))
    ]
    if unknown:
        raise NotSold("the order names a product that is not sold", unknown)


def _is_sold(product: Product | None) -> bool:
    return product is not None and product.status is ProductStatus.ACTIVE


def _check_offers(command: PlaceOrder, shelf: Shelf, now: int) -> None:
    used: dict[str, int] = {}
    for line in command.lines:
        if line.offer_id is None:
            continue
        offer, product = shelf.offers.get(line.offer_id), shelf.products[line.product_id]
        if offer is None:
            raise UnknownOffer(f"no offer has the id {line.offer_id!r}")
        if offer.category != product.category:
            raise CategoryMismatch(
                f"{offer.offer_id} is for {offer.category!r}, {product.product_id} is of {product.category!r}"
            )
        used[offer.offer_id] = used.get(offer.offer_id, 0) + line.quantity
        check_redeemable(
            offer,
            shelf.redemptions.get(offer.offer_id, 0),
            offer.redemptions_per_user,
            now,
            units=used[offer.offer_id],
        )


def _line(requested: RequestedLine, shelf: Shelf) -> OrderLine:
    product = shelf.products[requested.product_id]
    offer = shelf.offers[requested.offer_id] if requested.offer_id is not None else None
    return OrderLine(
        product_id=product.product_id,
        name=product.name,
        quantity=requested.quantity,
        unit_price=product.price,
        offer_id=requested.offer_id,
        unit_discount=(
            0 if offer is None else discount_on(product.price, offer.discount_type, offer.discount_hundredths)
        ),
    )


def discount_on(unit_price: int, discount_type: DiscountType, hundredths: int) -> int:
    """What an offer takes off one unit, never more than its price; halves of a cent are rounded up."""
    if discount_type is DiscountType.PERCENTAGE:
        return money.percentage_of(unit_price, hundredths)
    return min(unit_price, hundredths)


def _wrong_amounts(command: PlaceOrder, lines: tuple[OrderLine, ...]) -> Iterator[FieldError]:
    for at, (requested, line) in enumerate(zip(command.lines, lines, strict=True)):
        if requested.price != line.unit_price:
            yield _wrong(f"items.{at}.price", line.unit_price, requested.price)
    total = sum(line.amount for line in lines)
    if command.total != total:
        yield _wrong("totalAmount", total, command.total)


def _wrong(field: str, is_: int, sent: int) -> FieldError:
    return FieldError(field, f"is {money.to_major(is_):.2f}, not {money.to_major(sent):.2f}")


def _order(
    command: PlaceOrder, lines: tuple[OrderLine, ...], order_id: str, currency: str, now_ms: int
) -> Order:
    return Order(
        order_id=order_id,
        customer_id=command.customer_id,
        lines=lines,
        total=sum(line.amount for line in lines),
        currency=currency,
        email=command.email,
        address=command.address,
        placed_at_ms=now_ms,
        updated_at_ms=now_ms,
        phone=command.phone,
        status=OrderStatus.PENDING,
    )
