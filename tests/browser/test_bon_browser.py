"""The browser supplier on the stand-in of its supplier's site: many visits, in one headless Chromium."""

import json
import struct
import time
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from handlers.aws import chromium
from offerloop.errors import SupplierChanged, SupplierUnavailable
from standins.bon.behaviour import Behaviour
from standins.bon.server import BonServer
from tests.bon_site import LOGIN, PASSWORD
from tests.browser import pages
from tests.browser.bon_visits import STEPS, active, stocked_site, supplier, worth

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[BonServer]:
    with stocked_site(tmp_path) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pages.chromium() as browser:
        yield browser


@pytest.fixture(autouse=True)
def _visits_share_a_browser(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """A visit gets a context, which has nothing of others; test_bon_browser_alone.py has whole browsers."""

    @contextmanager
    def page(_launch: Any, _limit_ms: float) -> Iterator[Page]:
        context = browser.new_context(viewport=chromium.SIZE, accept_downloads=False, service_workers="block")
        with closing(context):
            yield context.new_page()

    monkeypatch.setattr(chromium, "page", page)


def test_the_same_batch_gives_the_same_codes_and_takes_no_more(site):
    said: list[str] = []
    first = supplier(site).fetch(worth(100_00), 4, "replenish/100&more#1")

    again = supplier(site, say=said.append).fetch(worth(100_00), 4, "replenish/100&more#1")
    other = supplier(site).fetch(worth(100_00), 4, "replenish/100&more#2")

    assert (again, said, active(site, 100_00)) == (first, STEPS, 15)
    assert not set(other) & set(first)


def test_there_may_be_fewer_codes_than_are_wanted_or_none(site):
    assert len(supplier(site).fetch(worth(300_00), 20, "b1")) == 12
    assert supplier(site).fetch(worth(300_00), 20, "b2") == []
    assert supplier(site).fetch(worth(500_00), 20, "b3") == []
    assert site.desk.stock.transferred("b2") is None


@pytest.mark.parametrize("pages", [1, 7, 10], ids=["at first", "between two pages", "at the transfer"])
def test_a_session_that_ends_midway_costs_one_more_login_and_no_code(site, pages):
    said: list[str] = []
    site.desk.behave(Behaviour(expired_session=pages))

    codes = supplier(site, say=said.append).fetch(worth(100_00), 12, "b1")

    assert (len(set(codes)), said, active(site, 100_00)) == (12, STEPS, 11)


def test_a_session_that_always_ends_too_early_is_given_up(site):
    site.say = lambda line: (
        site.desk.behave(Behaviour(expired_session=2)) if '"POST", "path": "/login"' in line else None
    )

    with pytest.raises(SupplierUnavailable, match="ended the session twice"):
        supplier(site).fetch(worth(100_00), 12, "b1")

    assert active(site, 100_00) == 23


def test_a_slow_page_is_not_waited_for(site):
    site.desk.behave(Behaviour(slow_s=60))
    began = time.monotonic()

    with pytest.raises(SupplierUnavailable, match=r"\(log in\): it is too slow") as refused:
        supplier(site, step_s=1).fetch(worth(100_00), 1, "b1")

    assert time.monotonic() - began < 50
    assert refused.value.__context__ is None  # the browser's own error would quote what was typed


def test_pages_that_are_slow_together_spend_the_budget(site):
    site.desk.behave(Behaviour(slow_s=0.7))

    with pytest.raises(SupplierUnavailable):
        supplier(site, budget_s=3).fetch(worth(100_00), 1, "b1")

    assert active(site, 100_00) == 23


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ("changed", r"\(scrape\): the choice of an amount \(#filter select\) is missing"),
        ("changed_login", r"\(log in\): the login form's field for the user \(#sign-in #user\) is missing"),
    ],
)
def test_a_changed_layout_is_named_and_photographed(site, layout, words):
    said: list[str] = []
    site.desk.behave(Behaviour(layout=layout))

    with pytest.raises(SupplierChanged, match=words) as refused:
        supplier(site, say=said.append).fetch(worth(100_00), 1, "b1")

    picture = refused.value.screenshot
    assert picture is not None
    assert (picture[:8], struct.unpack(">I", picture[16:20])[0]) == (PNG, 1280)
    assert (said[-1], active(site, 100_00)) == (STEPS[-1], 23)


def test_a_confirmation_of_another_amount_is_not_believed(site):
    supplier(site).fetch(worth(100_00), 2, "b1")

    with pytest.raises(SupplierChanged, match=r"a confirmation of 300\.00 UAH for each code"):
        supplier(site).fetch(worth(300_00), 2, "b1")


def test_a_wrong_password_is_tried_once_and_never_repeated_in_words(site):
    said: list[str] = []
    wrong = "-".join(["wrong", "horse", "battery"])  # in one piece it would be in the lines of the traceback

    with pytest.raises(SupplierUnavailable, match="BON refused the login") as refused:
        supplier(site, say=said.append, password=wrong).fetch(worth(100_00), 1, "b1")

    told = "".join(traceback.format_exception(refused.value)) + repr(said)
    assert refused.value.__context__ is None
    assert not [secret for secret in (LOGIN, PASSWORD, wrong) if secret in told]
    assert refused.value.retry_after_s >= 600


def test_an_outage_and_a_site_that_is_gone_are_for_later(site):
    site.desk.behave(Behaviour(outage=True))
    with pytest.raises(SupplierUnavailable, match=r"BON answered 503 \(log in\)"):
        supplier(site).fetch(worth(100_00), 1, "b1")

    site.server_close()
    site.shutdown()
    with pytest.raises(SupplierUnavailable, match="net::ERR_CONNECTION_REFUSED"):
        supplier(site).fetch(worth(100_00), 1, "b1")


def test_an_outage_after_the_transfer_loses_no_code(site, monkeypatch):
    stock = site.desk.stock
    transfer = stock.transfer

    def transfer_and_break_down(*given: Any) -> Any:
        site.desk.behave(Behaviour(outage=True))
        return transfer(*given)

    monkeypatch.setattr(stock, "transfer", transfer_and_break_down)
    with pytest.raises(SupplierUnavailable, match=r"BON answered 503 \(transfer\)"):
        supplier(site).fetch(worth(100_00), 5, "b1")
    site.desk.behave(Behaviour())

    codes = supplier(site).fetch(worth(100_00), 5, "b1")

    assert (len(set(codes)), active(site, 100_00)) == (5, 18)


def test_codes_that_others_take_meanwhile_are_left_to_them(site, monkeypatch):
    stock = site.desk.stock
    transfer = stock.transfer

    def after_others(batch: str, codes: list[str], at: str) -> Any:
        transfer("theirs", codes[:3], at)
        return transfer(batch, codes, at)

    monkeypatch.setattr(stock, "transfer", after_others)

    codes = supplier(site).fetch(worth(100_00), 5, "ours")
    monkeypatch.setattr(stock, "transfer", lambda _batch, codes, at: transfer("more", codes, at) and None)
    with pytest.raises(SupplierUnavailable, match="others have taken the codes"):
        supplier(site).fetch(worth(100_00), 5, "too-late")

    assert (len(codes), len(stock.transferred("theirs").codes)) == (2, 3)
    assert not set(codes) & {code.code for code in stock.transferred("theirs").codes}


def test_the_session_is_ended_too(site):
    paths: list[str] = []
    site.say = lambda line: paths.append(json.loads(line)["path"])

    supplier(site).fetch(worth(100_00), 3, "b1")

    assert paths.count("/logout") == 1
