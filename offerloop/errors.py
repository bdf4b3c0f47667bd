"""Refusals: every "no" that the business can say, as one tree of types.

    Refusal
    ├── InvalidInput          the request itself is wrong
    ├── NotSignedIn           nobody we know is asking
    ├── NotAllowed            somebody we know asks for what is not theirs
    ├── NotFound
    │   ├── UnknownOffer
    │   ├── UnknownExperiment
    │   ├── UnknownProduct
    │   ├── UnknownOrder
    │   ├── UnknownPool
    │   ├── UnknownCode
    │   └── UnknownBuyer      of the shop's CRM
    ├── Conflict              right request, wrong moment
    │   ├── OutOfStock
    │   ├── OfferNotActive
    │   ├── OfferHasExpired
    │   ├── AlreadyRedeemed
    │   ├── OfferExists
    │   ├── ExperimentExists
    │   ├── ExperimentNotReady
    │   ├── ProductExists
    │   ├── OrderNotOpen
    │   ├── PoolExists
    │   ├── PoolEmpty
    │   ├── PoolPaused
    │   ├── HolderLimitReached
    │   ├── CodeNotFree
    │   ├── CodeNotGood
    │   ├── InsufficientBonus
    │   ├── OrderAlreadyAccrued
    │   └── DayNotOver
    ├── UnknownAmount         no pool gives out codes worth this
    ├── CategoryMismatch      an event or a product is of another category than its offer
    ├── NotSold               an order names a product that is not in the catalogue
    ├── AmountMismatch        a price or a total is not what the catalogue makes it
    ├── IdempotencyKeyReused  same key, other body
    ├── SupplierChanged       a supplier's pages are not what is expected; a person has to look
    ├── CrmNotConfigured      no CRM is named
    └── TryAgain              nothing is wrong; the same request may succeed later
        ├── TooManyRequests
        ├── Busy
        ├── PaymentUnavailable
        ├── SupplierUnavailable
        ├── CarrierUnavailable
        └── CrmUnavailable

`handlers/errors.py` maps each type to HTTP in one table. `code` is stable: clients may switch on it.
"""

from collections.abc import Sequence

from offerloop.record import record


@record(frozen=True, slots=True)
class FieldError:
    """One field that was refused: where it is (`items.0.price`) and why."""

    field: str
    message: str


class Refusal(Exception):
    """The business refuses a request; nothing was changed."""

    code = "refused"

    @property
    def message(self) -> str:
        return str(self)


