"""The runtime API of one execution environment: hands out invocations and takes their results.

AWS: docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Invocation:
    """One call of the function.

    Attributes:
        answer: the result's bytes and whether it is an error; set when the function has answered or ended.
    """

    request_id: str
    function_arn: str
    payload: bytes
    trace_id: str
    timeout_s: int
    answer: Future[tuple[bytes, bool]] = field(default_factory=Future)

    def headers(self) -> dict[str, str]:
        """Give the headers of ``next``; the runtime client crashes when one of them is missing."""
        return {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": self.request_id,
            "Lambda-Runtime-Invoked-Function-Arn": self.function_arn,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self.timeout_s) * 1000)),
            "Lambda-Runtime-Trace-Id": self.trace_id,
            "Lambda-Runtime-Client-Context": "{}",
            "Lambda-Runtime-Cognito-Identity": "{}",
        }


class RuntimeApi:
    """Serves one worker on a loopback port of its own.

    Attributes:
        initialised: None once the worker asks for work, or the document of its failed start.
    """

    def __init__(self) -> None:
        self.initialised: Future[bytes | None] = Future()
        self._waiting: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._handed_out: dict[str, Invocation] = {}
        self._failure: bytes | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self) -> str:
        """Give host and port, as ``AWS_LAMBDA_RUNTIME_API`` takes them."""
        return f"127.0.0.1:{self._server.server_port}"

    def submit(self, invocation: Invocation) -> None:
        """Let the worker have an invocation."""
        self._handed_out[invocation.request_id] = invocation
        self._waiting.put(invocation)
        if self._failure is not None:  # it ended between two invocations
            self.answered(invocation.request_id, self._failure, is_error=True)

    def next(self) -> Invocation | None:
        """Wait for an invocation; None when there will be none any more."""
        settle(self.initialised, None)
        return self._waiting.get()

    def answered(self, request_id: str, body: bytes, is_error: bool) -> None:
        """Take the result of an invocation; one that is no longer waited for is dropped."""
        invocation = self._handed_out.pop(request_id, None)
        if invocation is not None:
            settle(invocation.answer, (body, is_error))

    def failed(self, document: bytes) -> None:
        """Take a failure of the whole worker: of its start, or of whatever it was working on."""
        self._failure = document
        settle(self.initialised, document)
        for request_id in list(self._handed_out):
            self.answered(request_id, document, is_error=True)

    def close(self) -> None:
        """Stop serving."""
        self._waiting.put(None)
        self._server.shutdown()
        self._server.server_close()


def settle(future: Future[Any], result: object) -> None:
    """Set a result that may have been set already."""
    if not future.done():
        future.set_result(result)


def handler_for(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    """Give the request handler of one runtime API."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Answers leave in one write: with Nagle's algorithm between head and body each costs 40 ms.
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            invocation = api.next()
            if invocation is None:
                self.respond(410, b"", {})
            else:
                self.respond(200, invocation.payload, invocation.headers())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            *_, request_id, what = self.path.split("/")
            # The answer first: when the caller has its result, the worker must be free to be asked again.
            self.respond(202, b'{"status":"OK"}', {"Content-Type": "application/json"})
            if (request_id, what) == ("init", "error"):
                api.failed(body)
            else:
                api.answered(request_id, body, is_error=what == "error")

        def respond(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Say nothing: every invocation would be a line."""

    return Handler
