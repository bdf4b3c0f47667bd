"""Every page in headless Chromium, wide and on a phone, light and dark: no exception, nothing cut off."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import pages
from tests.browser.pages import PAGES, PHONE, SETTLES_WITHIN_MS, WIDE, keep, opened, served, visit


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with pages.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def sample(request, tmp_path_factory) -> Iterator[tuple[str, str]]:
    folder = tmp_path_factory.mktemp("dashboard")
    with served("tests/browser/memory_app.py", folder, SAMPLE_STATE=request.param) as address:
        yield request.param, address


@pytest.mark.parametrize(
    ("sample", "size"),
    [
        pytest.param("busy", WIDE, id="busy-wide"),
        pytest.param("busy", PHONE, id="busy-phone"),
        pytest.param("seeded", WIDE, id="seeded-wide", marks=pytest.mark.slow),
        pytest.param("seeded", PHONE, id="seeded-phone"),
        pytest.param("down", WIDE, id="down-wide"),
        pytest.param("down", PHONE, id="down-phone", marks=pytest.mark.slow),
    ],
    indirect=["sample"],
)
def test_every_page_renders_whole(chromium, sample, size):
    state, address = sample
    with opened(chromium, size) as page:
        for name in PAGES:
            errors = visit(page, address, name)

            expect(page.get_by_test_id("stException")).to_have_count(0)
            assert errors == []
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
            warnings = page.get_by_text("does not answer")
            expect(
                warnings.first if state == "down" else page.get_by_role("heading", level=1)
            ).to_be_visible()
            if state == "busy" and name != "health":
                expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
            keep(page, f"{state}-{name}-{size[0]}")


def test_dark_is_dark(chromium, tmp_path):
    with (
        served("tests/browser/memory_app.py", tmp_path, SAMPLE_STATE="busy") as address,
        opened(chromium, WIDE, "dark") as page,
    ):
        visit(page, address, "trending")
        background = page.evaluate(
            "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
        )

        red, green, blue = (int(part) for part in background.removeprefix("rgb(").rstrip(")").split(","))
        assert max(red, green, blue) < 60
        keep(page, "dark-trending")


def test_a_typed_user_is_served_and_a_refresh_neither_flickers_nor_forgets(chromium, tmp_path):
    with (
        served("tests/browser/memory_app.py", tmp_path, SAMPLE_STATE="seeded") as address,
        opened(chromium, WIDE) as page,
    ):
        visit(page, address, "recommendations")
        box = page.get_by_role("combobox")
        box.click()
        box.fill("someone-new")
        box.press("Enter")
        expect(page.get_by_text("Nothing is known about this user yet")).to_be_visible()
        plot = page.locator(".js-plotly-plot").first
        expect(plot).to_be_visible()
        plot.evaluate("element => { element.dataset.marked = 'yes' }")
        page.evaluate(
            """() => {
                window.faintest = 1
                window.redraws = 0
                const status = new MutationObserver(() => { window.redraws += 1 })
                status.observe(document.querySelector('[data-testid=stApp]'),
                    { attributes: true, attributeFilter: ['data-test-script-state'] })
                const watch = () => {
                    for (const box of document.querySelectorAll('[data-testid=stElementContainer]'))
                        window.faintest = Math.min(window.faintest, Number(getComputedStyle(box).opacity))
                    requestAnimationFrame(watch)
                }
                watch()
            }"""
        )
        refreshes = page.evaluate("window.redraws")
        page.wait_for_function(
            "before => window.redraws >= before + 2", arg=refreshes, timeout=SETTLES_WITHIN_MS
        )

        assert page.locator(".js-plotly-plot[data-marked=yes]").count() == 1  # the same plot, not a new one
        assert page.evaluate("window.faintest") == 1
        assert box.input_value() in ("someone-new", "")
        expect(page.get_by_text("Nothing is known about this user yet")).to_be_visible()
