"""The checkout tag on the demo shop, in headless Chromium, on a phone and wide."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser import pages
from tests.browser.pages import PHONE, WIDE
from tests.browser.storefront_api import PROMO_CODE, TOKEN, StorefrontApi, problem, product, shop
from tests.browser.storefront_pages import faint_texts, fits, keep, visiting

SIZES = pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
AWAY = "Points and promo codes are not available at the moment. You can order without them."
HOSTILE = """() => {
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(`html { font-size: 4px } * { color: red !important; display: none !important }
        div, section, input, button, p, dl { position: fixed; font: 5px serif; opacity: 0.1 }`)
    document.adoptedStyleSheets = [sheet]
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with pages.chromium() as browser:
        yield browser


@pytest.fixture
def served(tmp_path) -> Iterator[tuple[StorefrontApi, str]]:
    with shop(tmp_path) as (api, address):
        yield api, address


def checkout(page: Page, address: str) -> Locator:
    page.goto(f"{address}/checkout.html")
    expect(page.get_by_role("heading", name="Points and promo code")).to_be_visible()
    expect(place(page)).to_contain_text("·")  # and the total behind it
    return page.locator("#bonus")


def place(page: Page) -> Locator:
    return page.locator("#place")


def code_field(page: Page) -> Locator:
    return page.get_by_label("Promo code", exact=True)


def points_field(page: Page) -> Locator:
    return page.get_by_label("Points to use", exact=True)


@SIZES
def test_a_code_and_points_are_used_and_the_order_earns(chromium, served, size):
    api, address = served
    with visiting(chromium, size) as page:
        panel = checkout(page, address)
        expect(panel).to_contain_text("250 points")
        expect(panel).to_contain_text("20 valid until January 31, 2031")
        expect(place(page)).to_have_text("Place order · €1,299.99")
        code_field(page).fill(PROMO_CODE.lower())
        page.get_by_role("button", name="Apply").click()
        expect(panel).to_contain_text("−€10.00")
        page.get_by_role("button", name="Use all").click()
        expect(place(page)).to_have_text("Place order · €1,039.99")
        assert (fits(page), faint_texts(page)) == (True, [])
        keep(page, "checkout")
        place(page).click()

        page.wait_for_url("**/thanks.html?order=order-1")
        expect(page.get_by_role("status")).to_have_text(
            "You earned 128.5 points. You paid with 50 points. Your balance is now 250 points."
        )
        assert fits(page)
        page.wait_for_timeout(1_500)  # the animation's own time
        keep(page, "thanks")
    (order,) = api.orders.values()
    assert (order["totalAmount"], order["promoCode"], order["useBonus"]) == (1039.99, PROMO_CODE, 250)
    assert order["customerId"] == "USER001"


@SIZES
def test_a_code_that_is_refused_leaves_the_reason_and_the_focus_at_its_field(chromium, served, size):
    api, address = served
    with visiting(chromium, size) as page:
        panel = checkout(page, address)
        code_field(page).fill("NONSENSE")
        code_field(page).press("Enter")

        expect(code_field(page)).to_have_accessible_description("The promo code cannot be used.")
        expect(code_field(page)).to_have_attribute("aria-invalid", "true")
        expect(code_field(page)).to_be_focused()
        expect(code_field(page)).to_have_value("NONSENSE")
        expect(panel.get_by_role("status")).to_contain_text("The promo code cannot be used.")
        expect(place(page)).to_have_text("Place order · €1,299.99")
        assert (fits(page), faint_texts(page)) == (True, [])
        keep(page, "refused")

        api.upcoming["POST /orders/quote"] = [problem(429, "too_many_requests", "too many promo codes", 60)]
        code_field(page).fill("ANOTHER")
        code_field(page).press("Enter")
        expect(panel.get_by_text("Too many promo codes.", exact=True)).to_be_visible()

        code_field(page).fill(PROMO_CODE)
        code_field(page).press("Enter")
        expect(page.get_by_role("button", name="Remove the promo code")).to_be_focused()
        page.keyboard.press("Enter")
        expect(code_field(page)).to_be_focused()
        expect(panel.get_by_role("status")).to_contain_text("The promo code was removed. Total €1,299.99.")


def test_no_more_points_are_used_than_there_are_and_than_is_left_to_pay(chromium, served):
    api, address = served
    with visiting(chromium) as page:
        panel = checkout(page, address)
        points_field(page).fill("999")
        expect(panel).to_contain_text("You can use 250 points at most on this order.")
        expect(points_field(page)).to_have_value("250")
        expect(page.get_by_role("slider")).to_have_value("250")

        api.balance = 10_000  # used elsewhere meanwhile
        page.get_by_role("button", name="One more of Coffee, 1 kg").click()
        expect(panel).to_contain_text("You can use 100 points at most on this order.")
        expect(points_field(page)).to_have_value("100")

        page.get_by_role("button", name="One less of Laptop").click()
        expect(points_field(page)).to_have_value("18.49")
        expect(place(page)).to_have_text("Place order · €0.00")
        page.get_by_role("slider").press("Home")
        expect(place(page)).to_have_text("Place order · €18.49")
        page.get_by_role("slider").press("End")
        expect(points_field(page)).to_have_value("18.49")
        expect(page.get_by_role("slider")).to_have_attribute("aria-valuetext", "18.49 points")


def test_the_total_is_the_shops_and_never_added_up_here(chromium, served):
    api, address = served
    odd = {"goodsAmount": 7, "promoCode": None, "codeDiscount": 0, "bonusUsed": 0, "totalAmount": 1234.5}
    line = {"productId": "LAPTOP001", "name": "Laptop", "quantity": 1, "price": 3, "offerId": None}
    figures = odd | {"items": [line], "currency": "USD", "usableBonus": 0, "earnedBonus": 0}
    api.upcoming["POST /orders/quote"] = [(200, figures, {})]
    with visiting(chromium) as page:
        panel = checkout(page, address)

        expect(place(page)).to_have_text("Place order · $1,234.50")
        expect(panel.locator("dd").last).to_have_text("$1,234.50")
        expect(panel).to_contain_text("You have no points to use yet.")
        place(page).click()  # the stand-in does not take this total
        expect(page.get_by_role("alert")).to_have_text("Prices and totals are the catalogue's.")
        expect(place(page)).to_have_text("Place order · €1,299.99")
    assert api.orders == {}


def test_the_demo_gives_a_code_that_the_customer_has_before_it_claims_another(chromium, served):
    api, address = served
    with visiting(chromium) as page:
        checkout(page, address)
        page.get_by_role("button", name="Get a promo code").click()
        expect(page.get_by_text(f"Your code: {PROMO_CODE}")).to_be_visible()
        api.codes.append("MINE1234")
        page.get_by_role("button", name="Get a promo code").click()
        expect(page.get_by_text("Your code: MINE1234")).to_be_visible()
        page.get_by_label("Shopping as").select_option("Somebody new")
        expect(page.get_by_label("Name", exact=True)).to_have_value("Dana Sample")
        expect(place(page)).to_have_text("Place order · €1,299.99")
    assert [each.json()["holder"] for each in api.asked("POST /codes/claim")] == ["USER001"]
    assert api.asked("POST /orders/quote")[-1].json()["customerId"].startswith("demo-")


def test_a_double_click_places_one_order(chromium, served):
    api, address = served
    with visiting(chromium) as page:
        checkout(page, address)
        place(page).dblclick()
        page.wait_for_url("**/thanks.html?order=order-1")
    assert len(api.asked("POST /orders")) == 1


def test_an_order_on_its_way_is_the_only_one_whatever_is_changed_meanwhile(chromium, served):
    api, address = served
    with visiting(chromium) as page:
        checkout(page, address)
        held: list[Route] = []
        page.route("**/orders", lambda route: held.append(route))
        page.evaluate(f"first = {PLACE}; again = {PLACE}; null")
        page.get_by_role("button", name="One more of Laptop").click()
        expect(place(page)).to_have_text("Place order · €2,599.98")
        page.evaluate(f"third = {PLACE}; null")
        for route in held:
            route.continue_()
        answers = page.evaluate("Promise.all([first, again, third])")
    assert [answer["totalAmount"] for answer in answers] == [1299.99] * 3
    assert [order["totalAmount"] for order in api.orders.values()] == [1299.99]


PLACE = """Offerloop.checkout.placeOrder({
    customerEmail: "ann@shop.test",
    shippingAddress: { street: "1 Sample Street", city: "Exampleton", zipCode: "00000", country: "GB" },
})"""


def test_an_order_without_an_answer_is_sent_again_under_its_key_even_after_a_reload(chromium, served):
    api, address = served
    with visiting(chromium) as page:
        checkout(page, address)
        api.upcoming["POST /orders"] = [None, *[problem(503, "busy", retry_after_s=1)] * 4]
        place(page).click()
        expect(page.get_by_role("alert")).to_contain_text("an order that arrived is not placed twice")
        checkout(page, address)
        place(page).click()
        page.wait_for_url("**/thanks.html?order=order-1")

        checkout(page, address)  # the same again, and meant so
        place(page).click()
        page.wait_for_url("**/thanks.html?order=order-1")
    sent = api.asked("POST /orders")
    keys = [each.headers["idempotency-key"] for each in sent]
    assert (len(set(keys)), len(set(keys[:-1])), len({each.body for each in sent})) == (2, 1, 1)
    assert len(api.orders) == 2


@SIZES
def test_without_the_api_nothing_shows_and_the_page_goes_on(chromium, served, size):
    api, address = served
    api.down = True
    with visiting(chromium, size) as page:
        page.route("**/products*", lambda route: route.fulfill(json={"products": [product("LAPTOP001")]}))
        page.route("**/token", lambda route: route.fulfill(json={"token": TOKEN, "expires_at": 4e9}))
        page.goto(f"{address}/checkout.html")
        panel = page.locator("#bonus")
        expect(panel.get_by_role("status")).to_have_text(AWAY)
        expect(panel.locator("section")).to_be_hidden()
        assert panel.bounding_box()["height"] == 0
        page.locator("#place").click()
        expect(page.get_by_role("alert")).to_have_text(
            "The total is not known yet. Please try again in a moment."
        )
        keep(page, "down")

        api.down = False
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(place(page)).to_have_text("Place order · €1,299.99")
        place(page).click()
        page.wait_for_url("**/thanks.html?order=order-1")
    assert len(api.orders) == 1


def test_a_panel_that_was_there_says_that_it_lost_the_api_and_finds_it_again(chromium, served):
    api, address = served
    with visiting(chromium) as page:
        panel = checkout(page, address)
        api.down = True
        page.get_by_role("button", name="One more of Laptop").click()
        expect(panel.get_by_role("status")).to_have_text(AWAY)
        expect(panel.locator("dl")).to_be_hidden()
        api.down = False
        panel.get_by_role("button", name="Try again").click()
        expect(place(page)).to_have_text("Place order · €2,599.98")
        expect(panel.get_by_role("heading")).to_be_focused()


def test_keys_alone_reach_everything(chromium, served):
    api, address = served
    with visiting(chromium) as page:
        checkout(page, address)
        _tab_to(page, "code")
        page.keyboard.type(PROMO_CODE)
        page.keyboard.press("Enter")
        expect(place(page)).to_have_text("Place order · €1,289.99")
        _tab_to(page, "points", back=True)
        page.keyboard.type("40.5")
        expect(place(page)).to_have_text("Place order · €1,249.49")
        _tab_to(page, "place")
        page.keyboard.press("Enter")
        page.wait_for_url("**/thanks.html?order=order-1")
    assert [order["useBonus"] for order in api.orders.values()] == [40.5]


def _tab_to(page: Page, name: str, back: bool = False) -> None:
    """Press Tab until the element of that id has the focus, and see that each stop on the way shows it."""
    focused = """() => {
        let node = document.activeElement
        while (node.shadowRoot?.activeElement) node = node.shadowRoot.activeElement
        return [node.id, getComputedStyle(node).outlineStyle]
    }"""
    for _ in range(60):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        reached, outline = page.evaluate(focused)
        if reached == name:
            assert outline != "none"
            return
    pytest.fail(f"Tab does not reach {name}")


def test_a_guest_sees_no_points_and_is_not_asked_for_again(chromium, served):
    api, address = served
    api.upcoming["POST /customers/USER001/token"] = [problem(401, "not_signed_in", "sign in first")] * 9
    with visiting(chromium) as page:
        page.clock.install()
        page.goto(f"{address}/checkout.html")
        page.evaluate("Offerloop.checkout.setBasket([{productId: 'LAPTOP001', quantity: 1}])")
        page.clock.run_for(1_000)
        expect(page.locator("#bonus").get_by_role("status")).to_have_text(AWAY)
        asked = len(api.seen)
        page.clock.run_for(300_000)
        expect(page.locator("#bonus section")).to_be_hidden()
        assert len(api.seen) == asked


def test_a_token_that_has_ended_is_replaced(chromium, served):
    api, address = served
    api.upcoming["POST /orders/quote"] = [problem(401, "not_signed_in")]
    with visiting(chromium) as page:
        checkout(page, address)
    assert len(api.asked("POST /orders/quote")) == 2
    assert len(api.asked("POST /customers/USER001/token")) == 3  # the page's own, the tag's, its second


def test_a_hostile_page_changes_nothing_and_gets_one_name(chromium, served):
    api, address = served
    evil = "<img src=x onerror='document.title=1'>"
    with visiting(chromium) as page:
        page.add_init_script("window.before = new Set(Object.getOwnPropertyNames(window))")
        page.goto(f"{address}/checkout.html")
        panel = page.locator("#bonus")
        expect(panel).to_contain_text("250 points")
        page.evaluate(HOSTILE)
        page.evaluate(
            "document.querySelectorAll('html, body, main, .columns, .aside, #bonus').forEach("
            "node => node.style.setProperty('display', 'block', 'important'))"
        )
        expect(panel.locator("section")).to_be_visible()
        looks = panel.locator("h2").evaluate(
            "node => [getComputedStyle(node).color, getComputedStyle(node).fontSize]"
        )
        assert looks == ["rgb(29, 36, 51)", "18px"]
        api.upcoming["POST /orders/quote"] = [problem(409, "code_not_good", evil)]
        code_field(page).fill("X")
        code_field(page).press("Enter")
        expect(panel.locator("#code-problem")).to_have_text(f"{evil}.")
        assert page.title() != "1"
        made = "Object.getOwnPropertyNames(window).filter(name => !before.has(name) && name !== 'before')"
        assert page.evaluate(made) == ["Offerloop"]
