"""A small stand-in for the deployed API that sells: products, orders and what becomes of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fake_shop_api import Answer, FakeShopApi, problem

PRODUCTS = (("LAPTOP001", "electronics", 1299.99), ("COFFEE001", "groceries", 18.49))
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=0.2)  # between two orders, and from when one is placed to its end


class FakeTill(FakeShopApi):
    """Takes every order and ends it at once.

    Attributes:
        orders: bodies of accepted orders by id.
        ends_as: status of every order that is asked for.
        forgets: how many of the first orders it does not know any more.
        refuses: answers to `POST /orders` before any is accepted.
    """

    def __init__(self, offers: Sequence[tuple[str, str, int]] = (), api_key: str | None = None) -> None:
        super().__init__(offers, api_key)
        self.orders: dict[str, dict[str, Any]] = {}
        self.ends_as = "COMPLETED"
        self.forgets = 0
        self.refuses: list[Answer] = []

    def answer(self, path: str, body: dict[str, Any], headers: Mapping[str, str]) -> Answer:
        route = path.removeprefix("/prod").partition("?")[0]
        if not route.startswith(("/products", "/orders", "/customers")):
            return super().answer(path, body, headers)
        with self._lock:
            self.calls.append((path, body, headers.get("Idempotency-Key")))
            if self.api_key is not None and headers.get("X-API-Key") != self.api_key:
                return problem(401, "not_signed_in")
            return self._at_the_till(route, body)

    def _at_the_till(self, route: str, body: dict[str, Any]) -> Answer:
        found = re.fullmatch(r"/orders/([^/]+)(/cancel)?", route)
        if found and found[2]:
            return problem(409, "order_not_open")
        if found:
            return self._details(found[1])
        if route == "/orders":
            return self._place(body)
        if route.startswith("/customers"):
            return 200, {"orders": [], "cursor": None}, {}
        return (201, {"productId": body["productId"]}, {}) if body else (200, {"products": _on_sale()}, {})

    def _place(self, body: dict[str, Any]) -> Answer:
        if self.refuses:
            return self.refuses.pop(0)
        order_id = f"order-{len(self.orders)}"
        self.orders[order_id] = body
        return 201, {"orderId": order_id, "status": "PENDING", "totalAmount": body["totalAmount"]}, {}

    def _details(self, order_id: str) -> Answer:
        known = list(self.orders)
        if order_id not in known[self.forgets :]:
            return problem(404, "unknown_order")
        placed = NOON + known.index(order_id) * STEP
        history = [
            {"status": "PENDING", "at": placed.isoformat(), "detail": ""},
            {"status": self.ends_as, "at": (placed + STEP).isoformat(), "detail": ""},
        ]
        facts = {"orderId": order_id, "status": self.ends_as, "placedAt": placed.isoformat(), "reason": None}
        return 200, facts | {"history": history}, {}


def _on_sale() -> list[dict[str, object]]:
    return [
        {"productId": name, "category": category, "price": price, "stock": 500, "status": "ACTIVE"}
        for name, category, price in PRODUCTS
    ]
