"""What the orders system talks about: products, orders, their transitions, payments and shipments.

Units: money in minor units of the deployment's currency (cents); time is UTC in milliseconds since 1970
(`*_at_ms`) or whole seconds (`*_at`); stock is in units.
"""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from offerloop.record import record

MAX_LINES = 20  # two stocks and a redemption count, or a message, each: 60 of a transaction's 100 actions
MAX_QUANTITY = 1_000


class ProductStatus(StrEnum):
    ACTIVE = "ACTIVE"
    DISCONTINUED = "DISCONTINUED"


@record(frozen=True, slots=True)
class Product:
    """One product as it stands in the table `Products`.

    Attributes:
        category: an offer of the same category may be used on it.
        price: > 0.
        inventory_count: units that are free, >= 0.
        held_count: units that open orders hold; sold_count: units of completed orders, less returns.
        received_count: units ever put in stock; free + held + sold.
    """

    product_id: str
    name: str
    category: str
    price: int
    inventory_count: int
    status: ProductStatus = ProductStatus.ACTIVE
    held_count: int = 0
    sold_count: int = 0
    received_count: int = 0


class OrderStatus(StrEnum):
    PENDING = "PENDING"
    VALIDATING = "VALIDATING"
    INVENTORY_CHECK = "INVENTORY_CHECK"
    PAYMENT_PROCESSING = "PAYMENT_PROCESSING"
    FULFILLMENT = "FULFILLMENT"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"


_S = OrderStatus
_ENDS_EARLY = frozenset({_S.FAILED, _S.CANCELLED})

# Every step that an order may take; whatever else a history shows is a breach.
TRANSITIONS: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    _S.PENDING: frozenset({_S.VALIDATING}) | _ENDS_EARLY,
    _S.VALIDATING: frozenset({_S.INVENTORY_CHECK}) | _ENDS_EARLY,
    _S.INVENTORY_CHECK: frozenset({_S.PAYMENT_PROCESSING}) | _ENDS_EARLY,
    _S.PAYMENT_PROCESSING: frozenset({_S.FULFILLMENT}) | _ENDS_EARLY,
    _S.FULFILLMENT: frozenset({_S.COMPLETED}) | _ENDS_EARLY,
    _S.COMPLETED: frozenset({_S.PARTIALLY_REFUNDED, _S.REFUNDED}),
    _S.PARTIALLY_REFUNDED: frozenset({_S.PARTIALLY_REFUNDED, _S.REFUNDED}),
    _S.FAILED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.REFUNDED: frozenset(),
}
HOLDING = frozenset({_S.PAYMENT_PROCESSING, _S.FULFILLMENT})
IN_PROGRESS = HOLDING | {_S.PENDING, _S.VALIDATING, _S.INVENTORY_CHECK}
PAID = frozenset({_S.COMPLETED, _S.PARTIALLY_REFUNDED, _S.REFUNDED})


class StockMove(StrEnum):
    """What a transition does to the stock of an order's lines."""

    HOLD = "HOLD"  # free -> held
    POST = "POST"  # held -> sold
    VOID = "VOID"  # held -> free
    RETURN = "RETURN"  # sold -> free


@record(frozen=True, slots=True)
class CountChange:
    """By how much the counts of a product or an offer change, for each unit.

    Attributes:
        free: of inventory_count; held: of held_count.
        gone: of a product's sold_count, of an offer's redeemed_count.
    """

    free: int
    held: int
    gone: int


MOVES: Mapping[StockMove, CountChange] = {
    StockMove.HOLD: CountChange(free=-1, held=+1, gone=0),
    StockMove.POST: CountChange(free=0, held=-1, gone=+1),
    StockMove.VOID: CountChange(free=+1, held=-1, gone=0),
    StockMove.RETURN: CountChange(free=+1, held=0, gone=-1),
}


def stock_move(before: OrderStatus, after: OrderStatus) -> StockMove | None:
    """Give what a legal transition does to stock; None = nothing.

    The order's row is the hold: an order holds its units exactly while its status is in HOLDING, so nothing
    can be held, posted or given back twice.
    """
    if after in HOLDING and before not in HOLDING:
        return StockMove.HOLD
    if before in HOLDING and after in PAID:
        return StockMove.POST
    if before in HOLDING and after in _ENDS_EARLY:
        return StockMove.VOID
    return StockMove.RETURN if before in PAID else None


@record(frozen=True, slots=True)
class OrderLine:
    """Some units of one product.

    Attributes:
        name, unit_price: as the catalogue had them when the order was placed.
        offer_id: the offer that each unit redeems, or None.
        unit_discount: what the offer takes off each unit, 0..unit_price.
        refunded: units given back, 0..quantity.
        code_share, bonus_share: what a promo code and bonus points take off the whole line.
    """

    product_id: str
    name: str
    quantity: int
    unit_price: int
    offer_id: str | None = None
    unit_discount: int = 0
    refunded: int = 0
    code_share: int = 0
    bonus_share: int = 0

    @property
    def unit_paid(self) -> int:
        return self.unit_price - self.unit_discount

    @property
    def amount(self) -> int:
        return self.unit_paid * self.quantity


@record(frozen=True, slots=True)
class Address:
    street: str
    city: str
    state: str
    zip_code: str
    country: str


@record(frozen=True, slots=True)
class Tracking:
    """Where a shipment is, as its carrier says."""

    carrier: str
    number: str
    status: str
    updated_at_ms: int


@record(frozen=True, slots=True)
class Order:
    """One order as it stands in the table `Orders`.

    Attributes:
        total: what the customer pays: the lines' amounts.
        version: how many transitions it has had, its placing included; the number of its history rows.
        hold_until: epoch seconds at which its holds are released, or None while it holds nothing.
        reason: why it FAILED or was CANCELLED, in words for the customer.
        refunded: what was given back of *total*.
        promo_code, code_discount: a code that was used, and what it takes off.
        bonus_used: points paid with; they are no part of *total*.
        bonus_returned: of these, what refunds gave back so far.
    """

    order_id: str
    customer_id: str
    lines: tuple[OrderLine, ...]
    total: int
    currency: str
    email: str
    address: Address
    placed_at_ms: int
    updated_at_ms: int
    phone: str | None = None
    status: OrderStatus = OrderStatus.PENDING
    version: int = 1
    hold_until: int | None = None
    reason: str | None = None
    tracking: Tracking | None = None
    refunded: int = 0
    promo_code: str | None = None
    code_discount: int = 0
    bonus_used: int = 0
    bonus_returned: int = 0

    @property
    def units(self) -> int:
        return sum(line.quantity for line in self.lines)


@record(frozen=True, slots=True)
class Transition:
    """One row of an order's history.

    Attributes:
        number: 1 for the placing, then one more each.
        before: None for the placing.
        detail: what happened, in words.
    """

    order_id: str
    number: int
    before: OrderStatus | None
    after: OrderStatus
    at_ms: int
    detail: str = ""


@record(frozen=True, slots=True)
class Units:
    """Units of an order by what they are taken from.

    Attributes:
        products: by product id.
        offers: by offer id; each unit is also a redemption of the order's customer.
    """

    products: Mapping[str, int]
    offers: Mapping[str, int]


def units_of(lines: tuple[OrderLine, ...], counts: tuple[int, ...]) -> Units:
    """Sum up units by product and by offer.

    Args:
        counts: units of each line.
    """
    products: Counter[str] = Counter()
    offers: Counter[str] = Counter()
    for line, count in zip(lines, counts, strict=True):
        if count:
            products[line.product_id] += count
            if line.offer_id is not None:
                offers[line.offer_id] += count
    return Units(products, offers)
