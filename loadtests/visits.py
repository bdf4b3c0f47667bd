"""What a visitor and the shop's inventory manager do, as steps that somebody else carries out.

Each is a generator: it yields a `Think` or a `Request` and is sent the `Answer`. So the same steps run under
Locust's greenlets, and in tests without any network. What is asked next follows from what was answered.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any

from simulator.scenario.model import Population, Segment
from simulator.shoppers.plan import DISMISSED, DULL_APPEAL
from simulator.shoppers.population import FULL_PULL_PERCENT

# Rounded from what the live shoppers do (docs/shoppers.md): here only the mix of requests matters.
VIEWED = 0.8  # of offers in first place; each place further down costs a tenth
CARTED, REDEEMED = 0.7, 0.8  # of clicked offers, of offers in the cart
HUNTER = Segment(name="bargain_hunter", share=1.0, discount_weight=0.9)
HUNTERS_HASTE = 0.3  # of the usual thinking time
LOW_STOCK, RESTOCK_UNITS = 10, 100
LOW_PRODUCT_STOCK, RESTOCK_PRODUCT_UNITS = 100, 500  # an order takes several units of several products
PRICE_STEP = 5  # points or units of currency added to a discount, and taken back in the next round


@dataclass(frozen=True, slots=True)
class Think:
    """A pause: *share* of the plan's mean thinking time."""

    share: float


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the API.

    Attributes:
        name: under which it is counted; one of `REQUEST_NAMES`.
        path: below the API's base address.
        once: whether it carries an Idempotency-Key; again: that of the request before it.
    """

    name: str
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    once: bool = False
    again: bool = False


LIST_PRODUCTS = Request("list products", "GET", "/products?limit=200")
PLACE_ORDER = "place order"
CLAIM_CODE = "claim code"
REQUEST_NAMES = (
    *("recommend", "track", "redeem", "list offers", "restock", "change price"),
    *(LIST_PRODUCTS.name, PLACE_ORDER, "order status", "list orders", "cancel order", "restock product"),
    CLAIM_CODE,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: *body* is the JSON object of a success, empty otherwise; *code* is '' for a success."""

    body: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""

    @property
    def is_ok(self) -> bool:
        return not self.code


Steps = Generator[Think | Request, Answer, bool]


class Visitor:
    """One person: a segment and a taste per category, both fixed by the seed and the person's id.

    Args:
        pool: that promo codes are claimed from.
    """

    def __init__(
        self, user_id: str, population: Population, *, seed: int, hunting: bool = False, pool: str = ""
    ) -> None:
        self.user_id = user_id
        self.hunting = hunting
        self.pool = pool
        self._population = population
        self._seed = seed

    @cached_property
    def segment(self) -> Segment:
        if self.hunting:
            return HUNTER
        segments = self._population.segments
        chosen: Segment = self._random("segment").choices(segments, [one.share for one in segments])[0]
        return chosen

    @property
    def haste(self) -> float:
        """Share of the usual thinking time that this person takes."""
        return HUNTERS_HASTE if self.hunting else 1.0

    def appeal(self, offer: Mapping[str, Any]) -> float:
        """How attractive a served offer is to this person, 0..1."""
        weight = self.segment.discount_weight
        pull = min(1.0, float(offer["discount_value"]) / FULL_PULL_PERCENT)
        return (1 - weight) * self._taste(offer["category"]) + weight * pull

    def _taste(self, category: str) -> float:
        randomness = self._random(f"taste/{category}")
        liked = self._population.liked_share * self._population.affinities.get(category, 1.0)
        return 0.6 + 0.4 * randomness.random() if randomness.random() < liked else 0.4 * randomness.random()

    def _random(self, distribution: str) -> Random:
        return Random(f"{self._seed}/{self.user_id}/{distribution}")


def visit(visitor: Visitor, randomness: Random) -> Steps:
    """Ask what is on offer, look at each, act on what appeals; after a refused redemption ask once more.

    Returns:
        Whether anything that was served appealed.
    """
    pleased = False
    for _ in range(2):
        served = yield recommendation(visitor)
        pleased = pleased or pleases(served, visitor)
        missed_out = yield from look_through(visitor, served, randomness)
        if not missed_out:
            break
    return pleased


def recommendation(visitor: Visitor) -> Request:
    """Ask what is on offer."""
    return Request("recommend", "POST", "/offers/recommend", {"user_id": visitor.user_id})


