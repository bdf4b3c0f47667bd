"""The till as a shopper or a recording sees it: products, orders and what becomes of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from offerloop.orders.model import Address, OrderStatus
from offerloop.orders.pricing import discount_on
from offerloop.orders.refund_order import RefundedLine
from simulator.shoppers.shop import Refused, Shop, ShownOffer

ADDRESS = Address("1 Test Street", "Testing", "", "00000", "XX")  # of everybody who orders


def email_of(customer_id: str) -> str:
    """An address that reaches nobody: .test is reserved for what does not exist (RFC 2606)."""
    return f"{customer_id}@shoppers.test"


class SoldProduct(Protocol):
    """What a shopper knows of a product; `offerloop`'s own `Product` is one too.

    Attributes:
        category: of the offers that may be used on it.
        price: of a unit, in minor units of the shop's currency, > 0.
    """

    @property
    def product_id(self) -> str: ...
    @property
    def category(self) -> str: ...
    @property
    def price(self) -> int: ...


@dataclass(frozen=True, slots=True)
class ListedProduct:
    """`SoldProduct`, as read from an answer of the API."""

    product_id: str
    category: str
    price: int


@dataclass(frozen=True, slots=True)
class BasketLine:
    """Units (> 0) of one product, each with the offer's discount where there is one."""

    product: SoldProduct
    quantity: int
    offer: ShownOffer | None = None

    @property
    def amount(self) -> int:
        """What the line costs, in minor units."""
        price = self.product.price
        if self.offer is not None:
            price -= discount_on(price, self.offer.discount_type, self.offer.discount_hundredths)
        return price * self.quantity


@dataclass(frozen=True, slots=True)
class ClaimedCode:
    """A promo code that somebody has, and what it takes off an order, in minor units."""

    code: str
    amount: int


@dataclass(frozen=True, slots=True)
class Checkout:
    """A basket on its way to the till.

    Attributes:
        lines: at least one.
        phone: for messages, or None.
        code: the promo code that is used, or None.
        use_bonus: points to pay with, at most what is left to pay.
    """

    customer_id: str
    lines: tuple[BasketLine, ...]
    phone: str | None = None
    code: ClaimedCode | None = None
    use_bonus: int = 0

    @property
    def goods(self) -> int:
        """What the lines cost, in minor units."""
        return sum([line.amount for line in self.lines])

    @property
    def code_discount(self) -> int:
        """What the code takes off, in minor units."""
        return 0 if self.code is None else min(self.code.amount, self.goods)

    @property
    def total(self) -> int:
        """What is to be paid, in minor units."""
        return self.goods - self.code_discount - self.use_bonus

    @property
    def units(self) -> int:
        return sum([line.quantity for line in self.lines])


@dataclass(frozen=True, slots=True)
class OrderState:
    """Where an order is; *reason* says why it failed or was cancelled."""

    status: OrderStatus
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class OrderNews:
    """A page of a customer's orders, by id; *cursor* leads to the next, None = the last page."""

    orders: Mapping[str, OrderState]
    cursor: str | None = None


class Till(Shop, Protocol):
    """A shop that takes orders; calls may come from several threads."""

    def products(self) -> Sequence[SoldProduct] | Refused:
        """Everything that is sold."""

    def check_out(self, checkout: Checkout, key: str | None = None) -> str | Refused:
        """Place an order; returns its id.

        Args:
            key: idempotency key; the same key has its effect once. None leaves the choice to the shop.
        """

    def order_status(self, order_id: str) -> OrderStatus | Refused:
        """Ask where an order is."""

    def cancel(self, order_id: str) -> Refused | None:
        """Call an order off; None = cancelled."""

    def refund(
        self, order_id: str, lines: Sequence[RefundedLine] = (), key: str | None = None
    ) -> Refused | None:
        """Give back some units, or everything that is left when no line is named; None = done."""

    def claim_code(self, customer_id: str, pool_id: str, key: str | None = None) -> ClaimedCode | Refused:
        """Take a promo code out of a pool, for one customer alone."""

    def usable_points(self, customer_id: str) -> int | Refused:
        """Ask how many points a customer can pay with."""
