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
