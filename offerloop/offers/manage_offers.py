"""What a trusted shop server does with offers: create, change, pause, restock. Reading is the store's own."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from offerloop.changes import check_changeable
from offerloop.clock import Clock, now_s
from offerloop.errors import FieldError, InvalidInput, OfferHasExpired
from offerloop.idempotency import Answer, AnsweredRequest, IdempotentRequest, answer_once
from offerloop.offers.model import DiscountType, Offer, OfferStatus
from offerloop.offers.ports import OfferStore
from offerloop.record import record

MAX_PRIORITY = 100
MAX_STOCK = 10**9
MAX_PERCENTAGE_HUNDREDTHS = 100 * 100
CHANGEABLE = frozenset(
    {
        "offer_name",
        "category",
        "discount_type",
        "discount_hundredths",
        "priority",
        "status",
        "expires_at",
        "redemptions_per_user",
    }
)


@record(frozen=True, slots=True)
class _Rule:
    field: str
    holds: bool
    message: str


def check_offer(offer: Offer) -> Offer:
    """The offer itself, once every rule holds that spans what a single field's type can say.

    Raises:
        InvalidInput: names each field that breaks a rule.
    """
    percentage = offer.discount_type is DiscountType.PERCENTAGE
    rules = (
        _Rule("priority", 0 <= offer.priority <= MAX_PRIORITY, f"must be 0..{MAX_PRIORITY}"),
        _Rule("inventory_count", 0 <= offer.inventory_count <= MAX_STOCK, f"must be 0..{MAX_STOCK}"),
        _Rule("discount_value", offer.discount_hundredths > 0, "must be > 0"),
        _Rule(
            "discount_value",
            not percentage or offer.discount_hundredths <= MAX_PERCENTAGE_HUNDREDTHS,
            "a percentage must be <= 100",
        ),
        _Rule("redemptions_per_user", offer.redemptions_per_user >= 0, "must be >= 0 (0 = no limit)"),
    )
    broken = [FieldError(rule.field, rule.message) for rule in rules if not rule.holds]
    if broken:
        raise InvalidInput("the offer breaks a rule", broken)
    return offer


def create_offer(
    offer: Offer, *, store: OfferStore, clock: Clock, request: IdempotentRequest | None = None
) -> Answer:
    """Create an offer; its first stock counts as received.

    Returns:
        `{"offer_id"}`; the same again for a request that was answered before.
    Raises:
        InvalidInput, OfferExists, IdempotencyKeyReused
    """
    now = now_s(clock)
    answer: Answer = {"offer_id": offer.offer_id}

    def create(answered: AnsweredRequest | None) -> None:
        if offer.has_expired(now):
            raise InvalidInput("an offer cannot begin ended", [FieldError("expires_at", "lies in the past")])
        store.create(check_offer(offer), answered)

    return answer_once(request, answer, create, store=store, now=now)


def change_offer(
    offer_id: str, changes: Mapping[str, str | int | None], *, store: OfferStore, clock: Clock
) -> Offer:
    """Set some attributes of an offer; stock is changed by restocking only.

    Args:
        changes: by `Offer` field name, each in CHANGEABLE.
    Raises:
        UnknownOffer, InvalidInput
        OfferHasExpired: the offer would be ACTIVE or PAUSED behind its end; give it a later one as well.
    """
    check_changeable(changes, CHANGEABLE)
    changed = check_offer(_with(store.get(offer_id), changes))
    if changed.status is not OfferStatus.EXPIRED and changed.has_expired(now_s(clock)):
        raise OfferHasExpired(f"{offer_id} has ended; give it a later end to bring it back")
    return store.change(offer_id, changes)


def _with(offer: Offer, changes: Mapping[str, str | int | None]) -> Offer:
    typed: dict[str, object] = dict(changes)
    if "status" in changes:
        typed["status"] = OfferStatus(str(changes["status"]))
    if "discount_type" in changes:
        typed["discount_type"] = DiscountType(str(changes["discount_type"]))
    return replace(offer, **typed)  # type: ignore[arg-type]  # names are checked against CHANGEABLE


def pause_offer(offer_id: str, *, store: OfferStore, clock: Clock) -> Offer:
    """Take an offer out of recommendations until its status is changed back to ACTIVE.

    Raises:
        UnknownOffer, OfferHasExpired
    """
    return change_offer(offer_id, {"status": OfferStatus.PAUSED.value}, store=store, clock=clock)


def restock_offer(
    offer_id: str, units: int, *, store: OfferStore, clock: Clock, request: IdempotentRequest | None = None
) -> Answer:
    """Add units to an offer's stock.

    Args:
        units: 1..10**9.
    Returns:
        `{"offer_id", "restocked_units"}`; the same again for a request that was answered before.
    Raises:
        UnknownOffer, InvalidInput, IdempotencyKeyReused
    """
    if not 0 < units <= MAX_STOCK:
        raise InvalidInput("units out of range", [FieldError("units", f"must be 1..{MAX_STOCK}")])
    now = now_s(clock)
    answer: Answer = {"offer_id": offer_id, "restocked_units": units}
    return answer_once(request, answer, partial(store.restock, offer_id, units), store=store, now=now)
