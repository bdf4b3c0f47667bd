"""The stand-in admin site of the supplier BON, served from a thread of the test process."""

import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from standins.bon.access import Account
from standins.bon.behaviour import Behaviour
from standins.bon.desk import Desk
from standins.bon.server import BonServer
from standins.bon.stock import Stock

LOGIN, PASSWORD = "olena@bon.example", "correct-horse-battery"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@contextmanager
def bon_site(
    folder: Path, stock: Mapping[int, int] | None = None, log: list[str] | None = None
) -> Iterator[BonServer]:
    """Serve the codes of *folder* on a free loopback port, once it has as many more as *stock* says."""
    lines: list[str] = [] if log is None else log
    codes = Stock(folder / "bon.sqlite", random.Random(7).choice)
    for amount, count in (stock or {}).items():
        codes.generate(amount, count)
    server = BonServer(
        0, Desk(Account(LOGIN, PASSWORD, time.monotonic), codes, Behaviour(), lambda: NOON), lines.append
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        server.shutdown()
        server.server_close()
        codes.close()
