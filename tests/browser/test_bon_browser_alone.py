"""The browser supplier with a headless Chromium of its own for each visit, as it runs."""

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from handlers.aws import chromium
from offerloop.errors import SupplierChanged
from standins.bon.behaviour import Behaviour
from standins.bon.server import BonServer
from tests import needed
from tests.bon_site import LOGIN, PASSWORD
from tests.browser.bon_visits import STEPS, active, stocked_site, supplier, worth


@pytest.fixture
def site(tmp_path: Path) -> Iterator[BonServer]:
    with stocked_site(tmp_path) as server:
        yield server


def test_codes_of_one_amount_are_taken_from_several_pages(site):
    said: list[str] = []
    oldest = [code.code for page in (1, 2) for code in site.desk.stock.active(200_00, page).rows]

    codes = supplier(site, say=said.append).fetch(worth(200_00), 12, "b1")

    assert (codes, said) == (oldest, STEPS)
    assert [code.code for code in site.desk.stock.transferred("b1").codes] == codes
    assert (active(site, 100_00), active(site, 200_00), active(site, 300_00)) == (23, 0, 12)


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("layout", ["usual", "changed"])
def test_no_browser_is_left_behind(site, layout):
    site.desk.behave(Behaviour(layout=layout))
    started: dict[psutil.Process, str] = {}

    def watch(line: str) -> None:
        if line in STEPS[2:]:
            started.update({each: each.name() for each in psutil.Process().children(recursive=True)})

    with contextlib.suppress(SupplierChanged):
        supplier(site, say=watch).fetch(worth(100_00), 3, "b1")

    browsers = [each for each, name in started.items() if "chrom" in name]
    assert len(browsers) > 1
    assert [each for each in browsers if runs(each)] == []


COLOURS_OF_FIELDS = """async png => {
    const image = new Image()
    image.src = 'data:image/png;base64,' + png
    await image.decode()
    const paint = new OffscreenCanvas(image.width, image.height).getContext('2d')
    paint.drawImage(image, 0, 0)
    const colours = new Set()
    for (const field of document.querySelectorAll('#user, #password')) {
        const box = field.getBoundingClientRect()  // without its edge, which may be blurred
        const { data } = paint.getImageData(box.x + 2, box.y + 2, box.width - 4, box.height - 4)
        for (let at = 0; at < data.length; at += 4) colours.add(data.slice(at, at + 3).join())
    }
    return [...colours]
}"""


def test_what_is_typed_is_not_in_a_picture(site):
    with chromium.page({"executable_path": needed.chromium()}, 60_000) as page:
        page.goto(f"{site.url}/login")
        page.fill("#user", LOGIN)
        page.fill("#password", PASSWORD)
        page.evaluate("document.querySelector('#password').type = 'text'")

        picture = chromium.picture(page)

        assert picture is not None
        shown = base64.b64encode(picture).decode()
        assert page.evaluate(COLOURS_OF_FIELDS, shown) == ["136,136,136"]
