"""The page of simulation runs in headless Chromium, wide and on a phone: two runs, nothing cut off."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import pages
from tests.browser.pages import PHONE, WIDE, keep, opened, served
from tests.simulation_pages import fill


@pytest.fixture(scope="module")
def chromium():
    with pages.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dashboard")
    fill(folder / "results", days=7)
    results = str(folder / "results")
    with served("tests/browser/memory_app.py", folder, SAMPLE_STATE="seeded", RESULTS=results) as address:
        yield address


def choose(page: Page, label: str, words: str) -> None:
    box = page.get_by_role("combobox", name=label)
    box.click()
    box.fill(words)
    page.get_by_role("option", name=words).click()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_story_and_a_comparison_render_whole(chromium: Browser, address: str, size: tuple[int, int]):
    with opened(chromium, size) as page:
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{address}/simulation-runs")
        expect(page.get_by_text("cut-short is partial")).to_be_visible()
        expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()

        choose(page, "Run (A)", "baseline-vs-baseline-7, A")
        choose(page, "Compared with (B)", "baseline-vs-baseline-7, B")
        expect(page.get_by_text("in 5 of 5 replications")).to_be_visible()
        expect(page.locator(".js-plotly-plot")).to_have_count(7)

        expect(page.get_by_test_id("stException")).to_have_count(0)
        assert errors == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        keep(page, f"simulation-runs-{size[0]}")
