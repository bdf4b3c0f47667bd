"""The payment service's HTTP side: routes, refusals as problem+json, one log line per request."""

import json
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from offerloop.orders.ports import PaymentRejected
from offerloop.standins.payments import Charge, Mode
from standins.payments import requests
from standins.payments.books import Books
from standins.payments.requests import BadRequest

MOST_BODY_BYTES = 16_384
IDLE_S = 60  # after which a connection without requests is closed
STATUS_OF = {"unknown_payment": 404}  # any other rejection is 422


class PaymentServer(ThreadingHTTPServer):
    """Answers from one set of books on the loopback address.

    Attributes:
        books: of this server alone.
        say: takes the log, one line per request.
        ending: set when it stops; ends the waiting of answers that are held back.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, books: Books, say: Callable[[str], None]) -> None:
        super().__init__(("127.0.0.1", port), PaymentRequest)
        self.books, self.say = books, say
        self.ending = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that hang up are expected; anything else is a fault and shows its trace."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class PaymentRequest(BaseHTTPRequestHandler):
    """One connection's requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_S
    server_version, sys_version = "offerloop-payments", ""
    server: PaymentServer
    status: int | None = None  # of the request at hand; None while, and if, it is not answered

    def route(self) -> None:
        """Answer one request, or, where its mode says so, do not."""
        began, mode = time.monotonic(), None
        self.status = None
        path, _, query = self.path.partition("?")
        try:
            mode = self.answer(path, query)
        except BadRequest as refusal:
            self.refuse(400, "invalid_input", str(refusal))
        except PaymentRejected as refusal:
            self.refuse(STATUS_OF.get(refusal.code, 422), refusal.code, str(refusal))
        except ConnectionError:
            self.close_connection = True
        self.log_line(path, mode, began)

    do_GET = do_PUT = do_POST = route

    def answer(self, path: str, query: str) -> Mode | None:
        """Do what is asked.

        Returns:
            The mode that a charge met, else None.
        """
        body = self.read_body()
        here = {method: (act, found) for method, path_is, act in ROUTES if (found := path_is.fullmatch(path))}
        if not here:
            self.refuse(404, "not_found", "there is nothing here")
            return None
        if self.command not in here:
            self.refuse(405, "method_not_allowed", f"taken here: {', '.join(here)}", Allow=", ".join(here))
            return None
        act, found = here[self.command]
        keys = [requests.key_of(part) for part in found.groups()]
        done = act(self.server.books, keys, body, query)
        if isinstance(done, Charge):
            self.answer_charge(done)
            return done.mode
        self.send(200, done)
        return None

    def answer_charge(self, charged: Charge) -> None:
        """Answer a charge in its mode; what it did is stored by now."""
        behaviour = self.server.books.behaviour()
        if charged.mode is Mode.TIME_OUT:
            self.server.ending.wait(behaviour.silent_s)
            self.close_connection = True
            return
        if charged.mode is Mode.FAIL:
            self.refuse(500, "internal_error", "something went wrong")
            return
        if charged.mode is Mode.ANSWER_LATE:
            self.server.ending.wait(behaviour.late_s)
        payment = charged.account.payment
        self.send(200, {"status": payment.status, "reason": payment.reason})

    def read_body(self) -> bytes:
        """Read the whole body; an unread rest would be taken for the next request.

        Raises:
            BadRequest: its length is not said, or is too great.
        """
        length = self.headers.get("Content-Length") or "0"
        if "Transfer-Encoding" in self.headers or not re.fullmatch(r"[0-9]{1,9}", length):
            self.close_connection = True
            raise BadRequest("Content-Length must say how long the body is")
        if int(length) > MOST_BODY_BYTES:
            self.close_connection = True
            raise BadRequest(f"a body has at most {MOST_BODY_BYTES} bytes")
        return self.rfile.read(int(length))

    def refuse(self, status: int, code: str, detail: str, **headers: str) -> None:
        """Answer with problem+json."""
        problem = {"type": f"urn:offerloop:problem:{code}", "title": code.replace("_", " "), "status": status}
        self.send(status, problem | {"code": code, "detail": detail}, "application/problem+json", **headers)

    def send(self, status: int, body: object, media_type: str = "application/json", **headers: str) -> None:
        """Send an answer, head and body at once."""
        content = json.dumps(body).encode()
        self.status = status
        self.send_response(status)
        headers |= {"Content-Type": media_type, "Content-Length": str(len(content))}
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no HTTP, or none that is taken here, in the form of all refusals."""
        self.close_connection = True
        self.refuse(code, "invalid_request", message or "this is not a request")
        self.log_line(getattr(self, "path", ""), None, time.monotonic())

    def log_line(self, path: str, mode: Mode | None, began: float) -> None:
        """Say what became of a request; neither headers nor bodies, so no secrets."""
        line = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "method": self.command,
            "path": path,
            "status": self.status,
            "mode": mode,
            "ms": round((time.monotonic() - began) * 1_000, 1),
        }
        self.server.say(json.dumps(line))

    def log_message(self, *_: object) -> None:
        """`log_line` says it all."""


Act = Callable[[Books, list[str], bytes, str], Any]


def _charge(books: Books, keys: list[str], body: bytes, _query: str) -> Charge:
    given = requests.body_of(body, "amount", "currency")
    amount, currency = requests.amount_of(given), requests.currency_of(given)
    charged = books.charge(keys[0], amount, currency)
    if charged.mode is Mode.ANSWER_TWICE:  # the proxy in between sends it again
        again = books.charge(keys[0], amount, currency)
        return Charge(again.account, Mode.ANSWER_TWICE)
    return charged


def _void(books: Books, keys: list[str], _body: bytes, _query: str) -> object:
    return {"status": books.void(keys[0]).status}


def _refund(books: Books, keys: list[str], body: bytes, _query: str) -> object:
    amount = requests.amount_of(requests.body_of(body, "amount"))
    books.refund(keys[0], keys[1], amount)
    return {"amount": amount}


def _show(books: Books, keys: list[str], _body: bytes, _query: str) -> object:
    account = books.account(keys[0])
    if account is None:
        raise PaymentRejected("unknown_payment", f"nothing was ever asked under {keys[0]}")
    return asdict(account)


def _ledger(books: Books, _keys: list[str], _body: bytes, query: str) -> object:
    limit, after = requests.page_of(query)
    accounts = books.page(limit, after)
    return {
        "payments": [asdict(account) for account in accounts],
        "next": accounts[-1].key if len(accounts) == limit else None,
    }


def _show_behaviour(books: Books, _keys: list[str], _body: bytes, _query: str) -> object:
    return asdict(books.behaviour())


def _behave(books: Books, _keys: list[str], body: bytes, _query: str) -> object:
    behaviour = requests.behaviour_of(requests.body_of(body, "shares", "seed", "late_s", "silent_s"))
    books.behave(behaviour)
    return asdict(behaviour)


def _health(books: Books, _keys: list[str], _body: bytes, _query: str) -> object:
    books.page(1, "")
    return {"service": "payments"}


ROUTES: tuple[tuple[str, re.Pattern[str], Act], ...] = (
    ("PUT", re.compile("/payments/([^/]+)"), _charge),
    ("GET", re.compile("/payments/([^/]+)"), _show),
    ("POST", re.compile("/payments/([^/]+)/void"), _void),
    ("PUT", re.compile("/payments/([^/]+)/refunds/([^/]+)"), _refund),
    ("GET", re.compile("/ledger"), _ledger),
    ("GET", re.compile("/behaviour"), _show_behaviour),
    ("PUT", re.compile("/behaviour"), _behave),
    ("GET", re.compile("/health"), _health),
)
