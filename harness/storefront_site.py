"""The demo shop as a process: ``python -m harness.storefront_site PORT``.

| request | answer |
|---|---|
| ``GET /checkout.html``, ``/thanks.html`` … | the files of storefront/ and storefront/demo/ |
| ``POST /token`` ``{customerId}`` | 200 ``{token, expires_at, customerId}`` |
| ``POST /code`` ``{customerId}`` | 200 ``{promo_code}``: one of the pool DEMO_POOL, for that customer alone |
| ``GET /health`` | 200 ``{service}`` |

For demonstrations only: it gives a token to whoever asks for one, where a shop gives its customers their own.
The API key stays in this process. It serves the loopback address, to pages of its own alone.
"""

from __future__ import annotations

import html
import json
import mimetypes
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from harness.system import REPOSITORY, NotRunning, RunningSystem, running_system

NAME = "storefront"
FOLDERS = (REPOSITORY / "storefront", REPOSITORY / "storefront/demo")
MOST_BODY_BYTES = 1_024
ANSWER_WITHIN_S = 20
API_URL = "{{API_URL}}"  # what a page has in the API's place
DEFAULT_POOL = "bonus-10"


class Refused(Exception):
    """A request that is answered with *status* and the problem *said*."""

    def __init__(self, status: int, said: Mapping[str, object]) -> None:
        super().__init__(status)
        self.status, self.said = status, said


class StorefrontSite(ThreadingHTTPServer):
    """Serves the pages on the loopback address.

    Attributes:
        system: finds the running system, at every request anew: it may be deployed again meanwhile.
        pool: id of the pool whose codes it gives away.
    """

    daemon_threads = True

    def __init__(self, port: int, system: Callable[[], RunningSystem], pool: str = DEFAULT_POOL) -> None:
        super().__init__(("127.0.0.1", port), StorefrontRequest)
        self.system, self.pool = system, pool

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class StorefrontRequest(BaseHTTPRequestHandler):
    """One request to the demo shop."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    server: StorefrontSite

    def do_GET(self) -> None:
        """Give a page or a file."""
        path = self.path.partition("?")[0]
        if path == "/health":
            self.answer_json(200, {"service": NAME})
        elif path == "/":
            self.answer(302, "text/plain", b"", {"Location": "/checkout.html"})
        else:
            self.guarded(lambda: self.give_file(path.removeprefix("/")))

    def do_POST(self) -> None:
        """Ask the API in the shop's name."""
        acts = {"/token": self.give_token, "/code": self.give_code}
        act = acts.get(self.path)
        if act is None:
            self.close_connection = True  # its body is not read
            self.answer_json(404, problem("there is nothing here"))
        else:
            self.guarded(act)

    def guarded(self, act: Callable[[], None]) -> None:
        """Answer, or say why not."""
        try:
            self.must_be_asked_here()
            act()
        except Refused as refusal:
            self.answer_json(refusal.status, refusal.said)
        except NotRunning as reason:
            self.answer_json(503, problem(str(reason)))

    def must_be_asked_here(self) -> None:
        """Refuse pages of other sites, whatever name they gave this address.

        Raises:
            Refused
        """
        here = {f"127.0.0.1:{self.server.server_port}", f"localhost:{self.server.server_port}"}
        origin = self.headers.get("Origin")
        if self.headers.get("Host") not in here or origin not in {None, *(f"http://{name}" for name in here)}:
            self.close_connection = True
            raise Refused(403, problem("this server is for its own pages"))

    def give_file(self, name: str) -> None:
        """Give one of the storefront's files; a page learns where the API is."""
        file = next((each for folder in FOLDERS for each in folder.iterdir() if each.name == name), None)
        if file is None or not file.is_file():
            raise Refused(404, problem("there is nothing here"))
        content, headers = file.read_bytes(), {}
        if file.suffix == ".html":
            api_url = self.server.system().api_url
            content = content.replace(API_URL.encode(), html.escape(api_url).encode())
            headers["Content-Security-Policy"] = policy(api_url)
        self.answer(200, mimetypes.guess_type(name)[0] or "application/octet-stream", content, headers)

    def give_token(self) -> None:
        """Give a customer's token, which the API makes for the key."""
        customer_id = self.customer_id()
        token = self.ask_api(f"/customers/{urllib.parse.quote(customer_id, safe='')}/token", {})
        self.answer_json(200, {**token, "customerId": customer_id})

    def give_code(self) -> None:
        """Give a promo code that this customer alone can use."""
        claimed = self.ask_api("/codes/claim", {"pool": self.server.pool, "holder": self.customer_id()})
        self.answer_json(200, {"promo_code": claimed["promo_code"]})

    def customer_id(self) -> str:
        """Read for whom something is asked.

        Raises:
            Refused
        """
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BODY_BYTES:
            self.close_connection = True
            raise Refused(400, problem(f"send a body of at most {MOST_BODY_BYTES} bytes"))
        try:
            customer_id = json.loads(self.rfile.read(int(length)))["customerId"]
        except (ValueError, KeyError, TypeError):
            customer_id = None
        if self.headers.get_content_type() != "application/json" or not isinstance(customer_id, str):
            raise Refused(400, problem('send {"customerId": "…"} as application/json'))
        return customer_id

    def ask_api(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Ask the running API with the shop's key.

        Raises:
            Refused: as the API refuses, or because it does not answer.
        """
        system = self.server.system()
        headers = {
            "X-API-Key": system.api_key,
            "Content-Type": "application/json",
            "Idempotency-Key": uuid.uuid4().hex,
        }
        request = urllib.request.Request(
            system.api_url + path, json.dumps(body).encode(), headers, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_WITHIN_S) as response:
                return dict(json.load(response))
        except urllib.error.HTTPError as refusal:
            raise Refused(refusal.code, problem_of(refusal)) from None
        except (OSError, ValueError):
            raise Refused(503, problem("the API does not answer: make status")) from None

    def answer_json(self, status: int, body: Mapping[str, object]) -> None:
        """Write an answer in JSON."""
        self.answer(status, "application/json", json.dumps(body).encode())

    def answer(
        self, status: int, content_type: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        """Write one answer."""
        self.send_response(status)
        fixed = {"Content-Type": content_type, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
        for name, value in {**fixed, "X-Content-Type-Options": "nosniff", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the log for what goes wrong."""


def policy(api_url: str) -> str:
    """Give the policy of a page: scripts and styles of this server alone, and no way out but to the API."""
    parts = urllib.parse.urlsplit(api_url)
    api = f"{parts.scheme}://{parts.netloc}"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self' {api}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def problem(detail: str) -> dict[str, object]:
    """Give a refusal of this server's own."""
    return {"code": "refused", "detail": detail}


def problem_of(refusal: urllib.error.HTTPError) -> dict[str, object]:
    """Give the API's refusal as it stands."""
    try:
        return dict(json.load(refusal))
    except (OSError, ValueError, TypeError):
        return problem("the API did not say why it refuses")


def main(port: str) -> None:
    """Serve until stopped."""
    StorefrontSite(int(port), running_system, os.environ.get("DEMO_POOL", DEFAULT_POOL)).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
