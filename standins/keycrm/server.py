"""The stand-in CRM's HTTP side: the key, the limit, routes, one log line per request."""

import hmac
import json
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode

from standins.keycrm import requests
from standins.keycrm.books import Books
from standins.keycrm.requests import Behaviour, Mode, Refused

ROOT = "/v1"
MOST_BODY_BYTES = 65_536
IDLE_S = 60  # after which a connection without requests is closed
WINDOW_S = 60.0
BUYER_PATH = re.compile("/buyer/([0-9]{1,18})")


class KeyCrmServer(ThreadingHTTPServer):
    """Answers from one set of books on the loopback address.

    Attributes:
        books: of this server alone.
        say: takes the log, one line per request.
        ending: set when it stops; ends the waiting of answers that are held back.
        behaviour: may be set at any time.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, key: str, books: Books, say: Callable[[str], None]) -> None:
        super().__init__(("127.0.0.1", port), KeyCrmRequest)
        self.books, self.say = books, say
        self.ending = threading.Event()
        self.behaviour = Behaviour()
        self._expected = f"Bearer {key}".encode()
        self._lock = threading.Lock()
        self._window_ends, self._asked = 0.0, 0

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

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

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that hang up are expected; anything else is a fault and shows its trace."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class KeyCrmRequest(BaseHTTPRequestHandler):
    """One connection's requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_S
    server_version, sys_version = "offerloop-keycrm", ""
    server: KeyCrmServer
    status: int | None = None  # of the request at hand; None while, and if, it is not answered

    def route(self) -> None:
        """Answer one request, or, where the mode says so, do not."""
        began = time.monotonic()
        self.status = None
        path, _, query = self.path.partition("?")
        try:
            body = self.read_body()
            if path.startswith(f"{ROOT}/"):
                self.answer_api(path.removeprefix(ROOT), query, body)
            else:
                self.send(200, self.about_itself(path, body))
        except Refused as refusal:
            self.send(refusal.status, refusal.body())
        except ConnectionError:
            self.close_connection = True
        self.log_line(path, began)

    do_GET = do_PUT = do_POST = route

    def answer_api(self, path: str, query: str, body: bytes) -> None:
        """Let the key, the limit and the mode have their say, then do what is asked."""
        if not self.server.knows(self.headers.get("Authorization", "")):
            raise Refused(401, "Unauthenticated.")
        wait_s, mode = self.server.wait_s(), self.server.meet()
        if wait_s or mode is Mode.THROTTLE:
            self.send(429, Refused(429, "Too Many Attempts.").body(), **{"Retry-After": str(int(wait_s) + 1)})
            return
        if mode is Mode.OUTAGE:
            raise Refused(503, "Service Unavailable")
        if mode is Mode.LATE:
            self.server.ending.wait(self.server.behaviour.late_s)
        status, answer = self.do(path, query, body)
        if mode is Mode.FAIL:
            raise Refused(500, "Server Error")
        if mode is Mode.SILENT:
            self.close_connection = True
            return
        self.send(status, answer)

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

    def about_itself(self, path: str, body: bytes) -> object:
        """Answer what no KeyCRM has: health and behaviour."""
        match self.command, path:
            case "GET", "/health":
                self.server.books.page({}, 1, 0)
                return {"service": "keycrm"}
            case "GET", "/behaviour":
                return asdict(self.server.behaviour)
            case "PUT", "/behaviour":
                self.server.behaviour = requests.behaviour_of(body)
                return asdict(self.server.behaviour)
        raise Refused(404, "Not Found")

    def read_body(self) -> bytes:
        """Read the whole body; an unread rest would be taken for the next request.

        Raises:
            Refused: its length is not said, or is too great.
        """
        length = self.headers.get("Content-Length") or "0"
        if "Transfer-Encoding" in self.headers or not re.fullmatch(r"[0-9]{1,9}", length):
            self.close_connection = True
            raise Refused(400, "Content-Length must say how long the body is.")
        if int(length) > MOST_BODY_BYTES:
            self.close_connection = True
            raise Refused(413, "The body is too large.")
        return self.rfile.read(int(length))

    def send(self, status: int, body: object, **headers: str) -> None:
        """Send an answer, head and body at once."""
        content = json.dumps(body, ensure_ascii=False).encode()
        self.status = status
        self.send_response(status)
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no HTTP, or none that is taken here, in the form of all refusals."""
        self.close_connection = True
        self.send(code, {"message": message or "this is not a request"})
        self.log_line(getattr(self, "path", "").partition("?")[0], time.monotonic())

    def log_line(self, path: str, began: float) -> None:
        """Say what became of a request; no query, header or body, so no secrets and nobody's phone."""
        line = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "method": self.command,
            "path": path,
            "status": self.status,
            "ms": round((time.monotonic() - began) * 1_000, 1),
        }
        self.server.say(json.dumps(line))

    def log_message(self, *_: object) -> None:
        """`log_line` says it all."""


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
