"""A headless Chromium for one visit to one site."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, ViewportSize, sync_playwright

SIZE: ViewportSize = {"width": 1280, "height": 900}
PICTURE_WITHIN_MS = 5_000
# The sandbox needs rights that neither containers nor functions have; it opens one site that we name.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
# A function may not fork as Chromium does: https://github.com/microsoft/playwright/issues/14023
LAMBDA_ARGUMENTS = (*ARGUMENTS, "--single-process", "--no-zygote")
# All of the environment that the browser gets: it has no use for credentials.
# Not TMPDIR: below a long path Chromium's socket gets an address longer than the 107 characters of Unix.
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "FONTCONFIG_PATH")


@contextmanager
def page(launch: Mapping[str, Any], limit_ms: float) -> Iterator[Page]:
    """A page of a new browser, which is gone afterwards with all that it kept.

    Args:
        launch: options of Playwright's ``launch``; ``args`` replace ARGUMENTS.
        limit_ms: for the start of the browser.
    Raises:
        playwright.sync_api.Error: it does not start.
    """
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    options: dict[str, Any] = {"args": ARGUMENTS, "env": environment, "timeout": limit_ms, **launch}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**options)
        try:
            context = browser.new_context(viewport=SIZE, accept_downloads=False, service_workers="block")
            yield context.new_page()
        finally:
            with suppress(PlaywrightError):  # it is gone already
                browser.close()


def picture(page: Page) -> bytes | None:
    """The whole page as PNG, with bars over what can be typed into; None where the browser gives none."""
    with suppress(PlaywrightError):
        return page.screenshot(
            full_page=True,
            mask=[page.locator("input:not([type=checkbox]), textarea")],
            mask_color="#888888",
            timeout=PICTURE_WITHIN_MS,
        )
    return None
