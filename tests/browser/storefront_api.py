"""A small stand-in for the API's routes that the storefront's tags ask, with what can go wrong there."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from harness.storefront_site import StorefrontSite
from harness.system import RunningSystem

KEY, TOKEN = "the-shop's-key", "a-customer-token"
PRICES = {"LAPTOP001": ("Laptop", "electronics", 129_999), "COFFEE001": ("Coffee, 1 kg", "groceries", 1_849)}
HEADERS_OF_BROWSERS = "Content-Type,Idempotency-Key,X-Customer-Token"
PROMO_CODE, CODE_WORTH = "WELCOME10", 1_000
NOT_GOOD = "the promo code cannot be used"
Answer = tuple[int, Mapping[str, Any] | None, Mapping[str, str]]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: str

    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


@dataclass
class StorefrontApi:
    """Quotes, places and shows orders of one customer. Amounts inside are minor units.

    Attributes:
        upcoming: answers to requests, by "METHOD /path", given before anything else; None = no answer at all.
        statuses: what an order is each time it is looked at; the last one stays.
        pends: the order's points are not usable yet.
        codes: what the customer claimed and has not used.
        orders: placed orders, by their key.
        seen: every request, in order of arrival.
    """

    balance: int = 25_000
    statuses: list[str] = field(default_factory=lambda: ["PENDING", "COMPLETED"])
    pends: bool = False
    down: bool = False
    codes: list[str] = field(default_factory=list)
    upcoming: dict[str, list[Answer | None]] = field(default_factory=dict)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: list[Request] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Answer | None:
        with self._lock:
            self.seen.append(request)
            route = f"{request.method} {request.path.partition('?')[0]}"
            if self.down:
                return None
            if self.upcoming.get(route):
                return self.upcoming[route].pop(0)
            if route.startswith("POST /customers/"):
                ok = request.headers.get("x-api-key") == KEY
                return (201, {"token": TOKEN, "expires_at": 4_000_000_000}, {}) if ok else problem(401, "no")
            if route == "POST /codes/claim":
                return 200, {"success": True, "promo_code": PROMO_CODE}, {}
            if request.headers.get("x-customer-token") != TOKEN:
                return problem(401, "not_signed_in")
            return self._route(route, request)

    def asked(self, route: str) -> list[Request]:
        return [each for each in self.seen if f"{each.method} {each.path.partition('?')[0]}" == route]

    def _route(self, route: str, request: Request) -> Answer:
        if route == "GET /products":
            return 200, {"products": [product(each) for each in PRICES], "cursor": None}, {}
        if route == "POST /orders/quote":
            return self._quote(request.json())
        if route == "POST /orders":
            return self._place(request)
        if route.startswith("GET /orders/"):
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            reason = "payment declined: not enough money" if status == "FAILED" else None
            order = {"orderId": "order-1", "status": status, "bonusUsed": 50, "reason": reason}
            return 200, order, {}
        if route.startswith("GET /customers/") and route.endswith("/codes"):
            return 200, {"codes": [{"code": each, "status": "CLAIMED"} for each in self.codes]}, {}
        if route.startswith("GET /customers/"):
            return 200, self._account(), {}
        return problem(404, "not_found")

    def _quote(self, asked: Mapping[str, Any]) -> Answer:
        lines = [line(item) for item in asked["items"]]
        goods = sum(round(each["price"] * 100) * each["quantity"] for each in lines)
        code, points = asked.get("promoCode"), round(asked.get("useBonus", 0) * 100)
        if code is not None and code.upper() != PROMO_CODE:
            return problem(409, "code_not_good", NOT_GOOD)
        off = min(goods, CODE_WORTH) if code else 0
        if points > self.balance:
            return problem(409, "insufficient_bonus", "fewer points can be used")
        if points > goods - off:
            errors = [{"field": "useBonus", "message": f"at most {(goods - off) / 100:.2f} is left to pay"}]
            return problem(400, "invalid_input", "more bonus than the order costs", errors=errors)
        answer = {
            "items": lines,
            "goodsAmount": goods / 100,
            "promoCode": PROMO_CODE if code else None,
            "codeDiscount": off / 100,
            "bonusUsed": points / 100,
            "totalAmount": (goods - off - points) / 100,
            "currency": "EUR",
            "usableBonus": self.balance / 100,
            "earnedBonus": (goods - off) // 10 / 100,
        }
        return 200, answer, {}

    def _place(self, request: Request) -> Answer:
        key, order = request.headers["idempotency-key"], request.json()
        quoted = self._quote(order)[1] or {}
        if order["totalAmount"] != quoted.get("totalAmount"):
            return problem(422, "amount_mismatch", "prices and totals are the catalogue's")
        self.orders.setdefault(key, order)
        answer = {"orderId": "order-1", "status": "PENDING", "totalAmount": order["totalAmount"]}
        return 201, answer | {"currency": "EUR"}, {}

    def _account(self) -> Mapping[str, Any]:
        kind = "PENDED" if self.pends else "ISSUED"
        entry = {"orderId": "order-1", "kind": kind, "amount": 128.5, "balance": 378.5}
        awaited = {"orderId": "order-1", "amount": 128.5, "countsFrom": "2030-12-05T12:00:00Z"}
        figures = {"balance": self.balance / 100, "usable": self.balance / 100, "held": 0, "owed": 0}
        expiry = {"amount": 20, "at": "2031-01-31T12:00:00Z"}
        figures |= {"pendingOrders": [awaited] if self.pends else []}
        return {**figures, "pending": 12.5, "nextExpiry": expiry, "history": [entry], "cursor": None}


def product(product_id: str) -> dict[str, Any]:
    name, category, price = PRICES[product_id]
    known = {"productId": product_id, "name": name, "category": category, "price": price / 100}
    return known | {"stock": 50, "status": "ACTIVE"}


def line(item: Mapping[str, Any]) -> dict[str, Any]:
    name, _, price = PRICES[item["productId"]]
    known = {"productId": item["productId"], "name": name, "quantity": item["quantity"]}
    return known | {"price": price / 100, "discount": 0, "offerId": item.get("offerId")}


def problem(status: int, code: str, detail: str = "", retry_after_s: int = 0, **more: object) -> Answer:
    headers = {"Retry-After": str(retry_after_s)} if retry_after_s else {}
    return status, {"status": status, "code": code, "title": code, "detail": detail, **more}, headers


class ApiRequest(BaseHTTPRequestHandler):
    """One request, across origins as browsers make them."""

    protocol_version = "HTTP/1.1"
    api: StorefrontApi
    origin: str

    def do_OPTIONS(self) -> None:
        allowed = {
            "Access-Control-Allow-Headers": HEADERS_OF_BROWSERS,
            "Access-Control-Allow-Methods": "GET,POST",
        }
        self.send(204, b"", allowed)

    def route(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.api.answer(Request(self.command, self.path, headers, body))
        if answer is None:
            self.close_connection = True
            return
        status, said, headers = answer
        kind = "application/problem+json" if status >= 400 else "application/json"
        self.send(status, json.dumps(said).encode(), {**headers, "Content-Type": kind})

    do_GET = do_POST = route

    def send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        fixed = {"Access-Control-Allow-Origin": self.origin, "Access-Control-Expose-Headers": "Retry-After"}
        for name, value in {**fixed, **headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def shop(folder: Path) -> Iterator[tuple[StorefrontApi, str]]:
    """Serve the demo shop and the API that it asks; gives the API and the shop's address."""
    api = StorefrontApi()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (ApiRequest,), {"api": api}))
    system = RunningSystem(
        target="embedded",
        endpoint_url=None,
        region="eu-central-1",
        prefix="",
        api_url=f"http://127.0.0.1:{server.server_port}",
        api_key=KEY,
        dashboard_url=None,
        outputs={},
        state_dir=folder,
    )
    site = StorefrontSite(0, lambda: system)
    server.RequestHandlerClass.origin = site.url  # type: ignore[attr-defined]
    for each in (server, site):
        threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield api, site.url
    finally:
        for each in (server, site):
            each.shutdown()
            each.server_close()
