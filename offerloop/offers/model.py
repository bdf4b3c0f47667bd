"""What the offers system talks about: offers, shoppers, engagement, pivots, experiments.

Units: time is UTC in whole seconds since 1970 (`*_at`) unless a name says `_ms`; stock is in units;
discounts are in hundredths (basis points of a percentage, minor units of an amount).
"""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from offerloop.record import record

PIVOT_BOOST = 20  # priority points; requirements: the next best offer "gets +20 priority"


class OfferStatus(StrEnum):
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    EXPIRED = "EXPIRED"


_ACTIVE = OfferStatus.ACTIVE  # looking a member up in its enum costs as much as the comparison


class DiscountType(StrEnum):
    PERCENTAGE = "PERCENTAGE"
    FIXED_AMOUNT = "FIXED_AMOUNT"


class EventType(StrEnum):
    VIEW = "VIEW"
    CLICK = "CLICK"
    ADD_TO_CART = "ADD_TO_CART"
    REDEMPTION = "REDEMPTION"
    DISMISS = "DISMISS"


@record(frozen=True, slots=True)
class Offer:
    """One offer as it stands in the table `Offers`.

    Attributes:
        discount_hundredths: 2500 = 25 % or 25.00 of the deployment's currency.
        priority: base priority, 0..100; `priority_boost` is what a pivot adds (0 or 20).
        inventory_count: units left, >= 0.
        expires_at: epoch seconds, or None for an offer without an end.
        redemptions_per_user: how often one user may redeem it; 0 = no limit.
        received_count: units ever put in stock through us; redeemed_count: units ever taken for good.
        held_count: units that open orders hold.
    """

    offer_id: str
    offer_name: str
    category: str
    discount_type: DiscountType
    discount_hundredths: int
    priority: int
    inventory_count: int
    status: OfferStatus = OfferStatus.ACTIVE
    expires_at: int | None = None
    priority_boost: int = 0
    redemptions_per_user: int = 1
    received_count: int = 0
    redeemed_count: int = 0
    held_count: int = 0

    @property
    def effective_priority(self) -> int:
        """Base priority plus the pivot's boost, uncapped: what the score uses and the answer shows."""
        return self.priority + self.priority_boost

    @property
    def in_stock(self) -> bool:
        """Whether the offer may be ranked: ACTIVE with stock. Its end is checked where there is a clock."""
        return self.status is _ACTIVE and self.inventory_count > 0

    def has_expired(self, now: int) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def is_available(self, now: int) -> bool:
        """Whether a shopper may be served this offer at *now*."""
        ends = self.expires_at  # in_stock and has_expired in one: asked for every candidate of every user
        return self.status is _ACTIVE and self.inventory_count > 0 and (ends is None or ends > now)


@record(frozen=True, slots=True)
class Affinity:
    """Learned interest in one category: *points* as they stood at *as_of* (epoch seconds); they decay."""

    points: float
    as_of: int


@record(frozen=True, slots=True)
class Shopper:
    """A user as the offers system knows it.

    Attributes:
        preferences: categories that the user prefers, at most 4 are used.
        affinities: learned interest per category.
        skips: offer id -> epoch seconds until which it is not recommended (dismissed or used up).
        exposed_in: id of the experiment in which this user was first counted as exposed.
        converted_in: id of the experiment in which this user was first counted as converted.
        engagement_points: sum of the points of everything the user did (not decayed).
        version: grows with each write; 0 = not stored yet.
    """

    user_id: str
    segment: str = "standard"
    preferences: tuple[str, ...] = ()
    affinities: Mapping[str, Affinity] = field(default_factory=dict)
    skips: Mapping[str, int] = field(default_factory=dict)
    exposed_in: str | None = None
    converted_in: str | None = None
    engagement_points: int = 0
    version: int = 0


@record(frozen=True, slots=True)
class EngagementEvent:
    """Something that a user did with an offer, stored once in `UserActivity` and published to Kinesis.

    Attributes:
        occurred_at_ms: UTC milliseconds since 1970.
        experiment_id, variant: the experiment and the variant that the user was in, or None.
        first_exposure, first_conversion: True on the one event that counts the user for its variant.
    """

    event_id: str
    user_id: str
    offer_id: str
    category: str
    event_type: EventType
    occurred_at_ms: int
    experiment_id: str | None = None
    variant: str | None = None
    first_exposure: bool = False
    first_conversion: bool = False


@record(frozen=True, slots=True)
class OfferChange:
    """One record of the `Offers` stream: what an offer was before and after a write.

    Attributes:
        change_id: the stream's id of the record; the same however often it is delivered.
        before, after: None when the offer did not exist (yet, any more).
    """

    change_id: str
    offer_id: str
    changed_at: int
    before: Offer | None
    after: Offer | None

    @property
    def is_stockout(self) -> bool:
        """True on the edge from some stock to none."""
        return (
            self.before is not None
            and self.after is not None
            and self.before.inventory_count > 0
            and self.after.inventory_count == 0
        )


@record(frozen=True, slots=True)
class Pivot:
    """The answer to one stockout: which offer took over, by how much, and until when.

    Attributes:
        pivot_id: made from the stream record of the stockout, so that a redelivery names the same pivot.
        to_offer: the boosted offer, or None when the category had no candidate.
        moved_from: earlier targets, oldest first, that sold out or ended while boosted.
        undone_at: when the first offer was restocked or removed, or None while the pivot is open.
    """

    pivot_id: str
    from_offer: str
    category: str
    opened_at: int
    to_offer: str | None
    boost: int = PIVOT_BOOST
    moved_from: tuple[str, ...] = ()
    undone_at: int | None = None

    @property
    def is_open(self) -> bool:
        return self.undone_at is None


@record(frozen=True, slots=True)
class OfferState:
    """What the inventory monitor keeps about an offer beside the offer itself.

    Attributes:
        stockouts: how many stockouts were acted on; equals the number of pivots from this offer.
        open_pivot_id: the open pivot whose first offer this is.
        boosted_by: the open pivot that boosts this offer; at most one, so boosts do not stack.
        adjusted_count: units that foreign clients added (> 0) or took (< 0) directly in the table.
    """

    stockouts: int = 0
    open_pivot_id: str | None = None
    boosted_by: str | None = None
    adjusted_count: int = 0


@record(frozen=True, slots=True)
class TrendingCategory:
    """A category whose recent engagement, decayed to now, is among the highest."""

    category: str
    score: float
