"""The page to browse the API: Swagger UI from a Python package, and a way through to the running API.

``python -m harness.api_page PORT``. Requests to ``/api/…`` are passed on, so that "Try it out" works from
this page without its address being one of the storefront's allowed origins.
"""

from __future__ import annotations

import json
import mimetypes
import sys
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import swagger_ui_bundle
import yaml

from harness.system import REPOSITORY, running_system

DOCUMENT = REPOSITORY / "docs/api/openapi.yaml"
PASSED_ON = ("content-type", "x-api-key", "x-customer-token", "idempotency-key", "accept")
PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Offerloop API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/assets/swagger-ui.css"></head>
<body><div id="page"></div><script src="/assets/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({url: "/openapi.json", dom_id: "#page", deepLinking: true})</script></body></html>
"""


def main() -> None:
    """Serve on the loopback address until stopped."""
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), ApiPage).serve_forever()


class ApiPage(BaseHTTPRequestHandler):
    """Answers the page, its assets, the document, and whatever is under ``/api``."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Serve the page or pass on."""
        if self.path.startswith("/api/"):
            self.pass_on()
        elif self.path == "/openapi.json":
            self.answer(200, "application/json", document())
        elif self.path.startswith("/assets/"):
            self.asset(self.path.removeprefix("/assets/"))
        elif self.path == "/":
            self.answer(200, "text/html; charset=utf-8", PAGE.encode())
        else:
            self.answer(404, "text/plain", b"not found")

    def pass_on(self) -> None:
        """Send the request to the running API and give back its answer."""
        length = int(self.headers.get("content-length") or 0)
        headers = {name: self.headers[name] for name in PASSED_ON if self.headers.get(name)}
        request = urllib.request.Request(
            running_system().api_url + self.path.removeprefix("/api"),
            self.rfile.read(length) if length else None,
            headers,
            method=self.command,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                self.answer(response.status, response.headers.get_content_type(), response.read())
        except urllib.error.HTTPError as refusal:
            self.answer(refusal.code, refusal.headers.get_content_type(), refusal.read())
        except OSError:
            self.answer(502, "text/plain", b"the API does not answer: make status")

    do_POST = do_PUT = do_PATCH = do_DELETE = pass_on

    def asset(self, name: str) -> None:
        """Serve one of Swagger UI's own files."""
        folder = swagger_ui_bundle.swagger_ui_path
        file = next((each for each in folder.iterdir() if each.name == name), None)
        if file is None:
            self.answer(404, "text/plain", b"not found")
        else:
            self.answer(200, mimetypes.guess_type(name)[0] or "application/octet-stream", file.read_bytes())

    def answer(self, status: int, content_type: str, body: bytes) -> None:
        """Write one answer."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the log for what goes wrong."""


def document() -> bytes:
    """Give the OpenAPI document with this page's way through as its server."""
    content = yaml.safe_load(DOCUMENT.read_text())
    return json.dumps({**content, "servers": [{"url": "/api"}]}, default=str).encode()


if __name__ == "__main__":
    main()
