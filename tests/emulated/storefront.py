"""The deployed API as tests use it: calls, offers of their own, and waiting for a condition."""

import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

from harness.system import RunningSystem

T = TypeVar("T")


class Storefront:
    """Calls to one deployed system; with the shop's key unless a call says otherwise."""

    def __init__(self, system: RunningSystem) -> None:
        limits = httpx.Limits(max_connections=80, max_keepalive_connections=80)
        self.http = httpx.Client(base_url=system.api_url, timeout=30, limits=limits)
        self.key = {"X-API-Key": system.api_key}
        self.system = system

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return self.http.post(path, json=body, headers=self.key | headers)

    def get(self, path: str, **params: str | int) -> httpx.Response:
        return self.http.get(path, params=params, headers=self.key)

    def patch(self, path: str, body: Any) -> httpx.Response:
        return self.http.patch(path, json=body, headers=self.key)

    def recommend(self, user_id: str) -> dict[str, Any]:
        answer = self.post("/offers/recommend", {"user_id": user_id})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def served(self, user_id: str) -> list[str]:
        return [offer["offer_id"] for offer in self.recommend(user_id)["recommended_offers"]]

    def track(self, user_id: str, offer: dict[str, Any], event_type: str, **headers: str) -> httpx.Response:
        body = {
            "user_id": user_id,
            "offer_id": offer["offer_id"],
            "category": offer["category"],
            "event_type": event_type,
        }
        return self.post("/events/track", body, **headers)

    def offer(self, offer_id: str) -> dict[str, Any]:
        answer = self.get(f"/offers/{offer_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def create(self, category: str, *, priority: int = 50, stock: int = 10, **changes: Any) -> dict[str, Any]:
        """An offer of a test's own; give each test a category of its own, so that pivots stay inside it."""
        body = {
            "offer_id": f"T-{uuid.uuid4().hex[:12]}",
            "offer_name": "Made by a test",
            "category": category,
            "discount_type": "PERCENTAGE",
            "discount_value": 10,
            "priority": priority,
            "inventory_count": stock,
        } | changes
        answer = self.post("/offers", body)
        assert answer.status_code == 201, answer.text
        return body


def fetch(system: RunningSystem, path: str, **headers: str) -> httpx.Response:
    """One call; a function that starts on a busy machine takes its time."""
    return httpx.get(f"{system.api_url}{path}", headers=headers, timeout=30)


def unique(name: str) -> str:
    """A name that no other test uses."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


def wait_for(what: str, probe: Callable[[], T | None], within_s: float) -> T:
    """Await the first true value of *probe*; fails with *what* after *within_s* seconds."""
    ends = time.monotonic() + within_s
    while True:
        found = probe()
        if found:
            return found
        assert time.monotonic() < ends, f"not within {within_s} s: {what}"
        time.sleep(0.05)
