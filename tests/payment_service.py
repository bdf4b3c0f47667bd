"""The stand-in payment service, served from a thread of the test process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from standins.payments.books import Books
from standins.payments.server import PaymentServer


@contextmanager
def payment_server(folder: Path, log: list[str] | None = None) -> Iterator[PaymentServer]:
    """Serve on a free loopback port, with the books of *folder*."""
    lines: list[str] = [] if log is None else log
    server = PaymentServer(0, Books(folder), lines.append)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        server.shutdown()
        server.server_close()
        server.books.close()
