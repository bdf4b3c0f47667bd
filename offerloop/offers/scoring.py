"""The score of an offer for a shopper, in exact integers.

Score = Priority + Relevance + Urgency + Inventory. Each term runs 0..100 (priority can pass 100 by a
pivot's boost) and carries a weight; the weights sum to 10,000 basis points. Everything is computed in
*ticks*, the smallest unit in which no term needs rounding:

    1 point = 10,000 bp x 604,800 s = TICKS_PER_POINT ticks

so two offers compare the same in every process and on every Python version. Points as decimals exist
only in answers.

Why ranked lists can be kept per catalogue, not per user: apart from relevance, which depends on the
category alone, the score is max(a, b + c*t) with a and b fixed until the offer changes. Any top n of
a list therefore lies in the top n of its a-order ("base") joined with the top n of its b-order
("urgent"), at any time t. docs/decisions/0003-ranked-lists.md has the proof.
"""

import re
from dataclasses import field
from enum import StrEnum
from typing import NamedTuple

from offerloop.errors import FieldError, InvalidInput
from offerloop.offers.model import Offer
from offerloop.record import record

URGENCY_WINDOW_S = 168 * 3600  # an offer becomes urgent in its last 168 hours
INVENTORY_CAP = 100  # units above this do not raise the inventory term
WEIGHTS_TOTAL_BP = 10_000
TICKS_PER_POINT = WEIGHTS_TOTAL_BP * URGENCY_WINDOW_S
_KEY_ORIGIN = 10**16  # keeps every sort key positive and 17 digits long
_KEY_NEVER_URGENT = 2 * _KEY_ORIGIN  # sorts behind every offer that has an end


@record(frozen=True, slots=True)
class Weights:
    """Share of each term in the score, in basis points that sum to 10,000.

    Attributes:
        per_priority, per_relevance, per_unit, per_urgent_second: the same as ticks per point of
            priority, point of relevance, unit of (capped) stock and second inside the urgency window.
    Raises:
        InvalidInput: a negative weight, or a sum other than 10,000.
    """

    priority_bp: int
    relevance_bp: int
    urgency_bp: int
    inventory_bp: int
    per_priority: int = field(init=False, repr=False, compare=False)
    per_relevance: int = field(init=False, repr=False, compare=False)
    per_unit: int = field(init=False, repr=False, compare=False)
    per_urgent_second: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Multiplied out once, because every score needs them; frozen, hence the detour.
        object.__setattr__(self, "per_priority", self.priority_bp * URGENCY_WINDOW_S)
        object.__setattr__(self, "per_relevance", self.relevance_bp * URGENCY_WINDOW_S)
        object.__setattr__(self, "per_unit", self.inventory_bp * URGENCY_WINDOW_S)
        object.__setattr__(self, "per_urgent_second", self.urgency_bp * 100)
        parts = (self.priority_bp, self.relevance_bp, self.urgency_bp, self.inventory_bp)
        if min(parts) < 0 or sum(parts) != WEIGHTS_TOTAL_BP:
            raise InvalidInput(
                f"weights must be >= 0 and sum to {WEIGHTS_TOTAL_BP} bp, got {parts}",
                [FieldError("weights", f"sum is {sum(parts)}")],
            )

    @property
    def ranking_id(self) -> str:
        """Names the order that these weights give. Relevance is left out: within one list it is constant."""
        return f"p{self.priority_bp}u{self.urgency_bp}i{self.inventory_bp}"

    @classmethod
    def of_ranking(cls, ranking_id: str) -> "Weights":
        """The weights that a ranking id names."""
        match = re.fullmatch(r"p(\d+)u(\d+)i(\d+)", ranking_id)
        if match is None:
            raise InvalidInput(f"{ranking_id!r} names no ranking")
        priority_bp, urgency_bp, inventory_bp = map(int, match.groups())
        relevance_bp = WEIGHTS_TOTAL_BP - priority_bp - urgency_bp - inventory_bp
        return cls(priority_bp, relevance_bp, urgency_bp, inventory_bp)


