"""Refusals: every "no" that the business can say, as one tree of types.

    Refusal
    ├── InvalidInput          the request itself is wrong
    ├── NotSignedIn           nobody we know is asking
    ├── NotAllowed            somebody we know asks for what is not theirs
    ├── NotFound
    │   ├── UnknownOffer
    │   └── UnknownExperiment
    ├── Conflict              right request, wrong moment
    │   ├── OutOfStock
    │   ├── OfferNotActive
    │   ├── OfferHasExpired
    │   ├── AlreadyRedeemed
    │   ├── OfferExists
    │   ├── ExperimentExists
    │   └── ExperimentNotReady
    ├── CategoryMismatch      the event names another category than its offer
    ├── IdempotencyKeyReused  same key, other body
    └── TryAgain              nothing is wrong; the same request may succeed later
        ├── TooManyRequests
        └── Busy

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


class InvalidInput(Refusal):
    """The request is malformed: a field is missing, unknown, of the wrong type or out of range."""

    code = "invalid_input"

    def __init__(self, message: str, fields: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.fields = tuple(fields)


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


class Conflict(Refusal):
    """The request is right in itself and cannot be carried out as things stand."""

    code = "conflict"


class OutOfStock(Conflict):
    """No unit of the offer is left."""

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


class CategoryMismatch(Refusal):
    """An event names a category that is not its offer's."""

    code = "category_mismatch"


class IdempotencyKeyReused(Refusal):
    """The same Idempotency-Key came with another body."""

    code = "idempotency_key_reused"


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
