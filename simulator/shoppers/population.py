"""Who shops: segments, tastes and how often each shopper comes."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from offerloop.offers.model import DiscountType
from simulator.scenario.model import Population as PopulationSection
from simulator.scenario.model import Segment
from simulator.shoppers.shop import ShownOffer
from simulator.shoppers.streams import Moments, Streams, words

FULL_PULL_PERCENT = 50  # a discount from here on attracts fully
FULL_PULL_AMOUNT = 20  # likewise, in whole units of currency
FEWEST_VISITS_PER_DAY = 1e-9  # a gamma rate may round to 0, which no gap can be divided by
# 35 % (a category not liked at all) to 96 % (fully liked) of offers in first place are viewed: the range
# over ten offers of the Starbucks app statistics, 75.7 % on average.
VIEWED_AT_LEAST, VIEWED_AT_MOST = 0.35, 0.96
LEAST_LAPSE = 1e-12  # a beta chance may round to 0, with which no geometric number can be drawn
SURELY_LIKED = 0.95  # taste for a category that a shopper is known to prefer


def shopper_id(number: int) -> str:
    """The user id of the shopper with this number, >= 0."""
    return f"SHOPPER-{number:04d}"


def shopper_number(user_id: str) -> int:
    """The number of the shopper with this user id, as `shopper_id` made it."""
    return int(user_id.removeprefix("SHOPPER-"))


class Liking(NamedTuple):
    """What one shopper thinks of one category.

    Attributes:
        taste: 0..1.
        viewed: chance that an offer of it in first place is viewed.
        appeal: what the category adds to an offer's appeal.
    """

    taste: float
    viewed: float
    appeal: float


class Person:
    """One shopper's fixed nature; tastes are drawn when a category is first met.

    Attributes:
        number: of the shopper in its population, >= 0.
        segment: place of the shopper's segment in the scenario.
        discount_weight: 0..1, how much of an offer's appeal is its discount; the rest is its category.
        visits_per_day: mean visits a day, > 0.
        first_gap: until the first visit, in mean gaps between visits.
        likings: by category met so far.
        most_visits: after which the shopper stays away for good, whatever was served; 0 = never.
        prefers: categories that the shopper surely likes.
    """

    __slots__ = (
        "_population",
        "discount_weight",
        "first_gap",
        "likings",
        "most_visits",
        "number",
        "prefers",
        "segment",
        "user_id",
        "visits_per_day",
    )

    def __init__(
        self,
        population: "Population",
        number: int,
        user_id: str,
        prefers: tuple[str, ...],
        segment: int,
        visits_per_day: float,
        first_gap: float,
        most_visits: int,
    ) -> None:
        self._population, self.number, self.user_id, self.segment = population, number, user_id, segment
        self.discount_weight = population.segments[segment].discount_weight
        self.visits_per_day, self.first_gap, self.prefers = visits_per_day, first_gap, prefers
        self.most_visits = most_visits
        self.likings: dict[str, Liking] = {}

    def meet(self, category: str) -> Liking:
        """Draw the liking of a category that this shopper has not met before."""
        taste = self._population.taste(self, category)
        viewed = VIEWED_AT_LEAST + (VIEWED_AT_MOST - VIEWED_AT_LEAST) * taste
        liking = self.likings[category] = Liking(taste, viewed, (1 - self.discount_weight) * taste)
        return liking

    def taste(self, category: str) -> float:
        """Liking of a category, 0..1: liked ones lie in 0.6..1, others in 0..0.4."""
        return (self.likings.get(category) or self.meet(category)).taste

    def appeal(self, offer: ShownOffer) -> float:
        """How attractive an offer is to this shopper, 0..1: its category's share and its discount's."""
        liking = self.likings.get(offer.category) or self.meet(offer.category)
        return liking.appeal + self.discount_weight * pull(offer)


def pull(offer: ShownOffer) -> float:
    """How attractive a discount is in itself, 0..1."""
    full = FULL_PULL_PERCENT if offer.discount_type is DiscountType.PERCENTAGE else FULL_PULL_AMOUNT
    hundredths = offer.discount_hundredths
    return hundredths / (100 * full) if hundredths < 100 * full else 1.0


class Population:
    """Everybody who may ever come: a person's nature depends on seed and number alone.

    Args:
        residents: user ids of the first people with the categories that they prefer; they never leave.
    """

    def __init__(
        self,
        section: PopulationSection,
        streams: Streams,
        residents: Sequence[tuple[str, tuple[str, ...]]] = (),
    ) -> None:
        self.segments: tuple[Segment, ...] = section.segments
        self.users = section.users
        self._section, self._residents = section, residents
        self._natures: Moments = streams.moments("nature")
        self._tastes: Moments = streams.moments("taste")
        self._places: dict[
            str, tuple[int, float]
        ] = {}  # of categories: place in the stream, chance to be liked

    def is_resident(self, number: int) -> bool:
        return number < len(self._residents)

    def person(self, number: int) -> Person:
        """The person with this number, >= 0."""
        nature = self._natures.generator(number)
        shape = self._section.visits_shape
        visits = float(nature.gamma(shape, self._section.visits_per_day / shape))
        segment = self._segment(float(nature.random()))
        first_gap = float(nature.standard_exponential())
        rate = max(visits, FEWEST_VISITS_PER_DAY)
        if self.is_resident(number):
            return Person(self, number, *self._residents[number], segment, rate, first_gap, 0)
        most_visits = self._most_visits(nature)
        return Person(self, number, shopper_id(number), (), segment, rate, first_gap, most_visits)

    def _most_visits(self, nature: np.random.Generator) -> int:
        """Visits until the shopper lapses: geometric, as the chance to lapse is the same after each."""
        lapse = self._section.lapse
        if lapse is None:
            return 0
        return int(nature.geometric(max(LEAST_LAPSE, float(nature.beta(lapse.a, lapse.b)))))

    def taste(self, person: Person, category: str) -> float:
        """A person's liking of a category, drawn."""
        if category in person.prefers:
            return SURELY_LIKED
        place, liked = self._place(category)
        liking, degree = self._tastes.uniforms(2, person.number, place)
        return 0.6 + 0.4 * degree if liking < liked else 0.4 * degree

    def _place(self, category: str) -> tuple[int, float]:
        """Where a category's tastes are drawn from, by its name, so that a new one changes no other."""
        known = self._places.get(category)
        if known is None:
            high, low = words(category)
            affinities: Mapping[str, float] = self._section.affinities
            chance = self._section.liked_share * affinities.get(category, 1.0)
            known = self._places[category] = (high << 32 | low, chance)
        return known

    def _segment(self, uniform: float) -> int:
        for place, segment in enumerate(self.segments):
            if uniform < segment.share:
                return place
            uniform -= segment.share
        return len(self.segments) - 1
