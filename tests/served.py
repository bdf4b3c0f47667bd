"""Servers in a thread of the test process, on a free loopback port."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

from standins.serving import Server

AnyServer = TypeVar("AnyServer", bound=ThreadingHTTPServer)
StandIn = TypeVar("StandIn", bound=Server)


@contextmanager
def in_a_thread(server: AnyServer) -> Iterator[AnyServer]:
    """Let a server answer from a thread of its own, until it is done with; whoever made it closes it."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()


@contextmanager
def served(server: StandIn, log: list[str] | None = None) -> Iterator[StandIn]:
    """Serve a stand-in, then close it with its database; *log* takes its lines."""
    lines: list[str] = [] if log is None else log
    server.say = lines.append
    with in_a_thread(server):
        try:
            yield server
        finally:
            server.ending.set()
    server.close()


@contextmanager
def answering(status: int, content: bytes, seen: list[str] | None = None, **headers: str) -> Iterator[str]:
    """A server that answers everything alike; gives its address, and notes who asked what under which key."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if seen is not None:
                seen.append(f"{self.command} {self.path} {self.headers['Authorization']}")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = answer

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, in_a_thread(server):
        yield f"http://127.0.0.1:{server.server_port}"
