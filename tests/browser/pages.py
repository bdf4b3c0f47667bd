"""The dashboard served and looked at in headless Chromium.

OFFERLOOP_SCREENSHOTS names a folder that keeps what was seen.
"""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from harness.processes import unused_port
from harness.system import REPOSITORY
from tests import needed

STARTS_WITHIN_S = 60
SETTLES_WITHIN_MS = 60_000
expect.set_options(timeout=SETTLES_WITHIN_MS)  # of every expectation; Playwright's own is 5 s
WIDE, PHONE = (1280, 1000), (390, 844)
PAGES = (
    "recommendations",
    "pivots",
    "trending",
    "experiments",
    "orders",
    "messages",
    "code-pools",
    "rewards",
    "health",
)
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser."""
    executable = needed.chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(script: str, folder: Path, **variables: str) -> Iterator[str]:
    """Serve a Streamlit script on a free port; gives its address."""
    port = unused_port()
    address = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), **variables}
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    with (folder / "streamlit.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=log, stderr=log)
    try:
        _wait_for(process, f"{address}/_stcore/health", folder / "streamlit.log")
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the dashboard did not start:\n{log.read_text()}")


@contextmanager
def opened(browser: Browser, size: tuple[int, int], scheme: str = "light") -> Iterator[Page]:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    try:
        yield context.new_page()
    finally:
        context.close()


def visit(page: Page, address: str, name: str) -> list[str]:
    """Open one page and wait until it stands still; gives the errors of its scripts."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{address}/{'' if name == PAGES[0] else name}")
    expect(page.get_by_role("heading", name=name.replace("-", " ").capitalize(), exact=True)).to_be_visible()
    # The state of a script run, which refreshing regions keep short.
    page.wait_for_function(
        "() => !document.querySelector('[data-testid=stSkeleton]')", timeout=SETTLES_WITHIN_MS
    )
    return errors


def keep(page: Page, name: str) -> None:
    folder = os.environ.get("OFFERLOOP_SCREENSHOTS")
    if folder:
        height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        width = page.viewport_size["width"]
        page.set_viewport_size({"width": width, "height": min(int(height), 3000)})
        page.wait_for_timeout(1_000)  # plots are drawn anew for the new size
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png")
        page.set_viewport_size({"width": width, "height": dict((WIDE, PHONE))[width]})
