"""The thank-you tag on the demo shop, in headless Chromium, on a phone and wide."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import pages
from tests.browser.pages import PHONE, WIDE
from tests.browser.storefront_api import StorefrontApi, problem, shop
from tests.browser.storefront_pages import faint_texts, fits, keep, visiting

SIZES = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with pages.chromium() as browser:
        yield browser


@pytest.fixture
def served(tmp_path) -> Iterator[tuple[StorefrontApi, str]]:
    with shop(tmp_path) as (api, address):
        yield api, address


def test_a_tag_manager_that_drops_attributes_gives_settings_another_way(chromium, served):
    api, address = served
    with visiting(chromium) as page:
        api_url = api_address(page, address)
        page.goto(f"{address}/style.css")  # a document without any script
        page.evaluate(TAG_MANAGER, api_url)

        expect(page.get_by_text("You earned 128,5 points", exact=True)).to_be_attached()
        expect(page.get_by_role("heading", name="Your points")).to_have_count(1)
    assert api.asked("POST /customers/USER002/token")


TAG_MANAGER = """api => {
    window.Offerloop = { customerId: "USER002", settings: { api, tokenUrl: "/token", order: "order-1" } }
    document.documentElement.lang = "de"
    const place = document.createElement("main")
    place.setAttribute("data-offerloop-thanks", "")
    document.body.append(place)
    for (const twice of [1, 2]) {
        document.head.append(Object.assign(document.createElement("script"), { src: "/bonus-thanks.js" }))
    }
}"""


def api_address(page: Page, address: str) -> str:
    page.goto(f"{address}/checkout.html")
    return str(page.locator("body").get_attribute("data-api"))


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_notice_moves_only_for_those_who_like_it(chromium, served, motion):
    _, address = served
    with visiting(chromium, PHONE, reduced_motion=motion) as page:
        page.add_init_script(WATCH_ANIMATIONS)
        page.goto(f"{address}/thanks.html?order=order-1")
        expect(page.locator("#bonus b")).to_have_text("128.5")
        moved = page.evaluate("[...moved].sort()")
        counted = page.evaluate("counted.size")
    if motion == "reduce":
        assert (moved, counted) == ([], 1)
    else:
        assert {"pop", "ring", "rise", "breathe"} == set(moved)
        assert counted > 3


WATCH_ANIMATIONS = """
    moved = new Set(); counted = new Set()
    const watch = () => {
        const root = document.querySelector('#bonus > div')?.shadowRoot
        for (const each of root?.getAnimations() ?? []) moved.add(each.animationName)
        const number = root?.querySelector('b')
        if (number) counted.add(number.textContent)
        requestAnimationFrame(watch)
    }
    watch()
"""


@SIZES
def test_an_order_that_fails_says_so(chromium, served, size):
    api, address = served
    api.statuses = ["PAYMENT_PROCESSING", "FAILED"]
    with visiting(chromium, size) as page:
        page.goto(f"{address}/thanks.html?order=order-1")

        expect(page.get_by_role("status")).to_have_text(
            "Your order could not be completed. Payment declined: not enough money. "
            "It earned no points. The 50 points you used are yours again."
        )
        assert (fits(page), faint_texts(page)) == (True, [])
        keep(page, "failed")


def test_points_that_do_not_count_yet_say_from_when_they_do(chromium, served):
    api, address = served
    api.pends = True
    with visiting(chromium) as page:
        page.goto(f"{address}/thanks.html?order=order-1")
        expect(page.get_by_text("They count from December 5, 2030.", exact=True)).to_be_visible()
        page.wait_for_timeout(1_500)  # until it has risen
        assert faint_texts(page) == []


def test_the_thank_you_page_waits_for_a_shop_that_is_away(chromium, served):
    api, address = served
    api.upcoming["GET /orders/order-1"] = [None, problem(503, "busy")]
    with visiting(chromium) as page:
        page.goto(f"{address}/thanks.html?order=order-1")
        away = "Your points cannot be shown at the moment. Your order is not affected."
        expect(page.get_by_role("status")).to_have_text(away)
        expect(page.get_by_role("heading", name="Your points")).to_be_visible()
        expect(page.locator("#bonus b")).to_have_text("128.5")
