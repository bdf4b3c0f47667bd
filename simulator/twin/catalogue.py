"""What the twin's shop sells: offers drawn from the seed, and those that follow when one has ended."""

from collections.abc import Iterator
from math import exp

from offerloop.offers.model import DiscountType, Offer
from offerloop.orders.model import Product
from simulator.arrivals import DAY_S
from simulator.scenario.model import Scenario, WholeRange
from simulator.shoppers.streams import Streams, normal


def offer_id(number: int) -> str:
    """The id of the offer with this number, >= 0."""
    return f"OFFER-{number:05d}"


def products(scenario: Scenario, streams: Streams) -> list[Product]:
    """What a scenario with orders sells; each product depends on seed and number alone."""
    orders = scenario.orders
    if orders is None:
        return []
    section, draws = orders.products, streams.moments("product")
    categories = scenario.catalogue.categories
    made = []
    for number in range(section.number):
        price, units = draws.uniforms(2, number)
        stock = _drawn(section.units, units)
        category = categories[number % len(categories)]
        made.append(
            Product(
                product_id=f"PRODUCT-{number:05d}",
                name=f"{category} product {number}",
                category=category,
                price=max(1, round(100 * exp(section.price_mu + section.price_sigma * normal(price)))),
                inventory_count=stock,
                received_count=stock,
            )
        )
    return made


class OfferNumbers(dict[str, int]):
    """Numbers of offers by id.

    Offer *n* is followed by *n* + offers at one time, in the same category: what comes next on a shelf
    does not depend on when other offers end.
    """

    def __init__(self, scenario: Scenario) -> None:
        super().__init__()
        self._shelves, self._categories = scenario.catalogue.offers, len(scenario.catalogue.categories)

    def category_of(self, number: int) -> int:
        """The place in the scenario of an offer's category."""
        return number % self._shelves % self._categories


class Catalogue:
    """The offers of a scenario; each depends on seed and number alone."""

    def __init__(self, scenario: Scenario, streams: Streams) -> None:
        self.numbers = OfferNumbers(scenario)
        self._section, self._units = scenario.catalogue, scenario.stock.units
        self._draws = streams.moments("offer")
        self._first_units: dict[str, int] = {}

    @property
    def late(self) -> int:
        """How many of the shelves stay empty until the warm-up has ended."""
        return round(self._section.cold_start_share * self._section.offers)

    def at_first(self, now: int) -> Iterator[Offer]:
        """The offers of the first moment: some time of each one's life has passed already."""
        for number in range(self._section.offers - self.late):
            yield self.offer(number, now, aged=True)

    def after_warm_up(self, now: int) -> Iterator[Offer]:
        """The offers of the shelves that were empty until now."""
        for number in range(self._section.offers - self.late, self._section.offers):
            yield self.offer(number, now)

    def successor(self, ended: str, now: int) -> Offer:
        """The offer that follows one that has ended."""
        return self.offer(self.numbers[ended] + self._section.offers, now)

    def offer(self, number: int, now: int, *, aged: bool = False) -> Offer:
        """The offer with this number, as new at *now* (epoch seconds)."""
        section = self._section
        priority, discount, units, lifetime, age = self._draws.uniforms(5, number)
        days = section.lifetime_days
        life_s = 0 if days is None else _drawn(days, lifetime) * DAY_S
        if aged:
            life_s = max(1, int(life_s * (1 - age)))
        own_id, first_units = offer_id(number), _drawn(self._units, units)
        self.numbers[own_id] = number
        self._first_units[own_id] = first_units
        category = section.categories[self.numbers.category_of(number)]
        return Offer(
            offer_id=own_id,
            offer_name=f"{category} {number}",
            category=category,
            discount_type=DiscountType.PERCENTAGE,
            discount_hundredths=100 * _drawn(section.discount_percent, discount),
            priority=_drawn(section.priority, priority),
            inventory_count=first_units,
            expires_at=None if days is None else now + life_s,
            redemptions_per_user=section.redemptions_per_user,
            received_count=first_units,
        )

    def first_units(self, offer: str) -> int:
        """The units that an offer had when it was new."""
        return self._first_units[offer]

    def forget(self, ended: str) -> None:
        """An offer that ended is not restocked any more."""
        self._first_units.pop(ended, None)

    @property
    def on_sale(self) -> list[str]:
        """Ids of the offers that have not ended."""
        return list(self._first_units)


def _drawn(numbers: WholeRange, uniform: float) -> int:
    return numbers.low + int(uniform * (numbers.high - numbers.low + 1))
