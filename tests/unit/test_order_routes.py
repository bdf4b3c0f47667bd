"""The routes for ratings and for whoever wants no texts, as the gateway calls them."""

from __future__ import annotations

import json

import pytest

from offerloop.orders.model import OrderStatus
from simulator.memory.world import MemoryWorld
from tests.factories import FixedClock
from tests.orders import a_stored_order
from tests.routes import SHOP, Route, a_route

PHONE = "+447700900123"
RATING = "/orders/{order_id}/rating"
GIVEN = {"rating": 4, "comment": "Fine"}
RATED_AT = "2027-01-15T08:00:00.000Z"


@pytest.fixture
def route(monkeypatch: pytest.MonkeyPatch) -> Route:
    world = MemoryWorld(FixedClock())
    world.orders["done"] = a_stored_order("done", status=OrderStatus.COMPLETED)
    world.orders["open"] = a_stored_order("open")
    return a_route(monkeypatch, "ManageOrders", world)


def test_a_rating_is_kept_counted_and_shown(route: Route, capsys: pytest.CaptureFixture[str]) -> None:
    told = {"rating": 4, "comment": "Fine", "ratedAt": RATED_AT}

    answer = route.call(RATING, GIVEN, headers=route.token("ann"), order_id="done")

    assert answer == (200, {"orderId": "done"} | told)
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    metrics = [line["CustomerSatisfaction"] for line in printed if "CustomerSatisfaction" in line]
    assert metrics == [[4]]
    assert "Fine" not in str([line for line in printed if line.get("message") == "Order rated"])
    _, order = route.call("/orders/{order_id}", method="GET", headers=SHOP, order_id="done")
    assert (order["rating"], order["status"]) == (told, "COMPLETED")


def test_an_order_without_a_rating_shows_none(route: Route) -> None:
    for order_id in ("done", "open"):
        _, order = route.call("/orders/{order_id}", method="GET", headers=SHOP, order_id=order_id)
        assert order["rating"] is None


@pytest.mark.parametrize(
    ("order_id", "customer", "status"),
    [("open", "ann", 409), ("done", "bob", 404), ("none", "ann", 404)],
)
def test_what_cannot_be_rated_is_refused(route: Route, order_id: str, customer: str, status: int) -> None:
    answer = route.call(RATING, GIVEN, headers=route.token(customer), order_id=order_id)

    assert (answer[0], route.world.ratings) == (status, {})


def test_the_shop_rates_for_its_customers_and_visitors_rate_nothing(route: Route) -> None:
    assert route.call(RATING, GIVEN, order_id="done")[0] == 401
    assert route.call(RATING, GIVEN, headers=SHOP, order_id="done")[0] == 200


def test_a_phone_is_opted_out_and_in_again_by_the_shop(route: Route) -> None:
    for _ in range(2):
        answer = route.call("/messages/opt-out", {"phone": PHONE}, headers=SHOP)
        assert answer == (200, {"phone": PHONE, "optedOut": True})
    assert route.world.opted_out == {PHONE}

    answer = route.call("/messages/opt-in", {"phone": PHONE}, headers=SHOP)

    assert answer == (200, {"phone": PHONE, "optedOut": False})
    assert route.world.opted_out == set()


@pytest.mark.parametrize("path", ["/messages/opt-out", "/messages/opt-in"])
def test_nobody_but_the_shop_speaks_for_a_phone(route: Route, path: str) -> None:
    """Whose it is cannot be told from a token."""
    assert route.call(path, {"phone": PHONE})[0] == 403
    assert route.call(path, {"phone": PHONE}, headers=route.token("ann"))[0] == 403
    assert route.world.opted_out == set()
