"""Orders in a store: placed, carried forward, and all that a step of theirs may change."""

from dataclasses import replace

from offerloop.orders import steps
from offerloop.orders.model import (
    Order,
    OrderLine,
    OrderStatus,
    Tracking,
)
from offerloop.orders.ports import OrderStep
from tests.contract.conftest import Stores
from tests.factories import NOON_MS, an_offer
from tests.orders import ADDRESS, a_product

S = OrderStatus
LAPTOP, CABLE = OrderLine("LAPTOP001", "Laptop", 2, 129_999), OrderLine("CABLE", "Kabel ✨", 3, 1_999)
WITH_OFFER = replace(LAPTOP, offer_id="OFF001", unit_discount=32_500)
NO_LIMIT = {"OFF001": 0}
TRACKED = Tracking("Post", "P-1", "BOOKED", NOON_MS)
FORWARD = (S.VALIDATING, S.INVENTORY_CHECK, S.PAYMENT_PROCESSING, S.FULFILLMENT, S.COMPLETED)


def an_order(order_id: str = "order-1", *lines: OrderLine, **changes: object) -> Order:
    """Two laptops for ann, with an offer."""
    lines = lines or (WITH_OFFER,)
    attributes: dict[str, object] = {
        "order_id": order_id,
        "customer_id": "ann",
        "lines": lines,
        "total": sum(line.amount for line in lines),
        "currency": "EUR",
        "email": "ann@shop.test",
        "address": ADDRESS,
        "placed_at_ms": NOON_MS,
    }
    attributes |= changes
    attributes.setdefault("updated_at_ms", attributes["placed_at_ms"])
    return Order(**attributes)  # type: ignore[arg-type]


def with_stock(stores: Stores, **offer: object) -> None:
    """Ten laptops, ten cables, and ten units of OFF001."""
    stores.products.create(a_product(), None)
    stores.products.create(a_product("CABLE", price=1_999), None)
    stores.put_offer(an_offer(**offer))


def placed(stores: Stores, order: Order) -> Order:
    stores.orders.write(steps.placing(order, None))
    return order


def to(order: Order, status: OrderStatus, now_ms: int = NOON_MS, **more: object) -> OrderStep:
    """The step forward to *status*; HOLDs are without a limit for the customer."""
    more.setdefault("limits", {line.offer_id: 0 for line in order.lines if line.offer_id is not None})
    return steps.moving(order, status, now_ms, **more)  # type: ignore[arg-type]


def moved(stores: Stores, order: Order, status: OrderStatus) -> Order:
    """The order carried forward to *status*."""
    while order.status is not status:
        step = to(order, FORWARD[(S.PENDING, *FORWARD).index(order.status)])
        stores.orders.write(step)
        order = step.after
    return order


def counts(stores: Stores, product_id: str = "LAPTOP001") -> tuple[int, int, int]:
    """Free, held and sold."""
    product = stores.products.get(product_id)
    return product.inventory_count, product.held_count, product.sold_count


def offer_counts(stores: Stores, offer_id: str = "OFF001") -> tuple[int, int, int, int]:
    """Free, held, redeemed, and redeemed by ann."""
    offer = stores.offers.get(offer_id)
    redemptions = stores.orders.shelf("ann", [], [offer_id]).redemptions[offer_id]
    return offer.inventory_count, offer.held_count, offer.redeemed_count, redemptions


def everything(stores: Stores, order_id: str = "order-1") -> tuple[object, ...]:
    """All that a step may change."""
    return (
        stores.orders.get(order_id),
        stores.orders.history(order_id),
        stores.orders.shelf("ann", ["LAPTOP001", "CABLE"], ["OFF001"]),
        stores.order_outbox.overdue(2**43, 200),
        stores.orders.find("shop:POST /x", "k1"),
    )


# -- placing -----------------------------------------------------------------------------------------
