"""The dashboard on a deployed system: it shows what the API answers, and says so when the system goes."""

import json

import pytest
from playwright.sync_api import expect

from harness.system import RunningSystem
from tests.browser.pages import PAGES, WIDE, chromium, keep, opened, served, visit
from tests.emulated.storefront import Storefront
from tests.emulated.target import Target

pytestmark = pytest.mark.browser


def outputs_file(system: RunningSystem, folder):
    path = folder / "outputs.json"
    path.write_text(json.dumps(system.as_json()))
    return str(path)


def test_every_page_shows_the_running_system(system, tmp_path):
    shop = Storefront(system)
    best = shop.recommend("USER001")["recommended_offers"][0]
    shop.track("USER001", best, "VIEW")

    with (
        served("dashboard/app.py", tmp_path, OFFERLOOP_OUTPUTS=outputs_file(system, tmp_path)) as address,
        chromium() as browser,
        opened(browser, WIDE) as page,
    ):
        for name in PAGES:
            assert visit(page, address, name) == []
            expect(page.get_by_test_id("stMetric").or_(page.get_by_test_id("stCode")).first).to_be_visible()
            expect(page.get_by_test_id("stException")).to_have_count(0)
            expect(page.get_by_text("does not answer")).to_have_count(0)
            assert system.api_key not in page.content()
            if name == "recommendations":
                expect(page.get_by_text(f"1. {best['offer_name']}").first).to_be_visible()
            keep(page, f"deployed-{name}")


def test_an_order_and_its_texts_are_on_their_pages(system, tmp_path):
    shop = Storefront(system)
    answer = shop.post(
        "/orders",
        {
            "customerId": "customer123",
            "items": [{"productId": "COFFEE001", "name": "Coffee", "quantity": 2, "price": 18.49}],
            "totalAmount": 36.98,
            "customerEmail": "customer@shop.test",
            "customerPhone": "+447700900123",
            "shippingAddress": {
                "street": "1 Main Street",
                "city": "Springfield",
                "state": "IL",
                "zipCode": "62701",
                "country": "US",
            },
        },
    )
    order_id = answer.json()["orderId"]

    with (
        served("dashboard/app.py", tmp_path, OFFERLOOP_OUTPUTS=outputs_file(system, tmp_path)) as address,
        chromium() as browser,
        opened(browser, WIDE) as page,
    ):
        visit(page, address, "orders")
        box = page.get_by_role("combobox", name="Order", exact=True)
        box.click()
        box.fill(order_id)
        box.press("Enter")
        expect(page.get_by_text("€36.98").first).to_be_visible()
        expect(page.get_by_text("Customer customer123, phone ••••••••••123")).to_be_visible()
        expect(page.get_by_test_id("stMetricValue").get_by_text("Completed", exact=True)).to_be_visible()
        keep(page, "deployed-one-order")

        visit(page, address, "messages")
        expect(page.get_by_text("Order ID: ").first).to_be_visible()
        assert "+447700900123" not in page.content()


@pytest.mark.slow
def test_a_system_that_goes_is_announced_and_comes_back_by_itself(tmp_path):
    with Target(tmp_path / "system") as target:
        system = target.up()
        with (
            served("dashboard/app.py", tmp_path, OFFERLOOP_OUTPUTS=outputs_file(system, tmp_path)) as address,
            chromium() as browser,
            opened(browser, WIDE) as page,
        ):
            visit(page, address, "health")
            expect(page.get_by_text("In stock")).to_be_visible()

            target.down()
            expect(page.get_by_text("does not answer")).to_be_visible()
            expect(page.get_by_test_id("stException")).to_have_count(0)

            target.up()
            expect(page.get_by_text("In stock")).to_be_visible()
