"""Who shops: segments, tastes and how often each shopper comes."""

from collections.abc import Mapping, Sequence

from offerloop.offers.model import DiscountType
from simulator.scenario.model import Population as PopulationSection
from simulator.scenario.model import Segment
from simulator.shoppers.shop import ShownOffer
from simulator.shoppers.streams import Moments, Streams, words

FULL_PULL_PERCENT = 50  # a discount from here on attracts fully
FULL_PULL_AMOUNT = 20  # likewise, in whole units of currency
FEWEST_VISITS_PER_DAY = 1e-9  # a gamma rate may round to 0, which no gap can be divided by
SURELY_LIKED = 0.95  # taste for a category that a shopper is known to prefer


def shopper_id(number: int) -> str:
    """The user id of the shopper with this number, >= 0."""
    return f"SHOPPER-{number:04d}"


class Person:
    """One shopper's fixed nature; tastes are drawn when a category is first met.

    Attributes:
        number: of the shopper in its population, >= 0.
        segment: place of the shopper's segment in the scenario.
        discount_weight: 0..1, how much of an offer's appeal is its discount; the rest is its category.
        visits_per_day: mean visits a day, > 0.
        first_gap: operational days until the first visit, in visits (mean 1).
        prefers: categories that the shopper surely likes.
    """

    __slots__ = (
        "_population",
        "_tastes",
        "discount_weight",
        "first_gap",
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
    ) -> None:
        self._population, self.number, self.user_id, self.segment = population, number, user_id, segment
        self.discount_weight = population.segments[segment].discount_weight
        self.visits_per_day, self.first_gap, self.prefers = visits_per_day, first_gap, prefers
        self._tastes: dict[str, float] = {}

    def taste(self, category: str) -> float:
        """Liking of a category, 0..1: liked ones lie in 0.6..1, others in 0..0.4."""
        known = self._tastes.get(category)
        if known is None:
            known = self._tastes[category] = self._population.taste(self, category)
        return known

    def appeal(self, offer: ShownOffer) -> float:
        """How attractive an offer is to this shopper, 0..1."""
        weight = self.discount_weight
        return (1 - weight) * self.taste(offer.category) + weight * pull(offer)


def pull(offer: ShownOffer) -> float:
    """How attractive a discount is in itself, 0..1."""
    full = FULL_PULL_PERCENT if offer.discount_type is DiscountType.PERCENTAGE else FULL_PULL_AMOUNT
    return min(1.0, offer.discount_hundredths / (100 * full))


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
        known = self._residents[number] if self.is_resident(number) else (shopper_id(number), ())
        return Person(self, number, *known, segment, max(visits, FEWEST_VISITS_PER_DAY), first_gap)

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
