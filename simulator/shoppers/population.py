"""Who shops: segments, tastes and how often each shopper comes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from offerloop.offers.model import DiscountType
from simulator.shoppers.shop import ServedOffer
from simulator.shoppers.streams import Streams

# Users of the sample data with what their stored profiles prefer; their tastes agree with it.
SAMPLE_USERS: Mapping[str, tuple[str, ...]] = {
    "USER001": ("electronics",),
    "USER002": ("fashion",),
    "USER003": ("groceries", "home"),
}

# Visits per shopper are gamma-distributed: shape 0.8 gives the top tenth of shoppers 37 % of all visits
# (35-41 % in the CDNOW and Complete Journey transactions).
VISITS_SHAPE = 0.8
FEWEST_VISITS_PER_DAY = 0.2

LIKED_SHARE = 0.45  # of categories, per shopper
FULL_PULL_PERCENT = 50  # a discount from here on attracts fully
FULL_PULL_AMOUNT = 20  # likewise, in whole units of currency


@dataclass(frozen=True, slots=True)
class Segment:
    """A kind of shopper.

    Attributes:
        share: of all shoppers.
        discount_weight: 0..1, how much of an offer's appeal is its discount; the rest is its category.
    """

    name: str
    share: float
    discount_weight: float


# Names and shares: `discount_persona` of the 5,250 users of AWS's Retail Demo Store.
SEGMENTS = (
    Segment("lower_priced_products", 1769 / 5250, 0.40),
    Segment("all_discounts", 1750 / 5250, 0.30),
    Segment("discount_indifferent", 1731 / 5250, 0.05),
)


@dataclass(slots=True)
class Person:
    """One shopper's fixed nature; tastes are drawn when a category is first met.

    Attributes:
        visits_per_day: mean visits a simulated day.
        prefers: categories that the shopper surely likes.
    """

    user_id: str
    segment: Segment
    visits_per_day: float
    streams: Streams
    prefers: tuple[str, ...] = ()
    _tastes: dict[str, float] = field(default_factory=dict)

    def taste(self, category: str) -> float:
        """Liking of a category, 0..1: liked ones lie in 0.6..1, others in 0..0.4."""
        known = self._tastes.get(category)
        if known is None:
            known = self._tastes[category] = self._drawn_taste(category)
        return known

    def _drawn_taste(self, category: str) -> float:
        if category in self.prefers:
            return 0.95
        liking, degree = self.streams.generator("taste", f"{self.user_id}/{category}").random(2)
        return float(0.6 + 0.4 * degree if liking < LIKED_SHARE else 0.4 * degree)

    def appeal(self, offer: ServedOffer) -> float:
        """How attractive an offer is to this shopper, 0..1."""
        weight = self.segment.discount_weight
        return (1 - weight) * self.taste(offer.category) + weight * pull(offer)


def pull(offer: ServedOffer) -> float:
    """How attractive a discount is in itself, 0..1."""
    full = FULL_PULL_PERCENT if offer.discount_type is DiscountType.PERCENTAGE else FULL_PULL_AMOUNT
    return min(1.0, offer.discount_hundredths / (100 * full))


class Population:
    """People in the order in which they come: the sample users first, then SHOPPER-0001, -0002 …

    Args:
        visits_per_day: mean over all shoppers, in simulated days.
    """

    def __init__(self, streams: Streams, visits_per_day: float) -> None:
        self._streams = streams
        self._visits_per_day = visits_per_day
        self._met = 0

    def newcomer(self) -> Person:
        """Give the next person."""
        number = self._met
        self._met += 1
        sample = list(SAMPLE_USERS)
        user_id = sample[number] if number < len(sample) else f"SHOPPER-{number - len(sample) + 1:04d}"
        nature = self._streams.generator("nature", user_id)
        visits = nature.gamma(VISITS_SHAPE, self._visits_per_day / VISITS_SHAPE)
        return Person(
            user_id,
            _segment(float(nature.random())),
            max(FEWEST_VISITS_PER_DAY, float(visits)),
            self._streams,
            SAMPLE_USERS.get(user_id, ()),
        )


def _segment(uniform: float) -> Segment:
    for segment in SEGMENTS:
        if uniform < segment.share:
            return segment
        uniform -= segment.share
    return SEGMENTS[-1]
