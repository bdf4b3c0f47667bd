"""The storefront's pages in a browser, watched while they are looked at.

OFFERLOOP_SCREENSHOTS names a folder that keeps what was seen.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser.pages import WIDE
from tests.browser.storefront_api import KEY


@contextmanager
def visiting(chromium: Browser, size: tuple[int, int] = WIDE, **options: str) -> Iterator[Page]:
    """A page that is watched: no script fails, no key leaves it, and nothing leaves the machine."""
    context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    # What Chromium itself says of every refused request; scripts can neither cause nor prevent it otherwise.
    own = "Failed to load resource"
    page.on(
        "console", lambda line: line.type == "error" and own not in line.text and faults.append(line.text)
    )
    sent: list[str] = []
    page.on("request", lambda each: sent.append(f"{each.url} {each.headers} {each.post_data}"))
    try:
        yield page
        assert faults == []
        assert not [each for each in sent if KEY in each or "x-api-key" in each]
        assert all(each.startswith(("http://127.0.0.1:", "data:")) for each in sent)
    finally:
        context.close()


def keep(page: Page, name: str) -> None:
    folder = os.environ.get("OFFERLOOP_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/storefront-{name}-{page.viewport_size['width']}.png", full_page=True)


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def faint_texts(page: Page) -> list[str]:
    """Visible texts, those of the panel among them, with less than WCAG AA's contrast of 4.5 to 1."""
    return list(page.evaluate(FAINT_TEXTS))


FAINT_TEXTS = """() => {
    const rgb = text => text.match(/[0-9.]+/g).map(Number)
    const light = ([red, green, blue]) => [red, green, blue]
        .map(part => part / 255)
        .map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0)
    const behind = node => {
        for (let at = node; at; at = at.parentElement ?? at.getRootNode().host) {
            const colour = rgb(getComputedStyle(at).backgroundColor)
            if (colour[3] !== 0) return colour
        }
        return [255, 255, 255]
    }
    const own = node => [...node.childNodes].some(each => each.nodeType === 3 && each.data.trim())
    const shadows = [...document.querySelectorAll('*')].map(each => each.shadowRoot).filter(Boolean)
    return [document, ...shadows]
        .flatMap(root => [...root.querySelectorAll('body *, section *')])
        .filter(node => (own(node) || node.matches('input')) && !node.disabled && node.checkVisibility())
        .filter(node => {
            const [one, other] = [light(rgb(getComputedStyle(node).color)), light(behind(node))]
            return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) < 4.5
        })
        .map(node => node.textContent || node.id)
}"""