class FieldedRefusal(Refusal):
    """A refusal of some fields of a request."""

    def __init__(self, message: str, fields: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.fields = tuple(fields)


class InvalidInput(FieldedRefusal):
    """The request is malformed: a field is missing, unknown, of the wrong type or out of range."""

    code = "invalid_input"


class NotSignedIn(Refusal):
    """Neither a valid API key nor a valid customer token came with the request."""

    code = "not_signed_in"


class NotAllowed(Refusal):
    """The caller is known and may not do this."""

    code = "not_allowed"


class NotFound(Refusal):
    """The thing that the request names does not exist."""

    code = "not_found"


class UnknownOffer(NotFound):
    """No offer has this id."""

    code = "unknown_offer"


class UnknownExperiment(NotFound):
    """No experiment has this id."""

    code = "unknown_experiment"


class UnknownProduct(NotFound):
    """No product has this id."""

    code = "unknown_product"


class UnknownOrder(NotFound):
    """No order of this customer has this id."""

    code = "unknown_order"


class UnknownPool(NotFound):
    """No pool of codes has this id."""

    code = "unknown_pool"


class UnknownAmount(Refusal):
    """No pool gives out codes worth this amount."""

    code = "unknown_amount"


class UnknownCode(NotFound):
    """No pool has ever seen this code."""

    code = "unknown_code"


class UnknownBuyer(NotFound):
    """Nobody in the shop's CRM has this id, phone or e-mail address."""

    code = "unknown_buyer"


class Conflict(Refusal):
    """The request is right in itself and cannot be carried out as things stand."""

    code = "conflict"


class OutOfStock(Conflict):
    """Too few units of the offer or the product are left."""

    code = "out_of_stock"


class OfferNotActive(Conflict):
    """The offer is paused."""

    code = "offer_not_active"


class OfferHasExpired(Conflict):
    """The offer's end has passed."""

    code = "offer_expired"


class AlreadyRedeemed(Conflict):
    """The user has redeemed this offer as often as one user may."""

    code = "already_redeemed"


class OfferExists(Conflict):
    """An offer with this id was created before."""

    code = "offer_exists"


class ExperimentExists(Conflict):
    """An experiment with this id was created before, or another one is still running."""

    code = "experiment_exists"


class ExperimentNotReady(Conflict):
    """The experiment is not in the state that this step needs."""

    code = "experiment_not_ready"


class ProductExists(Conflict):
    """A product with this id was created before."""

    code = "product_exists"


class OrderNotOpen(Conflict):
    """The order has gone too far, or not far enough, for what is asked."""

    code = "order_not_open"


class PoolExists(Conflict):
    """A pool with this id was created before."""

    code = "pool_exists"


class PoolEmpty(Conflict):
    """No free code is left in the pool."""

    code = "pool_empty"


class PoolPaused(Conflict):
    """The pool gives out no codes at present."""

    code = "pool_paused"


class HolderLimitReached(Conflict):
    """The holder has claimed as many codes of the pool as one holder may."""

    code = "holder_limit_reached"


class CodeNotFree(Conflict):
    """The code was given out, so it cannot be withdrawn."""

    code = "code_not_free"


class CodeNotGood(Conflict):
    """The code cannot be used. Its holder is told why; everybody else gets the same words always."""

    code = "code_not_good"


class InsufficientBonus(Conflict):
    """Fewer points can be used than are asked for."""

    code = "insufficient_bonus"


class OrderAlreadyAccrued(Conflict):
    """The order has earned its points before, by other figures."""

    code = "order_already_accrued"


class DayNotOver(Conflict):
    """The figures of a day are asked for before it has ended."""

    code = "day_not_over"


class CategoryMismatch(Refusal):
    """An event names a category that is not its offer's, or an offer is used on a product of another."""

    code = "category_mismatch"


class NotSold(FieldedRefusal):
    """An order names a product that is not in the catalogue, or is sold no more."""

    code = "product_not_sold"


class AmountMismatch(FieldedRefusal):
    """A price or a total that is not what the catalogue makes it; each field has both figures."""

    code = "amount_mismatch"


class IdempotencyKeyReused(Refusal):
    """The same Idempotency-Key came with another body."""

    code = "idempotency_key_reused"


class SupplierChanged(Refusal):
    """A supplier's pages are not what is expected: trying again does not help.

    Attributes:
        screenshot: what the page looked like, PNG; None where none could be taken.
    """

    code = "supplier_changed"

    def __init__(self, message: str, screenshot: bytes | None = None) -> None:
        super().__init__(message)
        self.screenshot = screenshot


class CrmNotConfigured(Refusal):
    """No CRM is named, so none can be asked."""

    code = "crm_not_configured"


class TryAgain(Refusal):
    """The same request may succeed after `retry_after_s` seconds."""

    code = "try_again"

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooManyRequests(TryAgain):
    """The caller has used up its requests for this window."""

    code = "too_many_requests"


class Busy(TryAgain):
    """Others changed the same thing at the same time, too often for the retries we allow."""

    code = "busy"


class PaymentUnavailable(TryAgain):
    """The payment service gave no answer that says what happened."""

    code = "payment_unavailable"


class CarrierUnavailable(TryAgain):
    """The carrier gave no answer."""

    code = "carrier_unavailable"


class SupplierUnavailable(TryAgain):
    """A supplier of codes gave no answer, was too slow, or refused the login."""

    code = "supplier_unavailable"


class CrmUnavailable(TryAgain):
    """The shop's CRM gives no answer, refuses for the moment, or has been asked as often as it may be."""

    code = "crm_unavailable"
