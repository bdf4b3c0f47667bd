"""Who may rate which orders."""

import json

import pytest

from handlers.order_bodies import PhoneBody, RatingBody
from handlers.rest import parse
from offerloop.errors import InvalidInput, OrderNotOpen, UnknownOrder
from offerloop.orders.model import PAID, OrderStatus
from offerloop.orders.rate_order import Rating, rate_order
from simulator.memory.orders import MemoryOrderStore, MemoryRatingStore
from simulator.memory.world import MemoryWorld
from tests.factories import NOON_MS, FixedClock
from tests.orders import a_stored_order


@pytest.fixture
def world():
    return MemoryWorld(FixedClock())


def rate(world, score=5, comment=None, customer_id="ann"):
    return rate_order(
        "order-1",
        score,
        comment,
        store=MemoryOrderStore(world),
        ratings=MemoryRatingStore(world),
        clock=world.clock,
        customer_id=customer_id,
    )


@pytest.mark.parametrize("status", sorted(PAID))
@pytest.mark.parametrize("customer_id", ["ann", None])
def test_a_completed_order_is_rated_by_its_customer_or_the_shop(world, status, customer_id):
    world.orders["order-1"] = a_stored_order("order-1", status=status)

    assert rate(world, 4, "Fine", customer_id) == Rating("order-1", 4, "Fine", NOON_MS)
    assert world.ratings == {"order-1": Rating("order-1", 4, "Fine", NOON_MS)}


@pytest.mark.parametrize("status", sorted(set(OrderStatus) - PAID))
def test_an_order_that_did_not_come_about_is_not_rated(world, status):
    world.orders["order-1"] = a_stored_order("order-1", status=status)

    with pytest.raises(OrderNotOpen):
        rate(world)
    assert world.ratings == {}


def test_anothers_order_is_unknown_like_none(world):
    with pytest.raises(UnknownOrder) as none:
        rate(world)
    world.orders["order-1"] = a_stored_order("order-1", customer_id="bob", status=OrderStatus.COMPLETED)

    with pytest.raises(UnknownOrder) as anothers:
        rate(world)
    assert (str(anothers.value), world.ratings) == (str(none.value), {})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rating": 0}, "rating"),
        ({"rating": 6}, "rating"),
        ({"rating": 4.5}, "rating"),
        ({"rating": True}, "rating"),
        ({"rating": "5"}, "rating"),
        ({}, "rating"),
        ({"rating": 5, "comment": "x" * 501}, "comment"),
        ({"rating": 5, "comment": "a\u0000"}, "comment"),
    ],
)
def test_a_rating_that_is_none_is_refused(body, field):
    with pytest.raises(InvalidInput) as refused:
        parse(RatingBody, json.dumps(body).encode())
    assert [error.field for error in refused.value.fields] == [field]


@pytest.mark.parametrize("phone", ["", "447700900123", "+0", "+44 7700 900123", "+4477009001234567"])
def test_a_phone_that_is_none_is_refused(phone):
    with pytest.raises(InvalidInput) as refused:
        parse(PhoneBody, json.dumps({"phone": phone}).encode())
    assert [error.field for error in refused.value.fields] == ["phone"]
