"""The stand-in CRM's HTTP side: the key, the limit, routes."""

import hmac
import re
import threading
import time
from dataclasses import asdict, replace
from urllib.parse import parse_qsl, urlencode

from standins import serving
from standins.keycrm import requests
from standins.keycrm.books import Books
from standins.keycrm.requests import Behaviour, Mode, Refused

ROOT = "/v1"
WINDOW_S = 60.0
BUYER_PATH = re.compile("/buyer/([0-9]{1,18})")


class KeyCrmServer(serving.Server):
    """Answers from one set of books to whoever has the key.

    Attributes:
        behaviour: may be set at any time.
    """

    service = "keycrm"

    def __init__(self, port: int, key: str, books: Books) -> None:
        super().__init__(port, KeyCrmRequest, books)
        self.books = books
        self.behaviour = Behaviour()
        self._expected = f"Bearer {key}".encode()
        self._lock = threading.Lock()
        self._window_ends, self._asked = 0.0, 0

    @property
    def url(self) -> str:
        """The root of the API, as a client of KeyCRM is given it."""
        return self.root + ROOT

    def knows(self, authorization: str) -> bool:
        """Tell whether the header has the key."""
        return hmac.compare_digest(authorization.encode(), self._expected)

    def meet(self) -> Mode:
        """Give the mode of a request, which is one less of those that the mode is for."""
        with self._lock:
            mode, left = self.behaviour.mode, self.behaviour.next
            if left == 1:
                self.behaviour = replace(self.behaviour, mode=Mode.OK, next=0)
            elif left:
                self.behaviour = replace(self.behaviour, next=left - 1)
            return mode

    def wait_s(self) -> float:
        """Count a request; seconds until it may be asked again, 0 = it is taken."""
        with self._lock:
            now, limit = time.monotonic(), self.behaviour.requests_per_minute
            if now >= self._window_ends:
                self._window_ends, self._asked = now + WINDOW_S, 0
            if limit and self._asked >= limit:
                return self._window_ends - now
            self._asked += 1
            return 0.0


class KeyCrmRequest(serving.Request):
    """One connection's requests."""

    server: KeyCrmServer

    def answer(self, path: str, query: str, body: bytes) -> None:
        try:
            if path.startswith(f"{ROOT}/"):
                self.answer_api(path.removeprefix(ROOT), query, body)
            elif path == "/behaviour":
                self.send_json(200, self.behave(body))
            else:
                raise Refused(404, "Not Found")
        except Refused as refusal:
            self.send_json(refusal.status, refusal.body())

    def refuse(self, status: int, why: str) -> None:
        self.send_json(status, Refused(status, why).body())

    def answer_api(self, path: str, query: str, body: bytes) -> None:
        """Let the key, the limit and the mode have their say, then do what is asked."""
        if not self.server.knows(self.headers.get("Authorization", "")):
            raise Refused(401, "Unauthenticated.")
        wait_s, mode = self.server.wait_s(), self.server.meet()
        if wait_s or mode is Mode.THROTTLE:
            headers = {"Retry-After": str(int(wait_s) + 1)}
            return self.send_json(429, Refused(429, "Too Many Attempts.").body(), **headers)
        if mode is Mode.OUTAGE:
            raise Refused(503, "Service Unavailable")
        if mode is Mode.LATE:
            self.server.ending.wait(self.server.behaviour.late_s)
        status, answer = self.do(path, query, body)
        if mode is Mode.FAIL:
            raise Refused(500, "Server Error")
        if mode is Mode.SILENT:
            self.close_connection = True
            return None
        return self.send_json(status, answer)

    def do(self, path: str, query: str, body: bytes) -> tuple[int, object]:
        """Carry a request out; gives status and answer."""
        found = BUYER_PATH.fullmatch(path)
        match self.command:
            case "GET" if path == "/buyer":
                return 200, self.page(query)
            case "POST" if path == "/buyer":
                return 201, _shown(self.server.books.add(requests.buyer_of(body)), False)
            case "GET" if found:
                buyer = self.server.books.buyer(int(found[1]))
                return 200, _shown(_there(buyer), requests.includes_custom_fields(query))
            case "PUT" if found:
                changed = self.server.books.change(int(found[1]), requests.buyer_of(body))
                return 200, _shown(_there(changed), False)
        raise Refused(405 if found or path == "/buyer" else 404, "Not Found")

    def page(self, query: str) -> dict[str, object]:
        asked = requests.list_query_of(query)
        found = self.server.books.page(asked.filters, asked.limit, (asked.page - 1) * asked.limit)
        last = max(1, -(-found.total // asked.limit))
        kept = [each for each in parse_qsl(query) if each[0] != "page"]

        def address(page: int) -> str:
            return f"{self.server.url}/buyer?{urlencode([*kept, ('page', page)])}"

        return {
            "total": found.total,
            "current_page": asked.page,
            "last_page": last,
            "per_page": asked.limit,
            "data": [_shown(buyer, asked.with_custom_fields) for buyer in found.buyers],
            "first_page_url": address(1),
            "last_page_url": address(last),
            "next_page_url": address(asked.page + 1) if asked.page < last else None,
            "prev_page_url": address(asked.page - 1) if asked.page > 1 else None,
        }

    def behave(self, body: bytes) -> dict[str, object]:
        """Show how it behaves, or let it behave so from now on."""
        if self.command == "PUT":
            self.server.behaviour = requests.behaviour_of(body)
        elif self.command != "GET":
            raise Refused(405, "Not Found")
        return asdict(self.server.behaviour)


def _there(buyer: dict[str, object] | None) -> dict[str, object]:
    if buyer is None:
        raise Refused(404, "Not Found")
    return buyer


def _shown(buyer: dict[str, object], with_custom_fields: bool) -> dict[str, object]:
    """A buyer as the API shows it: custom fields where asked for, with their type as text."""
    shown = {name: value for name, value in buyer.items() if name != "custom_fields"}
    filled = buyer["custom_fields"]
    assert isinstance(filled, dict)
    if with_custom_fields:
        shown["custom_fields"] = [
            {"id": at, "uuid": uuid, "name": uuid, "type": "text", "value": value}
            for at, (uuid, value) in enumerate(filled.items(), 1)
        ]
    return shown