CONTROL = Weights(priority_bp=4_000, relevance_bp=3_000, urgency_bp=2_000, inventory_bp=1_000)
BY_PRIORITY = Weights(priority_bp=10_000, relevance_bp=0, urgency_bp=0, inventory_bp=0)  # how a pivot chooses


class Order(StrEnum):
    """The two orders that every ranked list is kept in."""

    BASE = "base"
    URGENT = "urgent"


class RankEntry(NamedTuple):
    """What ranking needs of an offer: effective priority, stock capped at 100, end (epoch seconds or None).

    A tuple, because a recommendation builds hundreds of them from boards.
    """

    offer_id: str
    priority: int
    stock: int
    expires_at: int | None

    @classmethod
    def of(cls, offer: Offer) -> "RankEntry":
        units = offer.inventory_count
        stock = units if units < INVENTORY_CAP else INVENTORY_CAP
        return cls(offer.offer_id, offer.priority + offer.priority_boost, stock, offer.expires_at)

    def has_expired(self, now: int) -> bool:
        return self.expires_at is not None and self.expires_at <= now


def _base_ticks(entry: RankEntry, weights: Weights) -> int:
    return weights.per_priority * entry.priority + weights.per_unit * entry.stock


def score_ticks(entry: RankEntry, relevance: int, weights: Weights, now: int) -> int:
    """The exact score of an unexpired offer.

    Args:
        relevance: 0..100, from `offerloop.offers.relevance`.
        now: epoch seconds.
    """
    _, priority, stock, expires_at = entry
    ticks = weights.per_priority * priority + weights.per_unit * stock + weights.per_relevance * relevance
    if expires_at is not None and expires_at - now < URGENCY_WINDOW_S:
        ticks += weights.per_urgent_second * (URGENCY_WINDOW_S - expires_at + now)
    return ticks


def offer_ticks(offer: Offer, relevance: int, weights: Weights, now: int) -> int:
    """`score_ticks` of an offer's own entry, without making the entry."""
    units, ends = offer.inventory_count, offer.expires_at
    ticks = (
        weights.per_priority * (offer.priority + offer.priority_boost)
        + weights.per_unit * (units if units < INVENTORY_CAP else INVENTORY_CAP)
        + weights.per_relevance * relevance
    )
    if ends is not None and ends - now < URGENCY_WINDOW_S:
        ticks += weights.per_urgent_second * (URGENCY_WINDOW_S - ends + now)
    return ticks


def sort_key(entry: RankEntry, weights: Weights, order: Order) -> str:
    """Position of an offer in a ranked list: ascending strings are descending scores, ties by offer id.

    17 digits, `#`, offer id. At one time and one relevance, sorting by score and then by offer id gives
    the same order as these keys do within each order's half of max(a, b + c*t).
    """
    value = _base_ticks(entry, weights)
    if order is Order.BASE:
        return f"{_KEY_ORIGIN - value:017d}#{entry.offer_id}"
    if entry.expires_at is None:
        return f"{_KEY_NEVER_URGENT:017d}#{entry.offer_id}"
    value += weights.per_urgent_second * (URGENCY_WINDOW_S - entry.expires_at)
    return f"{_KEY_ORIGIN - value:017d}#{entry.offer_id}"


@record(frozen=True, slots=True)
class ScoreBreakdown:
    """The four weighted terms, in points; they sum to the score before rounding."""

    priority: float
    relevance: float
    urgency: float
    inventory: float


def breakdown(entry: RankEntry, relevance: int, weights: Weights, now: int) -> ScoreBreakdown:
    """The weighted terms of a score in points, for answers and pages; never compared."""
    urgent_s = 0 if entry.expires_at is None else max(0, URGENCY_WINDOW_S - entry.expires_at + now)
    return ScoreBreakdown(
        priority=weights.priority_bp * entry.priority / WEIGHTS_TOTAL_BP,
        relevance=weights.relevance_bp * relevance / WEIGHTS_TOTAL_BP,
        urgency=weights.per_urgent_second * urgent_s / TICKS_PER_POINT,
        inventory=weights.inventory_bp * entry.stock / WEIGHTS_TOTAL_BP,
    )


def points(ticks: int) -> float:
    """Ticks as points (0..100 without a boost), for answers and pages."""
    return ticks / TICKS_PER_POINT