def pleases(served: Answer, visitor: Visitor) -> bool:
    """Whether anything that was served appeals; an answer that never came is not held against the offers."""
    offers = served.body.get("recommended_offers", ())
    return not served.is_ok or any(visitor.appeal(offer) >= DULL_APPEAL for offer in offers)


def look_through(
    visitor: Visitor, served: Answer, randomness: Random, cart: list[Mapping[str, Any]] | None = None
) -> Steps:
    """Look at the offers of one answer; returns whether a redemption was refused.

    Args:
        cart: takes the offers to be redeemed, for an order; None = they are redeemed at once.
    """
    offers: Sequence[Mapping[str, Any]] = served.body.get("recommended_offers", ())
    if visitor.hunting:  # the largest discount first
        offers = sorted(offers, key=lambda offer: -float(offer["discount_value"]))
    for place, offer in enumerate(offers):
        if randomness.random() >= VIEWED - 0.1 * place:
            continue
        yield Think(visitor.haste)
        yield report(visitor, offer, "VIEW")
        appeal = visitor.appeal(offer)
        if appeal < DULL_APPEAL:
            if randomness.random() < DISMISSED:
                yield Think(visitor.haste)
                yield report(visitor, offer, "DISMISS")
            continue
        for event_type, probability in (("CLICK", appeal), ("ADD_TO_CART", CARTED), ("REDEMPTION", REDEEMED)):
            if randomness.random() >= probability:
                break
            if event_type == "REDEMPTION" and cart is not None:
                cart.append(offer)
                break
            yield Think(visitor.haste)
            answer = yield report(visitor, offer, event_type)
            if event_type == "REDEMPTION" and not answer.is_ok:
                return True
    return False


def report(visitor: Visitor, offer: Mapping[str, Any], event_type: str) -> Request:
    """Tell the shop what a visitor did with an offer."""
    body = {
        "user_id": visitor.user_id,
        "offer_id": offer["offer_id"],
        "category": offer["category"],
        "event_type": event_type,
    }
    name = "redeem" if event_type == "REDEMPTION" else "track"
    return Request(name, "POST", "/events/track", body, once=True)


class InventoryManager:
    """Keeps the shelves filled, and raises one offer's discount for a while at a time.

    Args:
        products: whether products are restocked as well as offers.
    """

    def __init__(self, randomness: Random, *, products: bool = False) -> None:
        self._random = randomness
        self._products = products
        self._raised: tuple[str, float] | None = None  # the offer on sale, and its discount before

    def round(self) -> Steps:
        """End the present sale, look at all offers, refill what runs out, begin another sale if any."""
        yield from self.end_sale()  # before the look: what is listed must be the prices without a sale
        listed = yield Request("list offers", "GET", "/offers?limit=200")
        offers = [offer for offer in listed.body.get("offers", ()) if offer.get("status") == "ACTIVE"]
        for offer in offers:
            if offer["inventory_count"] < LOW_STOCK:
                path = f"/offers/{offer['offer_id']}/restock"
                yield Request("restock", "POST", path, {"units": RESTOCK_UNITS}, once=True)
        if self._products:
            yield from _refill_products()
        on_percent = [offer for offer in offers if offer["discount_type"] == "PERCENTAGE"]
        eligible = [offer for offer in on_percent if offer["discount_value"] + PRICE_STEP <= 100]
        if eligible:
            offer = self._random.choice(eligible)
            self._raised = (offer["offer_id"], offer["discount_value"])
            yield _price(offer["offer_id"], round(offer["discount_value"] + PRICE_STEP, 2))
        return bool(eligible)

    def end_sale(self) -> Steps:
        """Give the offer on sale its old discount back; returns whether there was one."""
        if self._raised is None:
            return False
        (offer_id, discount_value), self._raised = self._raised, None
        yield _price(offer_id, discount_value)
        return True


def _refill_products() -> Steps:
    """Look at all products and refill those that run out; returns whether one did."""
    listed = yield LIST_PRODUCTS
    low = [product for product in listed.body.get("products", ()) if product["stock"] < LOW_PRODUCT_STOCK]
    for product in low:
        path = f"/products/{product['productId']}/restock"
        yield Request("restock product", "POST", path, {"units": RESTOCK_PRODUCT_UNITS}, once=True)
    return bool(low)


def _price(offer_id: str, discount_value: float) -> Request:
    body = {"discount_value": discount_value}
    return Request("change price", "PATCH", f"/offers/{offer_id}", body)
