"""How relevant a category is to a shopper, and how engagement changes that.

Relevance is an integer, 0..100, and never falls below DEFAULT_RELEVANCE: only so may the list of all
offers be read at the default, because every offer's true score is then at least its score in that list.
A dislike works through the skip of the dismissed offer and through lost affinity, not through a
relevance below the default. At most MAX_SPECIAL_CATEGORIES categories differ from the default for any
one shopper, which bounds what a recommendation reads.
"""

from collections.abc import Mapping, Sequence

from offerloop.offers.model import Affinity, EventType, Shopper, TrendingCategory

DEFAULT_RELEVANCE = 50
PREFERRED_RELEVANCE = 100
MAX_PREFERENCES = 4
MAX_AFFINITIES = 3
MAX_TRENDING = 3
MAX_SPECIAL_CATEGORIES = MAX_PREFERENCES + MAX_AFFINITIES + MAX_TRENDING
AFFINITY_LIFT = 40  # relevance points that a very strong affinity adds
AFFINITY_HALF_LIFT_POINTS = 20.0  # affinity points that add half of AFFINITY_LIFT
AFFINITY_HALF_LIFE_S = 7 * 24 * 3600
TRENDING_LIFT = 10
KEPT_AFFINITIES = 40  # categories remembered per shopper; the weakest are forgotten

ENGAGEMENT_POINTS: Mapping[EventType, int] = {
    EventType.VIEW: 1,
    EventType.CLICK: 3,
    EventType.ADD_TO_CART: 5,
    EventType.REDEMPTION: 10,
    EventType.DISMISS: -5,
}


def decayed(points: float, elapsed_s: float, half_life_s: float) -> float:
    """*points* after *elapsed_s* seconds of exponential decay; time that runs backwards does not decay."""
    return points * 2.0 ** (-elapsed_s / half_life_s) if elapsed_s > 0 else points


def affinity_after(affinity: Affinity | None, event_type: EventType, now: int) -> Affinity:
    """The affinity for a category once one event has been added; never below zero."""
    before = decayed(affinity.points, now - affinity.as_of, AFFINITY_HALF_LIFE_S) if affinity else 0.0
    return Affinity(max(0.0, before + ENGAGEMENT_POINTS[event_type]), now)


def strongest_affinities(affinities: Mapping[str, Affinity], now: int, limit: int) -> dict[str, float]:
    """The *limit* strongest categories, strongest first (ties by name), with their points at *now*."""
    ranked = []
    for name, affinity in affinities.items():
        points = decayed(affinity.points, now - affinity.as_of, AFFINITY_HALF_LIFE_S)
        if points > 0.0:
            ranked.append((-points, name))
    ranked.sort()
    return {name: -points for points, name in ranked[:limit]}


def _affinity_lift(points: float) -> int:
    missing: float = 2.0 ** (-points / AFFINITY_HALF_LIFT_POINTS)
    return round(AFFINITY_LIFT * (1.0 - missing))


def relevance_by_category(
    shopper: Shopper | None, trending: Sequence[TrendingCategory], now: int
) -> dict[str, int]:
    """Relevance of the categories that differ from DEFAULT_RELEVANCE for this shopper.

    A preferred category is fully relevant; otherwise affinity lifts the default by up to 40 points and
    trending by 10 more, to at most 100.

    Returns:
        At most MAX_SPECIAL_CATEGORIES categories, each with a relevance above the default.
    """
    relevance: dict[str, int] = {}
    if shopper is not None:
        for category in shopper.preferences[:MAX_PREFERENCES]:
            relevance[category] = PREFERRED_RELEVANCE
        for category, points in strongest_affinities(shopper.affinities, now, MAX_AFFINITIES).items():
            lift = _affinity_lift(points)
            if lift:
                relevance.setdefault(category, DEFAULT_RELEVANCE + lift)
    for trend in trending[:MAX_TRENDING]:
        lifted = relevance.get(trend.category, DEFAULT_RELEVANCE) + TRENDING_LIFT
        relevance[trend.category] = min(PREFERRED_RELEVANCE, lifted)
    return relevance
