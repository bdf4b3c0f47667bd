"""Recommendations by looking at every offer: what the ranked lists must give, in the plainest way."""

from offerloop.offers.experiments import assign
from offerloop.offers.model import OfferStatus
from offerloop.offers.relevance import DEFAULT_RELEVANCE, relevance_by_category
from offerloop.offers.scoring import TICKS_PER_POINT, URGENCY_WINDOW_S
from simulator.memory.world import MemoryWorld

BEST = 3


def full_scan(world: MemoryWorld, user_id: str, now: int) -> list[tuple[str, float]]:
    """The three best offers for a user with their points, compared in integers; ties by offer id.

    Args:
        now: epoch seconds.
    """
    shopper = world.shoppers.get(user_id)
    weights = assign(user_id, world.live(), world.weights).weights
    relevance = relevance_by_category(shopper, world.trend.top(now * 1_000, 3), now)
    scored = []
    for offer in world.offers.values():
        ended = offer.expires_at is not None and offer.expires_at <= now
        skipped = shopper is not None and shopper.skips.get(offer.offer_id, 0) > now
        if offer.status is OfferStatus.ACTIVE and offer.inventory_count > 0 and not ended and not skipped:
            left_s = URGENCY_WINDOW_S
            if offer.expires_at is not None:
                left_s = min(left_s, offer.expires_at - now)
            own = relevance.get(offer.category, DEFAULT_RELEVANCE)
            ticks = (
                weights.priority_bp * (offer.priority + offer.priority_boost) * URGENCY_WINDOW_S
                + weights.relevance_bp * own * URGENCY_WINDOW_S
                + weights.urgency_bp * 100 * (URGENCY_WINDOW_S - left_s)
                + weights.inventory_bp * min(100, offer.inventory_count) * URGENCY_WINDOW_S
            )
            scored.append((-ticks, offer.offer_id))
    return [(offer_id, -ticks / TICKS_PER_POINT) for ticks, offer_id in sorted(scored)[:BEST]]
