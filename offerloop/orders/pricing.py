"""What an order costs: its lines at the catalogue's prices, less offers, then its code, then its points."""

from collections.abc import Iterator
from dataclasses import replace

from offerloop import money
from offerloop.bonuses.accounts import check_usable
from offerloop.bonuses.model import Account
from offerloop.codes.check_code import Judge, good_for
from offerloop.codes.model import Code, canonical
from offerloop.errors import (
    AmountMismatch,
    CategoryMismatch,
    FieldError,
    InvalidInput,
    NotSold,
    UnknownOffer,
)
from offerloop.offers.model import DiscountType
from offerloop.offers.track_event import check_redeemable
from offerloop.orders.model import MAX_LINES, MAX_QUANTITY, OrderLine, Product, ProductStatus
from offerloop.orders.ports import OrderStore, Shelf
from offerloop.record import record


@record(frozen=True, slots=True)
class RequestedLine:
    """One line as the client sends it.

    Attributes:
        price: what it believes a unit to cost, in minor units; None = it asks.
    """

    product_id: str
    quantity: int
    price: int | None
    offer_id: str | None = None


@record(frozen=True, slots=True)
class Basket:
    """What is to be priced.

    Attributes:
        promo_code: as the customer typed it, or None.
        use_bonus: points to pay with, >= 0.
        total: what the client believes the whole to cost, in minor units; None = it asks.
    """

    customer_id: str
    lines: tuple[RequestedLine, ...]
    promo_code: str | None = None
    use_bonus: int = 0
    total: int | None = None


@record(frozen=True, slots=True)
class Priced:
    """A basket with its prices.

    Attributes:
        lines: with their shares of code and points.
        code: the promo code that is used, or None.
        account: the customer's points; None where they were not asked for.
    """

    lines: tuple[OrderLine, ...]
    code: Code | None
    account: Account | None

    @property
    def goods(self) -> int:
        """What the lines cost, before code and points."""
        return sum(line.amount for line in self.lines)

    @property
    def code_discount(self) -> int:
        return sum(line.code_share for line in self.lines)

    @property
    def bonus_used(self) -> int:
        return sum(line.bonus_share for line in self.lines)

    @property
    def total(self) -> int:
        return sum(line.due for line in self.lines)


def check_form(basket: Basket) -> None:
    """Raises:
    InvalidInput: too few or too many lines, or units of one.
    """
    broken = [
        FieldError(f"items.{at}.quantity", f"must be 1..{MAX_QUANTITY}")
        for at, line in enumerate(basket.lines)
        if not 1 <= line.quantity <= MAX_QUANTITY
    ]
    if not 1 <= len(basket.lines) <= MAX_LINES:
        broken.append(FieldError("items", f"must be 1..{MAX_LINES} lines"))
    if basket.use_bonus < 0:
        broken.append(FieldError("useBonus", "must not be below 0"))
    if broken:
        raise InvalidInput("the order breaks a rule", broken)


def price(
    basket: Basket,
    store: OrderStore,
    now: int,
    currency: str,
    judge: Judge = good_for,
    *,
    with_account: bool = False,
) -> Priced:
    """Price a basket, and check every figure that the client sent.

    Args:
        with_account: whether to read the customer's points even when none are used.
    Raises:
        InvalidInput, NotSold, UnknownOffer, CategoryMismatch, AmountMismatch
        OutOfStock, OfferNotActive, OfferHasExpired, AlreadyRedeemed: an offer that cannot be used.
        CodeNotGood, InsufficientBonus
    """
    product_ids = {line.product_id for line in basket.lines}
    offer_ids = {line.offer_id for line in basket.lines if line.offer_id is not None}
    text = None if basket.promo_code is None else canonical(basket.promo_code)
    wants_account = with_account or bool(basket.use_bonus)
    shelf = store.shelf(basket.customer_id, product_ids, offer_ids, text, wants_account)
    _refuse_unknown(basket, shelf)
    _check_offers(basket, shelf, now)
    lines = tuple(_line(line, shelf) for line in basket.lines)
    code = None
    if basket.promo_code is not None:
        code = judge(shelf.code, basket.customer_id, currency, now)
    if shelf.account is not None:
        check_usable(shelf.account, basket.use_bonus, now)
    priced = Priced(_shared(lines, code, basket.use_bonus), code, shelf.account)
    wrong = list(_wrong_amounts(basket, priced))
    if wrong:
        raise AmountMismatch("prices and totals are the catalogue's", wrong)
    return priced


def _shared(lines: tuple[OrderLine, ...], code: Code | None, use_bonus: int) -> tuple[OrderLine, ...]:
    """The lines with their shares of what code and points take off.

    Raises:
        InvalidInput: more points than are left to pay.
    """
    if code is None and not use_bonus:
        return lines
    amounts = [line.amount for line in lines]
    off = 0 if code is None else min(code.amount, sum(amounts))
    code_shares = money.apportion(off, amounts)
    left = [amount - share for amount, share in zip(amounts, code_shares, strict=True)]
    if use_bonus > sum(left):
        message = f"at most {money.to_major(sum(left)):.2f} is left to pay"
        raise InvalidInput("more bonus than the order costs", [FieldError("useBonus", message)])
    bonus_shares = money.apportion(use_bonus, left)
    return tuple(
        replace(line, code_share=of_code, bonus_share=of_bonus)
        for line, of_code, of_bonus in zip(lines, code_shares, bonus_shares, strict=True)
    )


def _refuse_unknown(basket: Basket, shelf: Shelf) -> None:
    unknown = [
        FieldError(f"items.{at}.productId", f"no product {line.product_id!r} is sold")
        for at, line in enumerate(basket.lines)
        if not _is_sold(shelf.products.get(line.product_id))
    ]
    if unknown:
        raise NotSold("the order names a product that is not sold", unknown)


def _is_sold(product: Product | None) -> bool:
    return product is not None and product.status is ProductStatus.ACTIVE


def _check_offers(basket: Basket, shelf: Shelf, now: int) -> None:
    used: dict[str, int] = {}
    for line in basket.lines:
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


def _wrong_amounts(basket: Basket, priced: Priced) -> Iterator[FieldError]:
    for at, (requested, line) in enumerate(zip(basket.lines, priced.lines, strict=True)):
        if requested.price not in (None, line.unit_price):
            yield _wrong(f"items.{at}.price", line.unit_price, requested.price)
    if basket.total not in (None, priced.total):
        yield _wrong("totalAmount", priced.total, basket.total)


def _wrong(field: str, is_: int, sent: int | None) -> FieldError:
    return FieldError(field, f"is {money.to_major(is_):.2f}, not {money.to_major(sent or 0):.2f}")
