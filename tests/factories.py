"""Valid objects of the offers system; a test names only what it is about."""

from offerloop.idempotency import AnsweredRequest, IdempotentRequest
from offerloop.offers.engagement_messages import engagement_message
from offerloop.offers.experiments import Experiment, ExperimentStatus, Variant
from offerloop.offers.model import DiscountType, EngagementEvent, EventType, Offer, OfferChange, Shopper
from offerloop.offers.ports import TrackedEvent
from offerloop.offers.scoring import CONTROL, Weights

NOON = 1_800_000_000  # epoch seconds; 2027-01-15 08:00:00 UTC
NOON_MS = NOON * 1_000
URGENCY_FIRST = Weights(priority_bp=1_000, relevance_bp=2_000, urgency_bp=6_000, inventory_bp=1_000)


class FixedClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, now_ms: int = NOON_MS) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        return self.at_ms

    def move_on(self, seconds: float) -> None:
        self.at_ms += int(seconds * 1_000)


def an_offer(offer_id: str = "OFF001", **changes: object) -> Offer:
    """An available offer of 10 units without an end."""
    attributes: dict[str, object] = {
        "offer_id": offer_id,
        "offer_name": f"Offer {offer_id}",
        "category": "electronics",
        "discount_type": DiscountType.PERCENTAGE,
        "discount_hundredths": 2_500,
        "priority": 50,
        "inventory_count": 10,
    }
    attributes |= changes
    attributes.setdefault("received_count", attributes["inventory_count"])
    return Offer(**attributes)  # type: ignore[arg-type]


def an_event(event_id: str = "event-1", **changes: object) -> EngagementEvent:
    """A view of OFF001 by ann at noon."""
    attributes: dict[str, object] = {
        "event_id": event_id,
        "user_id": "ann",
        "offer_id": "OFF001",
        "category": "electronics",
        "event_type": EventType.VIEW,
        "occurred_at_ms": NOON_MS,
    }
    return EngagementEvent(**(attributes | changes))  # type: ignore[arg-type]


def a_tracked(event: EngagementEvent, **changes: object) -> TrackedEvent:
    """An event that changes nothing but its user's version."""
    before = changes.get("shopper_before", Shopper(event.user_id))
    assert isinstance(before, Shopper)
    attributes: dict[str, object] = {
        "event": event,
        "shopper_before": before,
        "shopper_after": Shopper(event.user_id, version=before.version + 1),
        "takes_unit": event.event_type is EventType.REDEMPTION,
        "redemption_limit": 1,
        "message": engagement_message(event),
        "answered": None,
        "now": event.occurred_at_ms // 1_000,
    }
    return TrackedEvent(**(attributes | changes))  # type: ignore[arg-type]


def an_answered(key: str = "k1", body: bytes = b"{}", expires_at: int = NOON + 86_400) -> AnsweredRequest:
    """A request under a key, with the answer {"event_id": <key>}."""
    return AnsweredRequest(IdempotentRequest.of("shop:POST /x", key, body), {"event_id": key}, expires_at)


def an_experiment(experiment_id: str = "exp-1", **changes: object) -> Experiment:
    """Control against urgency first, half and half, as a draft."""
    attributes: dict[str, object] = {
        "experiment_id": experiment_id,
        "variants": (Variant("control", 5_000, CONTROL), Variant("urgent", 5_000, URGENCY_FIRST)),
        "status": ExperimentStatus.DRAFT,
    }
    return Experiment(**(attributes | changes))  # type: ignore[arg-type]


def a_change(before: Offer | None, after: Offer | None, change_id: str = "c1", at: int = NOON) -> OfferChange:
    """One record of the offers' stream."""
    offer = after or before
    assert offer is not None
    return OfferChange(change_id, offer.offer_id, at, before, after)
