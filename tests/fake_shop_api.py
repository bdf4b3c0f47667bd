"""A small stand-in for the deployed API's routes on offers, for tests of clients; `tests.fake_till` sells."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Mapping[str, Any], Mapping[str, str]]


def problem(status: int, code: str, headers: Mapping[str, str] | None = None) -> Answer:
    return status, {"type": f"urn:offerloop:problem:{code}", "status": status, "code": code}, headers or {}


class FakeShopApi:
    """Keeps stock, remembers Idempotency-Keys and logs what had an effect.

    Attributes:
        offers: (offer id, category, stock); the first three in stock are served.
        upcoming: answers given before anything else, one per request.
        calls: every request as (path, body, idempotency key), in order of arrival.
        stored: events that were stored, as (user, offer, event type), in order.
    """

    def __init__(self, offers: Sequence[tuple[str, str, int]] = (), api_key: str | None = None) -> None:
        self.category = {offer_id: category for offer_id, category, _ in offers}
        self.stock = {offer_id: stock for offer_id, _, stock in offers}
        self.api_key = api_key
        self.upcoming: list[Answer] = []
        self.calls: list[tuple[str, dict[str, str], str | None]] = []
        self.stored: list[tuple[str, str, str]] = []
        self._answers: dict[str, Answer] = {}
        self._lock = threading.Lock()

    def answer(self, path: str, body: dict[str, str], headers: Mapping[str, str]) -> Answer:
        with self._lock:
            key = headers.get("Idempotency-Key")
            self.calls.append((path, body, key))
            if self.upcoming:
                return self.upcoming.pop(0)
            if self.api_key is not None and headers.get("X-API-Key") != self.api_key:
                return problem(401, "not_signed_in")
            if path.endswith("/offers/recommend"):
                return self._recommend(body)
            if key is None or key not in self._answers:
                answer = self._track(body)
                if key is None or answer[0] != 200:
                    return answer
                self._answers[key] = answer
            return self._answers[key]

    def _recommend(self, body: dict[str, str]) -> Answer:
        open_offers = [offer_id for offer_id, stock in self.stock.items() if stock > 0]
        shown = [
            {
                "offer_id": offer_id,
                "offer_name": offer_id,
                "category": self.category[offer_id],
                "discount_type": "PERCENTAGE",
                "discount_value": 30,
                "priority": 80,
                "inventory_count": self.stock[offer_id],
                "score": 70.0,
                "priority_boost": 0,
            }
            for offer_id in open_offers[:3]
        ]
        answer = {
            "user_id": body["user_id"],
            "recommended_offers": shown,
            "total_available": len(open_offers),
        }
        return 200, answer, {}

    def _track(self, body: dict[str, str]) -> Answer:
        offer_id = body["offer_id"]
        if offer_id not in self.stock:
            return problem(404, "unknown_offer")
        if body["category"] != self.category[offer_id]:
            return problem(422, "category_mismatch")
        if body["event_type"] == "REDEMPTION":
            if self.stock[offer_id] == 0:
                return problem(409, "out_of_stock")
            self.stock[offer_id] -= 1
        self.stored.append((body["user_id"], offer_id, body["event_type"]))
        return 200, {"message": "Event tracked successfully", "event_id": f"e{len(self.stored)}"}, {}


@contextmanager
def served(api: FakeShopApi) -> Iterator[str]:
    """Serve *api* on a free loopback port; gives its base address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self._give_answer(
                json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            )

        def do_PATCH(self) -> None:
            self.do_POST()

        def do_GET(self) -> None:
            self._give_answer({})

        def _give_answer(self, body: dict[str, Any]) -> None:
            status, answer, headers = api.answer(self.path, body, self.headers)
            content = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/prod"
    finally:
        server.shutdown()
        server.server_close()
