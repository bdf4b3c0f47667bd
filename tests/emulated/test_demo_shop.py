"""What a person sees of codes and points in a demonstration: an order on the shop's pages, in Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, expect

from handlers.aws.reward_totals import DynamoRunningTotals
from handlers.aws.table_access import Tables
from harness.demo import shop_for_now
from harness.settings import Settings
from harness.system import REPOSITORY, RunningSystem
from offerloop.bonuses.model import EntryKind
from offerloop.rewards.model import Totals
from tests.browser import pages
from tests.browser.storefront_pages import keep, visiting
from tests.emulated.storefront import Storefront, wait_for
from tests.emulated.test_codes_and_points import SEEN_WITHIN_S, balance_is, earned, level

CUSTOMER = "USER001"  # one that the page offers
EARNED = re.compile(r"You earned ([\d.]+) points")
SHOWN_WITHIN_MS = 1_000 * SEEN_WITHIN_S


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with pages.chromium() as browser:
        yield browser


@pytest.fixture
def system(pristine_system: RunningSystem) -> RunningSystem:
    """Products, pools and figures as a person finds them, who has just started it."""
    return pristine_system


@pytest.fixture
def shop_url(system: RunningSystem) -> Iterator[str]:
    settings = Settings(system.target, REPOSITORY, system.state_dir, None, "", system.region, False)
    with shop_for_now(settings, system, print) as url:
        yield url


def today(system: RunningSystem) -> Totals:
    totals = DynamoRunningTotals(system.client("dynamodb"), Tables.with_prefix(system.prefix))
    return totals.of(datetime.now(UTC).date())


def test_an_order_with_code_and_points_moves_pool_and_figures_and_the_browser_refills(
    chromium: Browser, system: RunningSystem, shop_url: str
) -> None:
    api = Storefront(system)
    earned(api, CUSTOMER, 1_000)
    figures = today(system)
    balance = api.get(f"/customers/{CUSTOMER}/bonus").json()["balance"]

    with visiting(chromium) as page:
        page.set_default_timeout(SHOWN_WITHIN_MS)
        expect.set_options(timeout=SHOWN_WITHIN_MS)
        page.goto(f"{shop_url}/checkout.html")
        page.get_by_label("Laptop", exact=True).fill("1")
        page.get_by_role("button", name="Get a promo code").click()
        expect(page.locator("p#code")).to_contain_text(re.compile("BON10[A-Z0-9]{5}"))
        code = re.findall("BON10[A-Z0-9]{5}", page.locator("p#code").inner_text())[0]
        page.get_by_label("Promo code", exact=True).fill(code)
        page.get_by_role("button", name="Apply").click()
        expect(page.locator("#bonus")).to_contain_text("−€10.00")
        page.get_by_label("Points to use", exact=True).fill("40")
        page.get_by_label("Points to use", exact=True).press("Tab")
        expect(page.locator("#bonus")).to_contain_text("−€40.00")
        keep(page, "demo-checkout")
        page.locator("#place").click()
        page.wait_for_url("**/thanks.html?order=*")
        order_id = page.url.rpartition("order=")[2]
        expect(page.get_by_role("status")).to_contain_text(EARNED)
        notice = page.get_by_role("status").inner_text()
        keep(page, "demo-thanks")

    order = api.get(f"/orders/{order_id}").json()
    points = float(EARNED.findall(notice)[0])
    assert points == pytest.approx((order["totalAmount"] + 40) / 10, abs=0.01)  # points earn too
    assert (order["status"], order["promoCode"], order["bonusUsed"]) == ("COMPLETED", code, 40)
    balance_is(api, CUSTOMER, balance - 40 + points)
    assert level(api, "bonus-10") == {"free": 3, "given": 1, "void": 0}

    def moved() -> bool:
        now = today(system)
        kinds = (EntryKind.ISSUED, EntryKind.REDEEMED)
        return all(now.of(kind).amount != figures.of(kind).amount for kind in kinds)

    wait_for("the day's figures", moved, SEEN_WITHIN_S)
    assert api.post("/codes/claim", {"pool": "bonus-10"}).status_code == 200  # two of four are left
    wait_for(
        "twenty codes that the browser brings",
        lambda: level(api, "bonus-10") == {"free": 22, "given": 2, "void": 0},
        SEEN_WITHIN_S,
    )
