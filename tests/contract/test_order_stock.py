"""`OrderStore`: what transitions do to the stock of products and offers, whoever else takes from it."""

from dataclasses import replace

import pytest

from offerloop.errors import (
    AlreadyRedeemed,
    OfferHasExpired,
    OfferNotActive,
    OutOfStock,
)
from offerloop.offers.model import OfferChange, OfferStatus
from offerloop.orders import steps
from offerloop.orders.model import (
    Order,
    ProductStatus,
)
from offerloop.orders.ports import StaleOrder
from tests.contract.conftest import Stores
from tests.factories import NOON, NOON_MS, an_offer
from tests.orders import a_product
from tests.stored_orders import (
    CABLE,
    WITH_OFFER,
    S,
    an_order,
    counts,
    everything,
    moved,
    offer_counts,
    placed,
    to,
    with_stock,
)


def test_units_are_held_and_sold(stores):
    with_stock(stores)
    order = moved(stores, placed(stores, an_order("order-1", WITH_OFFER, CABLE)), S.PAYMENT_PROCESSING)
    assert (counts(stores), counts(stores, "CABLE"), offer_counts(stores)) == (
        (8, 2, 0),
        (7, 3, 0),
        (8, 2, 0, 2),
    )

    moved(stores, order, S.COMPLETED)

    assert (counts(stores), counts(stores, "CABLE"), offer_counts(stores)) == (
        (8, 0, 2),
        (7, 0, 3),
        (8, 0, 2, 2),
    )


@pytest.mark.parametrize("at", [S.PAYMENT_PROCESSING, S.FULFILLMENT])
def test_held_units_are_given_back(stores, at):
    with_stock(stores)
    order = moved(stores, placed(stores, an_order()), at)

    stores.orders.write(steps.ending(order, S.FAILED, "declined", NOON_MS))

    assert (counts(stores), offer_counts(stores)) == ((10, 0, 0), (10, 0, 0, 0))


def test_sold_units_are_returned_unit_by_unit(stores):
    with_stock(stores)
    order = moved(stores, placed(stores, an_order()), S.COMPLETED)

    step = steps.refunding(order, (1,), NOON_MS, "refunded")
    stores.orders.write(step)
    assert (counts(stores), offer_counts(stores)) == ((9, 0, 1), (9, 0, 1, 1))
    stores.orders.write(steps.refunding(step.after, (1,), NOON_MS, "refunded"))

    assert (counts(stores), offer_counts(stores)) == ((10, 0, 0), (10, 0, 0, 0))
    assert stores.orders.get("order-1").status is S.REFUNDED


def test_a_step_that_moves_nothing_touches_no_stock(stores):
    with_stock(stores)

    order = moved(stores, placed(stores, an_order()), S.INVENTORY_CHECK)
    stores.orders.write(steps.ending(order, S.CANCELLED, "cancelled", NOON_MS))

    assert (counts(stores), offer_counts(stores)) == ((10, 0, 0), (10, 0, 0, 0))


@pytest.mark.parametrize(
    ("product", "offer", "limit", "refusal", "says"),
    [
        ({"inventory_count": 1}, {}, 0, OutOfStock, "LAPTOP001 is out of stock: 2 ordered, 1 left"),
        ({"status": ProductStatus.DISCONTINUED}, {}, 0, OutOfStock, "LAPTOP001 is sold no more"),
        ({"inventory_count": 0}, {"inventory_count": 0}, 0, OutOfStock, "LAPTOP001"),
        ({}, {"inventory_count": 1}, 0, OutOfStock, "OFF001 is out of stock"),
        ({}, {"status": OfferStatus.PAUSED, "inventory_count": 0}, 1, OfferNotActive, "OFF001 is PAUSED"),
        ({}, {"expires_at": NOON, "status": OfferStatus.PAUSED}, 1, OfferHasExpired, "OFF001 has ended"),
        ({}, {"status": OfferStatus.EXPIRED}, 1, OfferHasExpired, "OFF001 has ended"),
        ({}, {}, 1, AlreadyRedeemed, "OFF001"),
        ({}, {"inventory_count": 0}, 1, AlreadyRedeemed, "OFF001"),
        ({"inventory_count": 1}, {}, 1, OutOfStock, "LAPTOP001"),
    ],
)
def test_a_refused_hold_stores_nothing(stores, product, offer, limit, refusal, says):
    stores.products.create(a_product(**product), None)
    stores.products.create(a_product("CABLE"), None)
    stores.put_offer(an_offer(**offer))
    order = moved(stores, placed(stores, an_order("order-1", CABLE, WITH_OFFER)), S.INVENTORY_CHECK)
    before = everything(stores)

    with pytest.raises(refusal, match=says):
        stores.orders.write(to(order, S.PAYMENT_PROCESSING, limits={"OFF001": limit}))

    assert everything(stores) == before


