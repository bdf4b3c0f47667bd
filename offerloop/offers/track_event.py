"""Take in one thing that a user did with an offer.

The event, its message, the user's changed profile and, for a REDEMPTION, the unit of stock and the
user's redemption count are written in one transaction: all or nothing.
"""

from collections.abc import Mapping

from offerloop.clock import Clock, Ids
from offerloop.errors import (
    AlreadyRedeemed,
    Busy,
    CategoryMismatch,
    OfferHasExpired,
    OfferNotActive,
    OutOfStock,
    UnknownOffer,
)
from offerloop.idempotency import Answer, IdempotentRequest, answered, recall
from offerloop.offers.engagement_messages import engagement_message
from offerloop.offers.experiments import Assignment, assign
from offerloop.offers.model import Affinity, EngagementEvent, EventType, Offer, OfferStatus, Shopper
from offerloop.offers.ports import ActivityStore, StaleVisit, TrackedEvent, Visit
from offerloop.offers.relevance import (
    ENGAGEMENT_POINTS,
    KEPT_AFFINITIES,
    affinity_after,
    strongest_affinities,
)
from offerloop.record import record

DISMISSED_FOR_S = 7 * 24 * 3600  # how long a dismissed offer is not recommended to that user
NEVER_AGAIN = 2**53  # a skip without an end
KEPT_SKIPS = 200  # skips remembered per shopper; those that end first are forgotten first
MAX_DECISIONS = 8  # how often a decision is made again because its user acted elsewhere meanwhile


@record(frozen=True, slots=True)
class TrackEvent:
    """The command: *user_id* did *event_type* with *offer_id*, which the client says is of *category*."""

    user_id: str
    offer_id: str
    category: str
    event_type: EventType


