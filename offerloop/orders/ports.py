"""What the orders system needs from the world. Every port has one contract suite, run on each adapter."""

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from offerloop.bonuses.model import Account
from offerloop.codes.model import Code
from offerloop.idempotency import AnsweredRequest, IdempotencyStore, Stale
from offerloop.offers.model import Offer
from offerloop.orders.model import Order, Product, StockMove, Tracking, Transition, Units
from offerloop.outbox import Message
from offerloop.record import record

# -- catalogue ---------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class ProductPage:
    """One page of products; *cursor* is None on the last."""

    products: tuple[Product, ...]
    cursor: str | None


class ProductStore(IdempotencyStore, Protocol):
    def get(self, product_id: str) -> Product:
        """One product, strongly consistent.

        Raises:
            UnknownProduct
        """

    def page(self, limit: int, cursor: str | None) -> ProductPage:
        """Up to *limit* products in the table's own order.

        Raises:
            InvalidInput: the cursor is not one of ours.
        """

    def create(self, product: Product, answered: AnsweredRequest | None) -> None:
        """Raises:
        ProductExists
        StaleOrder: the Idempotency-Key was just answered by a concurrent twin.
        """

    def change(self, product_id: str, changes: Mapping[str, str | int]) -> Product:
        """Set attributes by their `Product` field name, never the counts; returns the product as changed.

        Raises:
            UnknownProduct
        """

    def restock(self, product_id: str, units: int, answered: AnsweredRequest | None) -> None:
        """Add units (> 0) to inventory_count and to received_count atomically.

        Raises:
            UnknownProduct, StaleOrder
        """


# -- orders ------------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Shelf:
    """What the lines of an order are judged by; strongly consistent.

    Attributes:
        products, offers: by id, those that exist.
        redemptions: how often the customer has redeemed each of the offers, held units included.
        code: the promo code that was asked for; None for one that no pool has ever seen.
        account: the customer's points; None where they were not asked for.
    """

    products: Mapping[str, Product]
    offers: Mapping[str, Offer]
    redemptions: Mapping[str, int]
    code: Code | None = None
    account: Account | None = None


@record(frozen=True, slots=True)
class OrderStep:
    """One transition of an order with everything that changes because of it; stored as a whole or not at all.

    Attributes:
        before: None for the placing; the write fails when the stored order's version is not that of *before*.
        move, units: what is moved between the stocks of products and offers; None = nothing.
        limits: with HOLD, how often one customer may redeem each offer; 0 = no limit.
        now: epoch seconds; with HOLD, every offer must be ACTIVE and not have ended by then, and the code
            must be given out, to nobody or to the order's customer, and not have ended.
        code_move: what happens to the order's promo code; None = nothing. An order holds and uses no code
            but its own.
        account: with HOLD, the customer's account with the points held; its version is one more than the
            stored one's. What becomes of them later is the bonus ledger's business.
    """

    before: Order | None
    after: Order
    transition: Transition
    messages: tuple[Message, ...]
    now: int
    move: StockMove | None = None
    units: Units | None = None
    limits: Mapping[str, int] | None = None
    answered: AnsweredRequest | None = None
    code_move: StockMove | None = None
    account: Account | None = None


Report = Callable[[OrderStep], None]  # told of a transition right after it is stored


def nobody(_: OrderStep) -> None:
    """A `Report` to nobody."""


class StaleOrder(Stale):
    """The order, or the answer to the request, is not what it was when it was read."""


@record(frozen=True, slots=True)
class OrderPage:
    """One page of orders; *cursor* is None on the last."""

    orders: tuple[Order, ...]
    cursor: str | None


class OrderStore(IdempotencyStore, Protocol):
    def shelf(
        self,
        customer_id: str,
        product_ids: Collection[str],
        offer_ids: Collection[str],
        promo_code: str | None = None,
        with_account: bool = False,
    ) -> Shelf:
        """Read what an order names.

        Args:
            promo_code: canonical.
        """

    def write(self, step: OrderStep) -> None:
        """Store a step in one transaction.

        A product or an offer that has not the units which a POST, VOID or RETURN takes from its counts is
        left as it is: TTL removed its row since, or somebody else put another in its place. So is a code
        that is not this order's.

        Raises:
            StaleOrder: the order or the account changed since it was read, or the key was just answered by a
                twin, or what a HOLD names is there no more, or its code cannot be held.
            OutOfStock, OfferNotActive, OfferHasExpired, AlreadyRedeemed: a HOLD that cannot be.
            Busy: others kept changing the same items beyond the adapter's retries.
        """

    def get(self, order_id: str) -> Order:
        """One order, strongly consistent.

        Raises:
            UnknownOrder
        """

    def history(self, order_id: str) -> Sequence[Transition]:
        """An order's transitions, oldest first."""

    def of_customer(self, customer_id: str, limit: int, cursor: str | None) -> OrderPage:
        """A customer's orders, newest first; eventually consistent.

        Raises:
            InvalidInput: the cursor is not one of ours.
        """

    def holds_ended(self, now: int, limit: int) -> Sequence[str]:
        """Ids of orders that hold stock beyond their deadline, the longest overdue first."""

    def waiting_since(self, before_ms: int, limit: int) -> Sequence[Order]:
        """Orders in progress whose last transition is older, oldest first."""


# -- payment and shipment ----------------------------------------------------------------------------


class PaymentStatus(StrEnum):
    CAPTURED = "CAPTURED"
    DECLINED = "DECLINED"
    VOIDED = "VOIDED"


@record(frozen=True, slots=True)
class Payment:
    """What the gateway says became of a payment; *reason* is set for a declined one."""

    status: PaymentStatus
    reason: str | None = None


class PaymentRejected(Exception):
    """The payment service takes what we ask for wrong: a fault of ours, which asking again does not mend.

    Attributes:
        code: `payment_mismatch` (the key, or refund key, was used for something else), `refund_too_large`,
            `unknown_payment`, or whatever else the service calls it.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class PaymentGateway(Protocol):
    """A payment service; every call can be repeated under the same key without a second effect.

    Raises (each method):
        PaymentUnavailable: no answer, or none that says what happened; ask again under the same key.
        PaymentRejected: nothing happened, and nothing will.
    """

    def charge(self, key: str, amount: int, currency: str) -> Payment:
        """Take an amount (> 0) once; a key that was voided before is VOIDED and takes nothing."""

    def void(self, key: str) -> None:
        """See to it that nothing is kept under this key, whatever was taken and whatever arrives late."""

    def refund(self, key: str, refund_key: str, amount: int) -> None:
        """Give back a part of what was taken under *key*, once per *refund_key*."""


class Carrier(Protocol):
    def book(self, order: Order, at_ms: int) -> Tracking:
        """Hand an order over for shipment, once per order id.

        Raises:
            CarrierUnavailable
        """
