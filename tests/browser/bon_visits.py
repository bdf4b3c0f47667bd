"""Visits of the browser supplier to the stand-in of its supplier's site."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from handlers.aws.bon_browser import BonBrowser
from offerloop.codes.model import Pool
from standins.bon.server import BonServer
from tests import needed
from tests.bon_site import LOGIN, PASSWORD, bon_site
from tests.codes import a_pool

STEPS = [f"Replenishment: {step}" for step in ("launch", "log in", "scrape", "transfer", "clean up")]


def stocked_site(folder: Path) -> AbstractContextManager[BonServer]:
    """The site with codes of three amounts, more than a page of each."""
    return bon_site(folder, {100_00: 23, 200_00: 12, 300_00: 12})


def supplier(site: BonServer, password: str = PASSWORD, **options: Any) -> BonBrowser:
    return BonBrowser(site.url, LOGIN, password, launch={"executable_path": needed.chromium()}, **options)


def worth(amount: int) -> Pool:
    return a_pool(amount=amount)


def active(site: BonServer, amount: int) -> int:
    return site.desk.stock.active(amount, 1).total
