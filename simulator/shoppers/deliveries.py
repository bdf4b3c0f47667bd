"""Deliveries: what sold out comes back after a while, so that a long run does not end in empty shelves."""

from collections.abc import Mapping
from typing import Protocol

import simpy

from simulator.arrivals import HOUR_S
from simulator.shoppers.shop import Refused
from simulator.shoppers.shopper import Calls, Steps
from simulator.shoppers.tally import Tally

LOOK_EVERY_S = HOUR_S
LOW_SHARE = 4  # a product has run low when one unit in so many is left


class Stockroom(Protocol):
    """What deliveries need of a shop: the part for its own staff."""

    def units_left(self, offer_id: str) -> int | Refused:
        """Units of one offer in stock."""

    def restock(self, offer_id: str, units: int) -> Refused | None:
        """Add units; None = done."""


class ProductStockroom(Protocol):
    """What deliveries of products need of a shop."""

    def product_units(self) -> Mapping[str, int] | Refused:
        """Units in stock of every product."""

    def restock_product(self, product_id: str, units: int) -> Refused | None:
        """Add units; None = done."""


def product_deliveries(
    env: simpy.Environment, stockroom: ProductStockroom, calls: Calls, tally: Tally, *, after_s: float
) -> Steps:
    """Refill each product some time after few units of it are left, to the most that it ever had.

    Args:
        after_s: simulated seconds between finding a product run low and its delivery.
    """
    most: dict[str, int] = {}
    low_since: dict[str, float] = {}
    while True:
        found = yield calls.call(stockroom.product_units)
        for product_id, units in () if isinstance(found, Refused) else found.items():
            most[product_id] = max(units, most.get(product_id, 0))
            if units > most[product_id] // LOW_SHARE:
                low_since.pop(product_id, None)
            elif env.now - low_since.setdefault(product_id, env.now) >= after_s:
                refused = yield calls.call(stockroom.restock_product, product_id, most[product_id] - units)
                if refused is None:
                    tally.products_delivered += 1
                    del low_since[product_id]
        yield env.timeout(LOOK_EVERY_S)


def deliveries(
    env: simpy.Environment, stockroom: Stockroom, calls: Calls, tally: Tally, *, after_s: float
) -> Steps:
    """Refill each offer some time after it sold out, to the most that shoppers ever saw of it.

    Only offers that were last served with few units left are looked at, once a simulated hour.

    Args:
        after_s: simulated seconds between finding an offer sold out and its delivery.
    """
    sold_out_at: dict[str, float] = {}
    while True:
        yield env.timeout(LOOK_EVERY_S)
        for offer_id in tally.running_low():
            left = yield calls.call(stockroom.units_left, offer_id)
            if left != 0:
                sold_out_at.pop(offer_id, None)
            elif env.now - sold_out_at.setdefault(offer_id, env.now) >= after_s:
                units = tally.most_seen[offer_id]
                refused = yield calls.call(stockroom.restock, offer_id, units)
                if refused is None:
                    tally.delivered(offer_id, units)
                    del sold_out_at[offer_id]
