"""Figures of one replication that people ask for, each from whole numbers of its summary."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from simulator.runs.replication import Outcome
from simulator.twin.summary import Counts

DEFAULT_METRIC = "redemptions"


@dataclass(frozen=True)
class Metric:
    """One figure.

    Attributes:
        unit: "" for a number of times, "%" for a share in per cent.
        of: its value for the totals of a replication.
        words: it is called by these in a sentence, and is (more, fewer) or (higher, lower).
    """

    name: str
    title: str
    unit: str
    of: Callable[[Counts], float]
    words: str
    more: str = "more"
    fewer: str = "fewer"

    @property
    def is_count(self) -> bool:
        """Whether it is a number of times, and no ratio."""
        return self.more == "more"


def _count(name: str, title: str, words: str | None = None) -> Metric:
    return Metric(name, title, "", lambda counts: float(getattr(counts, name)), words or title.lower())


def _rate(
    name: str, title: str, unit: str, numerator: Callable[[Counts], int], denominator: Callable[[Counts], int]
) -> Metric:
    """A ratio, in per cent where *unit* says so; 0 where nothing happened that it could be a share of."""
    scale = 100 if unit == "%" else 1

    def of(counts: Counts) -> float:
        below = denominator(counts)
        return scale * numerator(counts) / below if below else 0.0

    return Metric(name, title, unit, of, title[0].lower() + title[1:], "higher", "lower")


def tracked(counts: Counts) -> int:
    """Events of shoppers that were stored."""
    return counts.views + counts.clicks + counts.carts + counts.redemptions + counts.dismissals


def _calls(counts: Counts) -> int:
    of_shoppers = counts.calls_recommend + counts.calls_track
    of_orders = counts.calls_order + counts.calls_process + counts.calls_follow
    of_streams = counts.calls_watch + counts.calls_publish + counts.calls_count + counts.calls_accrue
    return of_shoppers + of_orders + of_streams + counts.calls_rules + counts.calls_rewards


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        _count("sessions", "Sessions"),
        _count("recommendations", "Recommendations"),
        _count("redemptions", "Redemptions"),
        _rate("conversion", "Conversion", "%", lambda c: c.converted, lambda c: c.sessions),
        _rate("click_rate", "Clicks per place", "%", lambda c: c.clicks, lambda c: c.offers_served),
        _rate("events_per_session", "Events per session", "", tracked, lambda c: c.sessions),
        _count("dismissals", "Dismissals"),
        _count("lost_sales", "Lost sales"),
        _rate("missed_out", "Sessions that missed out", "%", lambda c: c.missed_out, lambda c: c.sessions),
        _rate("fruitless", "Fruitless sessions", "%", lambda c: c.fruitless, lambda c: c.sessions),
        _count("empty_lists", "Empty lists"),
        _count("shoppers_departed", "Shoppers gone for good"),
        _count("stockouts", "Stockouts"),
        _count("pivots_opened", "Pivots opened"),
        _rate(
            "boosted",
            "Places with a boost",
            "%",
            lambda c: c.boosted_offers_served,
            lambda c: c.offers_served,
        ),
        _count("units_restocked", "Units restocked"),
        _count("orders_placed", "Orders placed"),
        _rate(
            "order_success", "Orders completed", "%", lambda c: c.orders_completed, lambda c: c.orders_placed
        ),
        _rate(
            "order_value",
            "Average order value, cents",
            "",
            lambda c: c.cents_taken,
            lambda c: c.orders_completed,
        ),
        _rate(
            "order_time", "Seconds to completion", "", lambda c: c.order_seconds, lambda c: c.orders_completed
        ),
        _count("orders_failed", "Orders failed"),
        _count("orders_refunded", "Orders given back"),
        _count("codes_claimed", "Promo codes claimed"),
        _count("claims_of_empty_pool", "Claims of an empty pool"),
        _count("pool_stockouts", "Times that the pool ran empty"),
        Metric(
            "pool_empty_minutes",
            "Minutes with an empty pool",
            "",
            lambda counts: counts.pool_empty_ms / 60_000,
            "minutes with an empty pool",
        ),
        _count("code_runs", "Replenishment runs"),
        _count("code_runs_failed", "Replenishment runs in vain"),
        _count("points_earned", "Points earned"),
        _count("points_used", "Points used"),
        _count("throttled", "Calls throttled"),
        _count("duplicates", "Duplicate batches"),
        _count("retries", "Retried batches"),
        _rate("calls_per_session", "Use-case calls per session", "", _calls, lambda c: c.sessions),
    )
}


def values(outcomes: Sequence[Outcome]) -> dict[str, list[float]]:
    """Every metric's values, one per replication."""
    return {
        name: [metric.of(outcome.summary.totals) for outcome in outcomes] for name, metric in METRICS.items()
    }
