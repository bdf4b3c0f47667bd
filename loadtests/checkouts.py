"""Visits that end at the till: a basket, an order, and looks at what becomes of it.

Steps like those of `loadtests.visits`. What an order body says, and what a line costs with an offer, is the
live shoppers' code (`simulator.shoppers`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from loadtests.claims import claim_visit
from loadtests.plan import VisitKind
from loadtests.visits import (
    LIST_PRODUCTS,
    PLACE_ORDER,
    Request,
    Steps,
    Think,
    Visitor,
    look_through,
    pleases,
    recommendation,
    report,
    visit,
)
from offerloop.orders.model import IN_PROGRESS, MAX_LINES, OrderStatus
from simulator.shoppers.checkout import BasketLine, Checkout, SoldProduct
from simulator.shoppers.http_shop import listed_product, order_body, served_offer
from simulator.shoppers.shop import ShownOffer

# A basket has two lines in the mean where enough is sold; recorded grocers have nine (docs/load.md).
FURTHER_LINE, FURTHER_UNIT = 0.5, 0.25
BUYS_WITHOUT_OFFER = 0.2  # of visits in which no offer went into the cart
CANCELLED = 0.05  # of orders, right after they were placed
LOOKS_AT_MOST = 3  # at an order, while it is in progress
LOOKS_AT_ALL = 0.2  # of customers, at the list of their orders


def checkout_visit(visitor: Visitor, randomness: Random) -> Steps:
    """Buy something without a look at the offers; nobody is displeased."""
    yield from _check_out(visitor, [], randomness)
    return True


def shop_visit(visitor: Visitor, randomness: Random) -> Steps:
    """Look through the offers and take to the till what would have been redeemed.

    Returns:
        Whether anything that was served appealed.
    """
    served = yield recommendation(visitor)
    cart: list[Mapping[str, Any]] = []
    yield from look_through(visitor, served, randomness, cart)
    if cart or randomness.random() < BUYS_WITHOUT_OFFER:
        yield Think(visitor.haste)
        yield from _check_out(visitor, cart, randomness)
    return pleases(served, visitor)


VISITS: Mapping[VisitKind, Callable[[Visitor, Random], Steps]] = {
    VisitKind.BROWSE: visit,
    VisitKind.CHECKOUT: checkout_visit,
    VisitKind.SHOP: shop_visit,
    VisitKind.CLAIMS: claim_visit,
}


def fill_basket(
    products: Sequence[SoldProduct], wanted: Sequence[ShownOffer], randomness: Random
) -> tuple[BasketLine, ...]:
    """Choose what to buy, each product on one line.

    Args:
        wanted: offers to be used, each on one unit of a product of its category; one without is left out.
    Returns:
        Lines with offers first; none where nothing is sold.
    """
    left = list(products)
    randomness.shuffle(left)
    lines: list[BasketLine] = []
    for offer in wanted:
        product = next((each for each in left if each.category == offer.category), None)
        if product is not None:
            left.remove(product)
            lines.append(BasketLine(product, 1, offer))
    while left and len(lines) < MAX_LINES and (not lines or randomness.random() < FURTHER_LINE):
        lines.append(BasketLine(left.pop(), _units(randomness)))
    return tuple(lines)


def _units(randomness: Random) -> int:
    units = 1
    while randomness.random() < FURTHER_UNIT:
        units += 1
    return units


def _check_out(visitor: Visitor, cart: Sequence[Mapping[str, Any]], randomness: Random) -> Steps:
    """Order what the cart's offers are for and some more; returns whether the order was accepted.

    An offer for which no product is sold is redeemed without an order.
    """
    listed = yield LIST_PRODUCTS
    sold = [product for product in listed.body.get("products", ()) if _is_on_sale(product)]
    lines = fill_basket(list(map(listed_product, sold)), list(map(served_offer, cart)), randomness)
    used = {line.offer.offer_id for line in lines if line.offer is not None}
    for offer in cart:
        if offer["offer_id"] not in used:
            yield Think(visitor.haste)
            yield report(visitor, offer, "REDEMPTION")
    if not lines:
        return False
    yield Think(visitor.haste)
    placed = yield Request(
        PLACE_ORDER, "POST", "/orders", order_body(Checkout(visitor.user_id, lines)), once=True
    )
    if not placed.is_ok:
        return False
    yield from _follow(visitor, placed.body["orderId"], randomness)
    return True


def _is_on_sale(product: Mapping[str, Any]) -> bool:
    return product["status"] == "ACTIVE" and bool(product["stock"] > 0)


def _follow(visitor: Visitor, order_id: str, randomness: Random) -> Steps:
    """Cancel the order, or look at it until it is final; returns whether it was seen to be final."""
    is_final = False
    if randomness.random() < CANCELLED:
        yield Request("cancel order", "POST", f"/orders/{order_id}/cancel")
    for _ in range(LOOKS_AT_MOST):
        yield Think(visitor.haste)
        seen = yield Request("order status", "GET", f"/orders/{order_id}")
        is_final = seen.is_ok and OrderStatus(seen.body["status"]) not in IN_PROGRESS
        if is_final:
            break
    if randomness.random() < LOOKS_AT_ALL:
        yield Think(visitor.haste)
        yield Request("list orders", "GET", f"/customers/{visitor.user_id}/orders?limit=20")
    return is_final
