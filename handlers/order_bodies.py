"""The request bodies of the orders and products routes, and how orders and products look in answers."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from handlers.bodies import PLAIN, Category, Id, Name, Stock, decimal_number, iso
from handlers.rest import Body
from offerloop import money
from offerloop.orders.model import MAX_LINES, Address, Order, OrderLine, Product, Tracking, Transition
from offerloop.orders.place_order import PlaceOrder
from offerloop.orders.pricing import Basket, RequestedLine
from offerloop.orders.quote_order import Quote
from offerloop.orders.rate_order import HIGHEST_SCORE, LOWEST_SCORE, MAX_COMMENT_LENGTH, Rating
from offerloop.orders.refund_order import RefundedLine

# At most two decimals: whole cents inside. A JSON number; pydantic reads it without a float.
Amount = Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=2, strict=False)]
Price = Annotated[Decimal, Field(gt=0, le=10**7, decimal_places=2, strict=False)]
Quantity = Annotated[int, Field(gt=0, le=1_000)]
EMAIL_PATTERN = r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+\.[^@\s\x00-\x1f\x7f]+$"
Email = Annotated[str, StringConstraints(max_length=254, pattern=EMAIL_PATTERN)]
PromoCode = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]  # E.164


class AddressBody(Body):
    street: Name
    city: Name
    state: Annotated[str, StringConstraints(max_length=100, pattern=PLAIN)] = ""
    zipCode: Annotated[str, StringConstraints(min_length=1, max_length=20, pattern=PLAIN)]
    country: Annotated[str, StringConstraints(min_length=2, max_length=60, pattern=PLAIN)]

    def address(self) -> Address:
        return Address(self.street, self.city, self.state, self.zipCode, self.country)


class ItemBody(Body):
    productId: Id
    name: Name | None = None
    quantity: Quantity
    price: Price
    offerId: Id | None = None


class OrderBody(Body):
    customerId: Id
    items: Annotated[list[ItemBody], Field(min_length=1, max_length=MAX_LINES)]
    totalAmount: Amount
    customerEmail: Email
    shippingAddress: AddressBody
    customerPhone: Phone | None = None
    promoCode: PromoCode | None = None
    useBonus: Amount = Decimal(0)

    def command(self, customer_id: str) -> PlaceOrder:
        """The order, for the customer that the caller may act for."""
        return PlaceOrder(
            customer_id=customer_id,
            lines=tuple(
                RequestedLine(item.productId, item.quantity, money.to_minor(item.price), item.offerId)
                for item in self.items
            ),
            total=money.to_minor(self.totalAmount),
            email=self.customerEmail,
            address=self.shippingAddress.address(),
            phone=self.customerPhone,
            promo_code=self.promoCode,
            use_bonus=money.to_minor(self.useBonus),
        )


class QuotedItemBody(Body):
    productId: Id
    name: Name | None = None
    quantity: Quantity
    price: Price | None = None
    offerId: Id | None = None


class QuoteBody(Body):
    """An order as far as it costs something; prices and a total that are sent are checked."""

    customerId: Id
    items: Annotated[list[QuotedItemBody], Field(min_length=1, max_length=MAX_LINES)]
    totalAmount: Amount | None = None
    promoCode: PromoCode | None = None
    useBonus: Amount = Decimal(0)

    def basket(self, customer_id: str) -> Basket:
        """The basket, of the customer that the caller may act for."""
        return Basket(
            customer_id=customer_id,
            lines=tuple(
                RequestedLine(item.productId, item.quantity, _optional_minor(item.price), item.offerId)
                for item in self.items
            ),
            promo_code=self.promoCode,
            use_bonus=money.to_minor(self.useBonus),
            total=_optional_minor(self.totalAmount),
        )


def _optional_minor(amount: Decimal | None) -> int | None:
    return None if amount is None else money.to_minor(amount)


class RefundItemBody(Body):
    productId: Id
    quantity: Quantity


class RefundBody(Body):
    """No items = all that is left."""

    items: Annotated[tuple[RefundItemBody, ...], Field(max_length=MAX_LINES, strict=False)] = ()
    reason: Name = "refunded"

    def lines(self) -> list[RefundedLine]:
        return [RefundedLine(item.productId, item.quantity) for item in self.items]


class RatingBody(Body):
    rating: Annotated[int, Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)]
    comment: Annotated[str, StringConstraints(max_length=MAX_COMMENT_LENGTH, pattern=PLAIN)] | None = None


class PhoneBody(Body):
    phone: Phone


class CreateProductBody(Body):
    productId: Id
    name: Name
    category: Category
    price: Price
    stock: Stock

    def product(self) -> Product:
        return Product(
            product_id=self.productId,
            name=self.name,
            category=self.category,
            price=money.to_minor(self.price),
            inventory_count=self.stock,
            received_count=self.stock,
        )


class ChangeProductBody(Body):
    """Attributes that are left out stay."""

    name: Name = ""
    category: Category = ""
    price: Price = Decimal(1)
    status: Literal["ACTIVE", "DISCONTINUED"] = "ACTIVE"

    def changes(self) -> dict[str, str | int]:
        """Only what the client sent, by `Product` field name."""
        sent = self.model_dump(include=self.model_fields_set)
        return {
            name: money.to_minor(value) if isinstance(value, Decimal) else str(value)
            for name, value in sent.items()
        }


def product_json(product: Product) -> dict[str, object]:
    return {
        "productId": product.product_id,
        "name": product.name,
        "category": product.category,
        "price": decimal_number(product.price),
        "stock": product.inventory_count,
        "status": product.status.value,
    }


def stock_json(product: Product) -> dict[str, object]:
    """A product as the admin routes show it: with where its units are."""
    return product_json(product) | {
        "held": product.held_count,
        "sold": product.sold_count,
        "received": product.received_count,
    }


def order_json(order: Order) -> dict[str, object]:
    """An order as its list shows it."""
    return {
        "orderId": order.order_id,
        "customerId": order.customer_id,
        "status": order.status.value,
        "items": [_line_json(line) for line in order.lines],
        "totalAmount": decimal_number(order.total),
        "promoCode": order.promo_code,
        "codeDiscount": decimal_number(order.code_discount),
        "bonusUsed": decimal_number(order.bonus_used),
        "refundedAmount": decimal_number(order.refunded),
        "bonusReturned": decimal_number(order.bonus_returned),
        "currency": order.currency,
        "placedAt": iso(order.placed_at_ms),
        "updatedAt": iso(order.updated_at_ms),
        "reason": order.reason,
        "tracking": None if order.tracking is None else _tracking_json(order.tracking),
    }


def order_details(order: Order, history: list[Transition], rating: Rating | None) -> dict[str, object]:
    """One order with everything that its customer may know."""
    address = order.address
    return order_json(order) | {
        "customerEmail": order.email,
        "shippingAddress": {
            "street": address.street,
            "city": address.city,
            "state": address.state,
            "zipCode": address.zip_code,
            "country": address.country,
        },
        "history": [
            {"status": row.after.value, "at": iso(row.at_ms), "detail": row.detail} for row in history
        ],
        "rating": None if rating is None else rating_json(rating),
    }


def quote_json(quote: Quote, currency: str) -> dict[str, object]:
    """What an order would cost and earn."""
    priced = quote.priced
    return {
        "items": [_line_json(line) for line in priced.lines],
        "goodsAmount": decimal_number(priced.goods),
        "promoCode": None if priced.code is None else priced.code.code,
        "codeDiscount": decimal_number(priced.code_discount),
        "bonusUsed": decimal_number(priced.bonus_used),
        "totalAmount": decimal_number(priced.total),
        "currency": currency,
        "usableBonus": decimal_number(quote.usable_bonus),
        "earnedBonus": decimal_number(quote.earned),
    }


def rating_json(rating: Rating) -> dict[str, object]:
    return {"rating": rating.score, "comment": rating.comment, "ratedAt": iso(rating.at_ms)}


def _line_json(line: OrderLine) -> dict[str, object]:
    return {
        "productId": line.product_id,
        "name": line.name,
        "quantity": line.quantity,
        "price": decimal_number(line.unit_price),
        "discount": decimal_number(line.unit_discount),
        "offerId": line.offer_id,
        "codeShare": decimal_number(line.code_share),
        "bonusShare": decimal_number(line.bonus_share),
        "refunded": line.refunded,
    }


def _tracking_json(tracking: Tracking) -> dict[str, object]:
    return {
        "carrier": tracking.carrier,
        "number": tracking.number,
        "status": tracking.status,
        "updatedAt": iso(tracking.updated_at_ms),
    }
