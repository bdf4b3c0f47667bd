"""The stand-in admin site of the supplier BON, served from a thread of the test process."""

import random
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from standins.bon.access import Account
from standins.bon.behaviour import Behaviour
from standins.bon.desk import Desk
from standins.bon.server import BonServer
from standins.bon.stock import Stock
from tests.served import served

LOGIN, PASSWORD = "olena@bon.example", "correct-horse-battery"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def bon_site(
    folder: Path, stock: Mapping[int, int] | None = None, log: list[str] | None = None
) -> AbstractContextManager[BonServer]:
    """Serve the codes of *folder* on a free loopback port, once it has as many more as *stock* says."""
    codes = Stock(folder / "bon.sqlite", random.Random(7).choice)
    for amount, count in (stock or {}).items():
        codes.generate(amount, count)
    desk = Desk(Account(LOGIN, PASSWORD, time.monotonic), codes, Behaviour(), lambda: NOON)
    return served(BonServer(0, desk), log)
