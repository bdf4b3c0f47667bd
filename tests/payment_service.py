"""The stand-in payment service, served from a thread of the test process."""

from contextlib import AbstractContextManager
from pathlib import Path

from standins.payments.books import Books
from standins.payments.server import PaymentServer
from tests.served import served


def payment_server(folder: Path, log: list[str] | None = None) -> AbstractContextManager[PaymentServer]:
    """Serve on a free loopback port, with the books of *folder*."""
    return served(PaymentServer(0, Books(folder)), log)
