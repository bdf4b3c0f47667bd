"""What the pages show, as plain values, and the port that they get it from. Knows no Streamlit.

Each page asks its source one question per refresh and draws the answer; `dashboard.live` answers from a
running system.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dashboard.order_data import Notices, OrderDetails, Orders
from dashboard.reward_data import Pools, Rewards
from offerloop.offers.experiments import Experiment, ExperimentResult
from offerloop.offers.model import EngagementEvent, EventType, Offer, Pivot, Shopper, TrendingCategory
from offerloop.offers.recommend import Recommendation
from offerloop.offers.relevance import (
    DEFAULT_RELEVANCE,
    MAX_AFFINITIES,
    MAX_PREFERENCES,
    relevance_by_category,
    strongest_affinities,
)
from simulator.findings import InvariantResult

ENGAGEMENT_SHOWN_S = 15 * 60
BUCKET_S = 15  # engagement is counted per quarter of a minute


class Unreachable(Exception):
    """The system cannot be read; the message says what to do, in words for the page."""


@dataclass(frozen=True)
class SystemFacts:
    """Where the system runs. Carries no secrets: pages show every field."""

    target: str
    endpoint_url: str
    api_url: str
    region: str
    docs_url: str | None = None


@dataclass(frozen=True)
class ReadCost:
    """What one recommendation read and how long it took; read units in halves (0.5 each)."""

    calls: int
    items: int
    rcu_halves: int
    took_ms: float


@dataclass(frozen=True)
class Serving:
    """What a user is served at *now* (epoch seconds), and everything that led to it."""

    now: int
    recommendation: Recommendation
    shopper: Shopper | None
    trending: tuple[TrendingCategory, ...]
    events: Sequence[EngagementEvent]
    offers: Mapping[str, Offer]
    cost: ReadCost | None = None


@dataclass(frozen=True)
class Pivots:
    """Pivots of the last days, newest first, with the offers that they name."""

    now: int
    pivots: Sequence[Pivot]
    offers: Mapping[str, Offer]

    @property
    def open(self) -> list[Pivot]:
        return [pivot for pivot in self.pivots if pivot.is_open]

    def name_of(self, offer_id: str | None) -> str:
        """An offer's name, its id when it is gone, and words for none."""
        if offer_id is None:
            return "no candidate"
        offer = self.offers.get(offer_id)
        return offer.offer_name if offer else offer_id


@dataclass
class Engagement:
    """Events of the last minutes: how many of a type in a category per bucket of BUCKET_S.

    Attributes:
        counts: (bucket start in epoch seconds, category, type) -> events.
    """

    counts: Counter[tuple[int, str, EventType]] = field(default_factory=Counter)

    def add(self, occurred_at_ms: int, category: str, event_type: EventType) -> None:
        bucket = occurred_at_ms // 1_000 // BUCKET_S * BUCKET_S
        self.counts[bucket, category, event_type] += 1

    def forget_before(self, now: int) -> None:
        """Drop what lies further back than ENGAGEMENT_SHOWN_S."""
        oldest = now - ENGAGEMENT_SHOWN_S
        for key in [key for key in self.counts if key[0] < oldest]:
            del self.counts[key]

    def by_category(self) -> dict[str, dict[int, int]]:
        """category -> bucket start -> events of any type, busiest category first."""
        totals: Counter[str] = Counter()
        series: dict[str, Counter[int]] = {}
        for (bucket, category, _), count in self.counts.items():
            totals[category] += count
            series.setdefault(category, Counter())[bucket] += count
        return {category: dict(series[category]) for category, _ in totals.most_common()}

    def by_type(self) -> dict[EventType, int]:
        """How many events of each type."""
        totals: Counter[EventType] = Counter()
        for (_, _, event_type), count in self.counts.items():
            totals[event_type] += count
        return dict(totals)


@dataclass(frozen=True)
class Trends:
    """Engagement per category decayed to *now*, strongest first, and the events behind it.

    Attributes:
        lifted: the categories that lift relevance now.
    """

    now: int
    scores: Mapping[str, float]
    lifted: tuple[TrendingCategory, ...]
    engagement: Engagement


@dataclass(frozen=True)
class ExperimentView:
    """An experiment with what it shows so far."""

    experiment: Experiment
    result: ExperimentResult


@dataclass(frozen=True)
class MetricSeries:
    """One CloudWatch metric over the last hour: (epoch seconds, value) per minute."""

    name: str
    unit: str
    points: Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Health:
    """Counts that tell whether the loop turns.

    Attributes:
        offers: all offers, or None where counting them would read too much.
        available: offers in stock, from the maintained counter.
        outbox_waiting: messages not yet published; normally a handful for well under a second.
        dead_letters: queue name -> messages that no consumer could handle.
    """

    offers: int | None
    available: int
    open_pivots: int
    outbox_waiting: int
    dead_letters: Mapping[str, int]
    metrics: Sequence[MetricSeries] = ()


class Source(Protocol):
    """Where pages get their data. Every method may raise Unreachable."""

    def facts(self) -> SystemFacts: ...

    def users(self) -> Sequence[str]:
        """Some known users: those of the sample data first, then the most recently active."""

    def serving(self, user_id: str) -> Serving: ...

    def pivots(self) -> Pivots: ...

    def trends(self) -> Trends: ...

    def experiments(self) -> Sequence[ExperimentView]:
        """The live one first, then the latest."""

    def orders(self) -> Orders: ...

    def order(self, order_id: str) -> OrderDetails | None:
        """One order, None where there is none of this id."""

    def notices(self) -> Notices: ...

    def pools(self) -> Pools: ...

    def failure_picture(self, name: str) -> bytes | None:
        """The screenshot of a replenishment run that failed, PNG; None where it is gone."""

    def rewards(self) -> Rewards: ...

    def health(self) -> Health: ...

    def audit(self) -> Sequence[InvariantResult]: ...


def relevance_reason(
    category: str, shopper: Shopper | None, trending: Sequence[TrendingCategory], now: int
) -> str:
    """Why a category is as relevant to a shopper as it is, in a few words."""
    own = relevance_by_category(shopper, (), now).get(category, DEFAULT_RELEVANCE)
    whole = relevance_by_category(shopper, trending, now).get(category, DEFAULT_RELEVANCE)
    if shopper and category in shopper.preferences[:MAX_PREFERENCES]:
        reason = "preferred"
    elif shopper and category in strongest_affinities(shopper.affinities, now, MAX_AFFINITIES):
        reason = f"learned +{own - DEFAULT_RELEVANCE}"
    else:
        reason = "default"
    return f"{reason}, trending +{whole - own}" if whole > own else reason
