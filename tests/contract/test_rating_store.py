"""`RatingStore`: one rating an order, beside the order and never in it."""

import pytest

from offerloop.orders import steps
from offerloop.orders.model import OrderStatus, Tracking
from offerloop.orders.rate_order import Rating, rate_order
from tests.factories import NOON_MS, FixedClock
from tests.orders import a_stored_order

GOOD = Rating("order-1", 5, "Well packed", NOON_MS)


def test_an_order_has_no_rating_until_one_is_given(stores):
    assert stores.ratings.of("order-1") is None

    stores.ratings.keep(GOOD)

    assert stores.ratings.of("order-1") == GOOD
    assert stores.ratings.of("order-2") is None


@pytest.mark.parametrize("later_ms", [0, 1, 86_400_000])
def test_a_later_rating_takes_the_place_of_an_earlier_one(stores, later_ms):
    stores.ratings.keep(GOOD)
    worse = Rating("order-1", 1, None, NOON_MS + later_ms)

    stores.ratings.keep(worse)

    assert stores.ratings.of("order-1") == worse


def test_an_earlier_rating_that_arrives_late_changes_nothing(stores):
    stores.ratings.keep(GOOD)

    stores.ratings.keep(Rating("order-1", 1, "too late", NOON_MS - 1))

    assert stores.ratings.of("order-1") == GOOD


def test_a_rating_is_no_transition(stores):
    """It leaves the order's version and history alone, and the order leaves the rating alone."""
    order = a_stored_order("order-1")
    stores.orders.write(steps.placing(order, None))
    clock = FixedClock()
    for status in (OrderStatus.VALIDATING, OrderStatus.INVENTORY_CHECK):
        stores.orders.write(steps.moving(stores.orders.get("order-1"), status, clock.now_ms()))
    before, history = stores.orders.get("order-1"), stores.orders.history("order-1")

    stores.ratings.keep(GOOD)

    assert (stores.orders.get("order-1"), stores.orders.history("order-1")) == (before, history)
    stores.orders.write(steps.ending(before, OrderStatus.FAILED, "no reason", clock.now_ms()))
    assert stores.ratings.of("order-1") == GOOD


def test_a_completed_order_can_be_rated_over_the_store(stores):
    order = a_stored_order(
        "order-1", status=OrderStatus.COMPLETED, tracking=Tracking("Post", "P-1", "BOOKED", NOON_MS)
    )
    stores.orders.write(steps.placing(order, None))

    given = rate_order(
        "order-1", 4, None, store=stores.orders, ratings=stores.ratings, clock=FixedClock(), customer_id="ann"
    )

    assert stores.ratings.of("order-1") == given == Rating("order-1", 4, None, NOON_MS)