def track_event(
    command: TrackEvent,
    *,
    store: ActivityStore,
    clock: Clock,
    ids: Ids,
    request: IdempotentRequest | None = None,
) -> Answer:
    """Store and announce one event.

    Returns:
        `{"message", "event_id"}`; the earlier answer when *request* was answered before.
    Raises:
        UnknownOffer, CategoryMismatch: nothing was stored.
        OutOfStock, OfferNotActive, OfferHasExpired, AlreadyRedeemed: a REDEMPTION that cannot be.
        IdempotencyKeyReused, Busy
    """
    for _ in range(MAX_DECISIONS):
        now_ms = clock.now_ms()
        remembered = recall(request, store, now_ms // 1_000)
        if remembered is not None:
            return remembered
        visit = store.visit(command.user_id, command.offer_id)
        tracked = decide(command, visit, ids.new_id(), now_ms, request)
        try:
            store.record(tracked)
        except StaleVisit:
            continue
        return _answer(tracked.event.event_id)
    raise Busy("this user's events come in faster than they can be stored in order")


def _answer(event_id: str) -> Answer:
    return {"message": "Event tracked successfully", "event_id": event_id}


def decide(
    command: TrackEvent,
    visit: Visit,
    event_id: str,
    now_ms: int,
    request: IdempotentRequest | None,
    *,
    by_order: bool = False,
) -> TrackedEvent:
    """Everything that one event changes.

    Args:
        by_order: a REDEMPTION whose unit, and whose count for the user, an order has taken already.
    Raises:
        see `track_event`.
    """
    offer, shopper, now = visit.offer, visit.shopper, now_ms // 1_000
    if offer is None:
        raise UnknownOffer(f"no offer has the id {command.offer_id!r}")
    if offer.category != command.category:
        raise CategoryMismatch(
            f"{offer.offer_id} is in category {offer.category!r}, not {command.category!r}"
        )
    takes_unit = command.event_type is EventType.REDEMPTION and not by_order
    if takes_unit:
        check_redeemable(offer, visit.redemptions, offer.redemptions_per_user, now)
    event = _event(command, shopper, assign(shopper.user_id, visit.experiment), event_id, now_ms)
    return TrackedEvent(
        event=event,
        shopper_before=shopper,
        shopper_after=_shopper_after(shopper, event, offer, visit.redemptions - by_order),
        takes_unit=takes_unit,
        redemption_limit=offer.redemptions_per_user,
        message=engagement_message(event),
        answered=answered(request, _answer(event_id), now) if request is not None else None,
        now=now,
    )


def check_redeemable(offer: Offer, redemptions: int, limit: int, now: int, units: int = 1) -> None:
    """Refuse a REDEMPTION that cannot be; a store asks again when it takes the unit.

    Args:
        redemptions: how often this user has redeemed the offer so far.
        limit: how often one user may; 0 = no limit.
        units: how often it is to be redeemed now, > 0.
    Raises:
        OfferHasExpired, OfferNotActive, AlreadyRedeemed, OutOfStock: the first that holds, in this order.
    """
    if offer.status is OfferStatus.EXPIRED or offer.has_expired(now):
        raise OfferHasExpired(f"{offer.offer_id} has ended")
    if offer.status is not OfferStatus.ACTIVE:
        raise OfferNotActive(f"{offer.offer_id} is {offer.status}")
    if limit and redemptions + units > limit:
        raise already_redeemed(offer.offer_id)
    if offer.inventory_count < units:
        raise OutOfStock(f"{offer.offer_id} is out of stock")


def already_redeemed(offer_id: str) -> AlreadyRedeemed:
    """The refusal of one redemption too many."""
    return AlreadyRedeemed(f"this user has redeemed {offer_id} as often as allowed")


def _event(
    command: TrackEvent, shopper: Shopper, assignment: Assignment, event_id: str, now_ms: int
) -> EngagementEvent:
    experiment_id = assignment.experiment_id
    redeems = command.event_type is EventType.REDEMPTION
    return EngagementEvent(
        event_id=event_id,
        user_id=command.user_id,
        offer_id=command.offer_id,
        category=command.category,
        event_type=command.event_type,
        occurred_at_ms=now_ms,
        experiment_id=experiment_id,
        variant=assignment.variant,
        first_exposure=experiment_id is not None and shopper.exposed_in != experiment_id,
        first_conversion=experiment_id is not None and redeems and shopper.converted_in != experiment_id,
    )


def _shopper_after(shopper: Shopper, event: EngagementEvent, offer: Offer, redemptions: int) -> Shopper:
    now = event.occurred_at_ms // 1_000
    return Shopper(
        user_id=shopper.user_id,
        segment=shopper.segment,
        preferences=shopper.preferences,
        affinities=_affinities_after(shopper.affinities, event, now),
        skips=_skips_after(shopper.skips, event.event_type, offer, redemptions, now),
        exposed_in=event.experiment_id if event.first_exposure else shopper.exposed_in,
        converted_in=event.experiment_id if event.first_conversion else shopper.converted_in,
        engagement_points=shopper.engagement_points + max(0, ENGAGEMENT_POINTS[event.event_type]),
        version=shopper.version + 1,
    )


def _affinities_after(
    affinities: Mapping[str, Affinity], event: EngagementEvent, now: int
) -> dict[str, Affinity]:
    """The affinities with the event's category brought up to date; the weakest go when there are too many."""
    after = dict(affinities)
    affinity = affinity_after(after.get(event.category), event.event_type, now)
    if affinity.points > 0.0:
        after[event.category] = affinity
    else:
        after.pop(event.category, None)
    if len(after) <= KEPT_AFFINITIES:
        return after
    return {name: after[name] for name in strongest_affinities(after, now, KEPT_AFFINITIES)}


def _skips_after(
    skips: Mapping[str, int], event_type: EventType, offer: Offer, redemptions: int, now: int
) -> Mapping[str, int]:
    """The offers not to recommend from now on: dismissed ones for a while, used-up ones until their end."""
    if event_type is EventType.DISMISS:
        until = max(skips.get(offer.offer_id, 0), now + DISMISSED_FOR_S)
    elif event_type is EventType.REDEMPTION and 0 < offer.redemptions_per_user <= redemptions + 1:
        until = offer.expires_at or NEVER_AGAIN
    else:
        return skips
    after = {offer_id: skip for offer_id, skip in skips.items() if skip > now}
    after[offer.offer_id] = until
    if len(after) <= KEPT_SKIPS:
        return after
    return dict(sorted(after.items(), key=lambda skip: (-skip[1], skip[0]))[:KEPT_SKIPS])
