"""The HTTP client of shoppers and recordings, without a network."""

import json
import threading
import time

import httpx

from offerloop.offers.model import DiscountType, EventType
from offerloop.orders.model import OrderStatus
from simulator.shoppers.checkout import OrderNews, OrderState
from simulator.shoppers.http_shop import ATTEMPTS, HttpShop
from simulator.shoppers.request_meter import RequestMeter, percentile
from simulator.shoppers.shop import UNREACHABLE, Refused, Served, ServedOffer
from tests.fake_shop_api import FakeShopApi, problem

NOW = {"Retry-After": "0"}


def shop_on(api: FakeShopApi, **options) -> HttpShop:
    def handle(request: httpx.Request) -> httpx.Response:
        headers = {"Idempotency-Key": request.headers.get("Idempotency-Key")}
        headers["X-API-Key"] = request.headers.get("X-API-Key")
        status, body, extra = api.answer(request.url.path, json.loads(request.content), headers)
        return httpx.Response(status, json=dict(body), headers=dict(extra))

    return HttpShop("http://shop/prod/", "secret", transport=httpx.MockTransport(handle), **options)


def test_a_recommendation_is_read_as_served_offers_and_the_key_is_sent():
    api = FakeShopApi([("OFF001", "electronics", 5)], api_key="secret")

    assert shop_on(api).recommend("USER001") == Served(
        (ServedOffer("OFF001", "electronics", DiscountType.PERCENTAGE, 3000, 5),), 1
    )
    assert api.calls == [("/prod/offers/recommend", {"user_id": "USER001"}, None)]


def test_a_refusal_keeps_its_code_and_is_counted():
    shop = shop_on(FakeShopApi([("OFF001", "electronics", 0)]))

    assert shop.track("ann", "OFF001", "electronics", EventType.REDEMPTION) == Refused("out_of_stock")
    assert shop.meter.refusals == {"out_of_stock": 1}


def test_a_busy_shop_is_asked_again_with_the_same_key_so_that_the_event_is_stored_once():
    api = FakeShopApi([("OFF001", "electronics", 5)])
    api.upcoming = [problem(503, "busy", NOW), problem(429, "too_many_requests", NOW)]
    shop = shop_on(api)

    assert shop.track("ann", "OFF001", "electronics", EventType.REDEMPTION) is None
    keys = [key for _, _, key in api.calls]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert keys[0] is not None
    assert api.stored == [("ann", "OFF001", "REDEMPTION")]
    assert (shop.meter.requests, shop.meter.retries) == (1, 2)


def test_two_events_never_share_a_key_and_a_given_key_is_used():
    api = FakeShopApi([("OFF001", "electronics", 5)])
    shop = shop_on(api)
    for key in (None, None, "mine"):
        shop.track("ann", "OFF001", "electronics", EventType.VIEW, key)

    keys = [key for _, _, key in api.calls]
    assert len(set(keys)) == 3
    assert keys[-1] == "mine"


def test_retries_end_and_the_last_refusal_stands():
    api = FakeShopApi([("OFF001", "electronics", 5)])
    api.upcoming = [problem(503, "busy", NOW)] * 20

    assert shop_on(api).recommend("ann") == Refused("busy")
    assert len(api.calls) == ATTEMPTS


def test_what_cannot_succeed_later_is_not_asked_again():
    api = FakeShopApi()
    api.upcoming = [problem(500, "internal_error")]

    assert shop_on(api).recommend("ann") == Refused("internal_error")
    assert len(api.calls) == 1


def test_an_answer_in_another_form_is_a_refusal_named_by_its_status():
    transport = httpx.MockTransport(lambda _: httpx.Response(403, text="<html>"))

    assert HttpShop("http://shop", transport=transport).recommend("ann") == Refused("http_403")


def test_a_shop_that_cannot_be_reached_is_a_refusal():
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    stopping = threading.Event()
    stopping.set()
    shop = HttpShop("http://shop", transport=httpx.MockTransport(refuse), stopping=stopping)

    assert shop.recommend("ann") == UNREACHABLE


def test_stopping_ends_a_long_retry_wait_at_once():
    api = FakeShopApi()
    api.upcoming = [problem(503, "busy", {"Retry-After": "3600"})] * 9
    stopping = threading.Event()
    timer = threading.Timer(0.1, stopping.set)
    timer.start()
    started = time.monotonic()

    assert shop_on(api, stopping=stopping).recommend("ann") == Refused("busy")
    assert time.monotonic() - started < 30  # and not an hour
    assert len(api.calls) == 1


def test_stock_is_asked_for_and_refilled_once_however_often_that_is_sent():
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if request.method == "GET":
            return httpx.Response(200, json={"offer_id": "OFF001", "inventory_count": 0})
        return httpx.Response(503 if len(requests) == 2 else 200, json={"code": "busy"}, headers=NOW)

    shop = HttpShop("http://shop", "secret", transport=httpx.MockTransport(handle))

    assert shop.units_left("OFF001") == 0
    assert shop.restock("OFF001", 50) is None
    assert [(request.method, request.url.path) for request in requests] == [
        ("GET", "/offers/OFF001"),
        ("POST", "/offers/OFF001/restock"),
        ("POST", "/offers/OFF001/restock"),
    ]
    assert json.loads(requests[1].content) == {"units": 50}
    assert requests[1].headers["Idempotency-Key"] == requests[2].headers["Idempotency-Key"]


def test_the_meter_counts_by_kind_and_overall():
    meter = RequestMeter()
    for latency_ms in range(1, 101):
        meter.answered("RECOMMEND", latency_ms, None)
    meter.answered("VIEW", 1000, "busy")

    rows = {row.kind: (row.requests, row.latency_ms_p50, row.latency_ms_p95) for row in meter.by_kind()}
    assert rows == {"RECOMMEND": (100, 50, 95), "VIEW": (1, 1000, 1000), "all": (101, 51, 96)}
    assert meter.refusals == {"busy": 1}
    assert percentile([], 95) == 0


def test_a_customer_s_orders_are_read_page_by_page_with_what_became_of_them():
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/prod/customers/C-ann/orders"
        first = "cursor" not in request.url.params
        order = {"orderId": "o2", "status": "FAILED", "reason": "out of stock"}
        earlier = {"orderId": "o1", "status": "COMPLETED", "reason": None}
        body = {"orders": [order if first else earlier], "cursor": "a/b" if first else None}
        return httpx.Response(200, json=body)

    shop = HttpShop("http://shop/prod", "secret", transport=httpx.MockTransport(answer))

    newest = shop.orders_of("C-ann")
    assert newest == OrderNews({"o2": OrderState(OrderStatus.FAILED, "out of stock")}, "a/b")
    assert shop.orders_of("C-ann", newest.cursor) == OrderNews({"o1": OrderState(OrderStatus.COMPLETED)})