@pytest.mark.parametrize("limit", [3, 4])
def test_a_customers_limit_counts_what_its_other_orders_hold(stores, limit):
    with_stock(stores)
    moved(stores, placed(stores, an_order()), S.PAYMENT_PROCESSING)
    order = moved(stores, placed(stores, an_order("order-2")), S.INVENTORY_CHECK)
    step = to(order, S.PAYMENT_PROCESSING, limits={"OFF001": limit})

    if limit == 3:
        with pytest.raises(AlreadyRedeemed):
            stores.orders.write(step)
    else:
        stores.orders.write(step)

    held = 2 if limit == 3 else 4
    assert offer_counts(stores) == (10 - held, held, 0, held)


def test_what_a_customer_gave_back_can_be_redeemed_again(stores):
    with_stock(stores)
    order = moved(stores, placed(stores, an_order()), S.COMPLETED)
    stores.orders.write(steps.refunding(order, (2,), NOON_MS, "refunded"))
    again = moved(stores, placed(stores, an_order("order-2")), S.INVENTORY_CHECK)

    stores.orders.write(to(again, S.PAYMENT_PROCESSING, limits={"OFF001": 2}))

    assert offer_counts(stores) == (8, 2, 0, 2)


@pytest.mark.parametrize("what", ["product", "offer"])
def test_of_two_writers_one_gets_the_last_unit(stores, what):
    with_stock(stores, inventory_count=10 if what == "product" else 2)
    stores.products.create(a_product("LAST", inventory_count=2), None)
    line = replace(WITH_OFFER, product_id="LAST" if what == "product" else "LAPTOP001")
    ready = [placed(stores, an_order(f"order-{name}", line, customer_id=name)) for name in ("ann", "ben")]
    first, second = [to(moved(stores, order, S.INVENTORY_CHECK), S.PAYMENT_PROCESSING) for order in ready]

    stores.orders.write(second)
    with pytest.raises(OutOfStock):
        stores.orders.write(first)

    free, held, redeemed, by_ann = offer_counts(stores)
    assert (held, redeemed, by_ann) == (2, 0, 0)
    assert counts(stores, line.product_id)[1] == 2
    assert 0 in (free, counts(stores, "LAST")[0])


def test_an_offer_whose_last_units_are_held_is_a_stockout(stores):
    with_stock(stores, inventory_count=2)
    before = stores.offers.get("OFF001")

    moved(stores, placed(stores, an_order()), S.PAYMENT_PROCESSING)

    after = stores.offers.get("OFF001")
    assert OfferChange("c1", "OFF001", NOON, before, after).is_stockout
    assert after == replace(before, inventory_count=0, held_count=2)


@pytest.mark.parametrize("gone", ["offer", "product"])
def test_a_hold_of_what_is_gone_is_decided_again(stores, gone):
    if gone == "offer":
        stores.products.create(a_product(), None)
    else:
        stores.put_offer(an_offer())
    order = moved(stores, placed(stores, an_order()), S.INVENTORY_CHECK)

    with pytest.raises(StaleOrder):
        stores.orders.write(to(order, S.PAYMENT_PROCESSING))


# -- offers that TTL removed, or that somebody put in their place ------------------------------------


def after_the_hold(stores: Stores, move: str, order: Order) -> None:
    if move == "POST":
        moved(stores, order, S.COMPLETED)
    elif move == "VOID":
        stores.orders.write(steps.ending(order, S.CANCELLED, "cancelled", NOON_MS))
    else:
        stores.orders.write(steps.refunding(order, (2, 3), NOON_MS, "refunded"))


LEFT = {"POST": ((8, 0, 2), 2), "VOID": ((10, 0, 0), 0), "RETURN": ((10, 0, 0), 0)}


@pytest.mark.parametrize("move", ["POST", "VOID", "RETURN"])
def test_an_offer_that_is_gone_stays_gone_and_holds_nothing_up(stores, move):
    with_stock(stores)
    at = S.COMPLETED if move == "RETURN" else S.FULFILLMENT
    order = moved(stores, placed(stores, an_order("order-1", WITH_OFFER, CABLE)), at)
    stores.remove_offer("OFF001")

    after_the_hold(stores, move, order)

    shelf = stores.orders.shelf("ann", [], ["OFF001"])
    assert (shelf.offers, counts(stores), shelf.redemptions["OFF001"]) == ({}, *LEFT[move])


@pytest.mark.parametrize("move", ["POST", "VOID", "RETURN"])
def test_an_offer_that_took_the_place_of_another_knows_nothing_of_its_units(stores, move):
    with_stock(stores)
    at = S.COMPLETED if move == "RETURN" else S.FULFILLMENT
    order = moved(stores, placed(stores, an_order("order-1", WITH_OFFER, CABLE)), at)
    another = an_offer(inventory_count=7, redeemed_count=1, held_count=1)
    stores.put_offer(another)

    after_the_hold(stores, move, order)

    assert stores.offers.get("OFF001") == another
    assert counts(stores) == LEFT[move][0]


# -- lists -------------------------------------------------------------------------------------------
