"""The site's HTTP side: cookies, forms, misbehaviour, one log line per request."""

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standins.bon import pages
from standins.bon.behaviour import BadBehaviour, behaviour_of
from standins.bon.desk import Answer, Desk, Request
from standins.bon.forms import BadForm, fields_of

MOST_BODY_BYTES = 65_536
IDLE_S = 60  # after which a connection without requests is closed
COOKIE = "bon_session"
STYLE = (Path(__file__).parent / "style.css").read_bytes()
HTML, JSON, CSS = "text/html; charset=utf-8", "application/json", "text/css; charset=utf-8"
# Of every page: none is kept, none is framed, none loads or sends anything elsewhere.
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'self'; img-src data:; frame-ancestors 'none'; form-action 'self'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class BonServer(ThreadingHTTPServer):
    """Serves one desk on the loopback address.

    Attributes:
        desk: of this server alone.
        say: takes the log, one line per request.
        ending: set when it stops; ends the waiting of slow pages.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, desk: Desk, say: Callable[[str], None]) -> None:
        super().__init__(("127.0.0.1", port), BonRequest)
        self.desk, self.say = desk, say
        self.ending = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that hang up are expected; anything else is a fault and shows its trace."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class BonRequest(BaseHTTPRequestHandler):
    """One connection's requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_S
    server_version, sys_version = "bon", ""
    server: BonServer
    status: int | None = None  # of the request at hand; None while, and if, it is not answered

    def route(self) -> None:
        """Answer one request."""
        began, self.status = time.monotonic(), None
        path, _, query = self.path.partition("?")
        try:
            body = self.read_body()
            if path == "/style.css":
                self.send(200, STYLE, CSS)
            elif path in ("/health", "/_behave"):
                self.answer_harness(path, body)
            else:
                self.answer_page(path, query, body)
        except BadForm as bad:
            self.send(400, pages.message("Not possible", str(bad)).encode(), HTML, PAGE_HEADERS)
        except ConnectionError:
            self.close_connection = True
        self.log_line(path, began)

    do_GET = do_POST = route

    def answer_page(self, path: str, query: str, body: bytes) -> None:
        """Answer as a person's browser sees it, misbehaviour included."""
        desk = self.server.desk
        if desk.behaviour.slow_s:
            self.server.ending.wait(desk.behaviour.slow_s)
        if desk.behaviour.outage:
            down = Answer(503, pages.message("Out of service", "We are working on it."))
            return self.send_page(down)
        given = fields_of(query), fields_of(body.decode(errors="replace"))
        return self.send_page(desk.answer(Request(self.command, path, *given, self.cookie())))

    def answer_harness(self, path: str, body: bytes) -> None:
        """Answer what is no page: whether the site is there, and how it behaves."""
        desk = self.server.desk
        if path == "/health":
            return self.send_json(200, {"service": "bon"})
        if self.command == "POST":
            # A page of another site can make a browser send a form here, but not JSON.
            if self.headers.get_content_type() != JSON:
                return self.send_json(415, {"detail": f"a behaviour comes as {JSON}"})
            try:
                desk.behave(behaviour_of(body))
            except BadBehaviour as bad:
                return self.send_json(400, {"detail": str(bad)})
        return self.send_json(200, asdict(desk.behaviour))

    def cookie(self) -> str:
        """The session's cookie; empty where there is none."""
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        except CookieError:
            return ""
        return "" if found is None else found.value

    def read_body(self) -> bytes:
        """Read the whole body; an unread rest would be taken for the next request.

        Raises:
            BadForm: its length is not said, or is too great.
        """
        length = self.headers.get("Content-Length") or "0"
        if (
            "Transfer-Encoding" in self.headers
            or not re.fullmatch(r"[0-9]{1,9}", length)
            or int(length) > MOST_BODY_BYTES
        ):
            self.close_connection = True
            raise BadForm("This request is too long, or does not say how long it is.")
        return self.rfile.read(int(length))

    def send_page(self, answer: Answer) -> None:
        headers = dict(PAGE_HEADERS)
        if answer.location is not None:
            headers["Location"] = answer.location
        if answer.cookie is not None:
            headers["Set-Cookie"] = f"{COOKIE}={answer.cookie}; Path=/; HttpOnly; SameSite=Strict"
        self.send(answer.status, answer.content.encode(), HTML, headers)

    def send_json(self, status: int, body: object) -> None:
        self.send(status, json.dumps(body).encode(), JSON)

    def send(
        self, status: int, content: bytes, media_type: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send an answer, head and body at once."""
        self.status = status
        self.send_response(status)
        sent = {"Content-Type": media_type, "Content-Length": str(len(content)), **(headers or {})}
        if self.close_connection:
            sent["Connection"] = "close"
        for name, value in sent.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_line(self, path: str, began: float) -> None:
        """Say what became of a request; neither queries nor headers nor forms, so no secrets."""
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
