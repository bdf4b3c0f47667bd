"""What every stand-in is as a server: the loopback address, whole requests, one log line each, an end."""

import json
import re
import signal
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import Any, ClassVar

from standins.database import Database

IDLE_S = 60  # after which a connection without requests is closed
JSON = "application/json"


class Unreadable(Exception):
    """A request whose body is not read; *status* says why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Server(ThreadingHTTPServer):
    """Answers from one database on the loopback address.

    Attributes:
        service: its name, which ``GET /health`` answers with.
        database: of this server alone.
        say: takes the log, one line per request.
        ending: set when it stops; ends the waiting of answers that are held back.
    """

    daemon_threads = True
    request_queue_size = 128
    service: ClassVar[str]

    def __init__(self, port: int, answers: "type[Request]", database: Database) -> None:
        super().__init__(("127.0.0.1", port), answers)
        self.database = database
        self.say: Callable[[str], None] = partial(print, flush=True)
        self.ending = threading.Event()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        """The address that callers are given."""
        return self.root

    def end(self) -> None:
        """Stop serving, from another thread than the one that serves."""
        self.ending.set()
        self.shutdown()

    def close(self) -> None:
        """Let go of port and database."""
        self.server_close()
        self.database.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that hang up are expected; anything else is a fault and shows its trace."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Request(BaseHTTPRequestHandler, ABC):
    """One connection's requests; each stand-in says how it answers and how it refuses.

    Attributes:
        status: of the request at hand; None while, and if, it is not answered.
        noted: what the log says of the request at hand beside what it says of all.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_S
    most_body_bytes: ClassVar[int] = 65_536
    server: Server
    status: int | None = None
    noted: Mapping[str, object] = {}

    @abstractmethod
    def answer(self, path: str, query: str, body: bytes) -> None:
        """Answer what is asked, or, where the behaviour says so, do not."""

    @abstractmethod
    def refuse(self, status: int, why: str) -> None:
        """Refuse, in the stand-in's own form, what is no request or none that it takes."""

    def route(self) -> None:
        """Answer one request, and log it."""
        began, self.status, self.noted = time.monotonic(), None, {}
        path, _, query = self.path.partition("?")
        try:
            body = self.read_body()
            if (self.command, path) == ("GET", "/health"):
                self.server.database.check()
                self.send_json(200, {"service": self.server.service})
            else:
                self.answer(path, query, body)
        except Unreadable as unread:
            self.refuse(unread.status, str(unread))
        except ConnectionError:
            self.close_connection = True
        self.log_line(path, began)

    do_GET = do_PUT = do_POST = route

    def read_body(self) -> bytes:
        """Read the whole body; an unread rest would be taken for the next request.

        Raises:
            Unreadable: its length is not said, or is too great.
        """
        length = self.headers.get("Content-Length") or "0"
        if "Transfer-Encoding" in self.headers or not re.fullmatch(r"[0-9]{1,9}", length):
            self.close_connection = True
            raise Unreadable(400, "Content-Length must say how long the body is")
        if int(length) > self.most_body_bytes:
            self.close_connection = True
            raise Unreadable(413, f"a body has at most {self.most_body_bytes} bytes")
        return self.rfile.read(int(length))

    def send_json(self, status: int, body: object, media_type: str = JSON, **headers: str) -> None:
        self.send(status, json.dumps(body, ensure_ascii=False).encode(), media_type, headers)

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

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no HTTP, or none that is taken here, in the form of all refusals."""
        began, self.noted = time.monotonic(), {}
        self.close_connection = True
        self.refuse(code, message or "this is not a request")
        self.log_line(getattr(self, "path", "").partition("?")[0], began)

    def version_string(self) -> str:
        return self.server.service

    def log_line(self, path: str, began: float) -> None:
        """Say what became of a request; no query, header or body, so no secrets and nobody's phone."""
        line = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "method": self.command,
            "path": path,
            "status": self.status,
            **self.noted,
            "ms": round((time.monotonic() - began) * 1_000, 1),
        }
        self.server.say(json.dumps(line))

    def log_message(self, *_: object) -> None:
        """`log_line` says it all."""


def serve(server: Server) -> None:
    """Serve until SIGTERM or Ctrl-C; the first line of output is the address."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=server.end).start()  # it waits for the loop that this interrupts

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(server.url, flush=True)
    server.serve_forever(poll_interval=0.1)
    server.close()
