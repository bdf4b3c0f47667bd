"""Restocking, and the shock that takes stock away."""

from dataclasses import replace

import simpy

from offerloop.offers.model import OfferStatus
from simulator.arrivals import DAY_S, HOUR_S
from simulator.scenario.model import Restock, Scenario
from simulator.shoppers.shopper import Steps
from simulator.twin.catalogue import Catalogue
from simulator.twin.summary import NOBODY, EventKind
from simulator.twin.system import System
from simulator.twin.tally import TwinTally


class Warehouse:
    """Keeps shelves filled as the scenario says."""

    def __init__(
        self,
        env: simpy.Environment,
        system: System,
        catalogue: Catalogue,
        tally: TwinTally,
        scenario: Scenario,
    ) -> None:
        self._env, self._system, self._catalogue, self._tally = env, system, catalogue, tally
        self._ordered: dict[str, None] = {}  # offers and products; a set in the order of orders
        products = system.world.products.values()
        self._first_units = {product.product_id: product.inventory_count for product in products}
        self._nothing_comes_until_s = 0.0
        if scenario.stock.restock is not None:
            env.process(self._look_after(scenario.stock.restock))
        if scenario.stock.shock is not None:
            env.process(self._shock(scenario))

    def _look_after(self, restock: Restock) -> Steps:
        """Order every offer that runs low, at each look at the shelves."""
        while True:
            yield self._env.timeout(restock.check_every_hours * HOUR_S)
            if self._env.now < self._nothing_comes_until_s:
                continue
            offers = self._system.offers.get_many(self._catalogue.on_sale)
            for offer in offers.values():
                if offer.inventory_count < restock.below_units and offer.offer_id not in self._ordered:
                    self._ordered[offer.offer_id] = None
                    self._env.process(self._deliver(offer.offer_id, restock.lead_time_hours * HOUR_S))
            self._order_products(restock)

    def _order_products(self, restock: Restock) -> None:
        for product_id, first_units in self._first_units.items():
            if product_id not in self._ordered and self._product_units(product_id) < restock.below_units:
                self._ordered[product_id] = None
                lead_time_s = restock.lead_time_hours * HOUR_S
                self._env.process(self._deliver_product(product_id, first_units, lead_time_s))

    def _deliver_product(self, product_id: str, first_units: int, lead_time_s: float) -> Steps:
        yield self._env.timeout(lead_time_s)
        del self._ordered[product_id]
        units = first_units - self._product_units(product_id)
        if units > 0 and self._env.now >= self._nothing_comes_until_s and self._system.orders is not None:
            self._system.orders.restock(product_id, units)
            self._tally.hour.products_restocked += units

    def _product_units(self, product_id: str) -> int:
        return self._system.world.products[product_id].inventory_count

    def _deliver(self, offer_id: str, lead_time_s: float) -> Steps:
        """Fill an offer up to its first units, unless it ended meanwhile or nothing comes these days."""
        yield self._env.timeout(lead_time_s)
        del self._ordered[offer_id]
        offer = self._system.offers.get(offer_id)
        if offer.status is OfferStatus.EXPIRED or self._env.now < self._nothing_comes_until_s:
            return
        units = self._catalogue.first_units(offer_id) - offer.inventory_count
        if units > 0:
            self._system.restock(offer_id, units)
            self._tally.hour.units_restocked += units
            self._tally.note(EventKind.RESTOCKED, NOBODY, self._catalogue.numbers[offer_id], units)

    def _shock(self, scenario: Scenario) -> Steps:
        """Multiply what is left of every offer at midnight of its day.

        No use case takes stock away: in the deployed system somebody would change the counts in the table.
        """
        shock = scenario.stock.shock
        assert shock is not None  # the caller looked
        day = scenario.warm_up_days + shock.day
        begins_s = max(0.0, day * DAY_S - scenario.arrivals.starts_at_hour * HOUR_S)
        yield self._env.timeout(begins_s)
        self._nothing_comes_until_s = begins_s + shock.days * DAY_S
        offers = self._system.offers.get_many(self._catalogue.on_sale)
        for offer in offers.values():
            left = int(offer.inventory_count * shock.factor)
            self._system.overwrite(replace(offer, inventory_count=left))
            self._tally.hour.units_lost += max(0, offer.inventory_count - left)
            self._tally.note(EventKind.SHOCK, NOBODY, self._catalogue.numbers[offer.offer_id], left)
