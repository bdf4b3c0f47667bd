"""Trending: engagement per category that fades by half every TRENDING_HALF_LIFE_S.

One number per category is enough: all scores fade at the same pace, so they are kept as they stood at
one moment and faded together (forward decay: Cormode et al. 2009, ICDE, doi:10.1109/ICDE.2009.65).
"""

from collections.abc import Iterable, Mapping
from dataclasses import field

from offerloop.offers.model import EngagementEvent, EventType, TrendingCategory
from offerloop.offers.relevance import decayed
from offerloop.record import record

TRENDING_HALF_LIFE_S = 300
TRENDING_FLOOR = 10.0  # points under which a category is not called trending
FORGET_BELOW = 0.01

TRENDING_POINTS: Mapping[EventType, int] = {
    EventType.VIEW: 1,
    EventType.CLICK: 2,
    EventType.ADD_TO_CART: 3,
    EventType.REDEMPTION: 5,
    EventType.DISMISS: 0,
}


@record(frozen=True, slots=True)
class TrendScores:
    """Points per category as they stood at *as_of_ms*."""

    as_of_ms: int = 0
    points: Mapping[str, float] = field(default_factory=dict)

    def at(self, now_ms: int) -> "TrendScores":
        """The same scores faded to *now_ms*; time never runs backwards."""
        now_ms = max(now_ms, self.as_of_ms)
        return TrendScores(now_ms, self._faded(now_ms))

    def plus(self, events: Iterable[EngagementEvent], now_ms: int) -> "TrendScores":
        """These scores with *events* added, each faded from when it happened."""
        now_ms = max(now_ms, self.as_of_ms)
        points = self._faded(now_ms)
        for event in events:
            elapsed_s = (now_ms - event.occurred_at_ms) / 1_000
            gained = decayed(TRENDING_POINTS[event.event_type], elapsed_s, TRENDING_HALF_LIFE_S)
            if gained >= FORGET_BELOW:
                points[event.category] = points.get(event.category, 0.0) + gained
        return TrendScores(now_ms, points)

    def top(self, now_ms: int, limit: int) -> tuple[TrendingCategory, ...]:
        """The *limit* highest categories at or above TRENDING_FLOOR, strongest first, ties by name."""
        return strongest(self._faded(now_ms), limit)

    def _faded(self, now_ms: int) -> dict[str, float]:
        """Points as they stand at *now_ms*, without those that are as good as gone."""
        fade = decayed(1.0, (now_ms - self.as_of_ms) / 1_000, TRENDING_HALF_LIFE_S)
        return {name: points * fade for name, points in self.points.items() if points * fade >= FORGET_BELOW}


def strongest(points: Mapping[str, float], limit: int) -> tuple[TrendingCategory, ...]:
    """Categories at or above TRENDING_FLOOR, strongest first (ties by name), at most *limit*."""
    ranked = sorted((-score, name) for name, score in points.items() if score >= TRENDING_FLOOR)
    return tuple([TrendingCategory(name, -score) for score, name in ranked[:limit]])
