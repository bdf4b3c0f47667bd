"""The demo shop's server, and the tags that are pasted into other shops."""

import os
import sys
from collections.abc import Iterator
from html.parser import HTMLParser

import httpx
import pytest

from harness import companions
from harness.processes import start_detached, stop, unused_port
from harness.system import REPOSITORY
from tests.browser.storefront_api import KEY, PROMO_CODE, StorefrontApi, problem, shop

FOLDER = REPOSITORY / "storefront"


@pytest.fixture
def served(tmp_path) -> Iterator[tuple[StorefrontApi, str]]:
    with shop(tmp_path) as (api, address):
        yield api, address


def test_a_token_and_a_code_are_asked_for_in_the_shops_name(served):
    api, address = served

    token = httpx.post(f"{address}/token", json={"customerId": "a.b:c"}).json()
    code = httpx.post(f"{address}/code", json={"customerId": "a.b:c"}).json()

    assert token == {"token": "a-customer-token", "expires_at": 4_000_000_000, "customerId": "a.b:c"}
    assert code == {"promo_code": PROMO_CODE}
    assert [each.path for each in api.seen] == ["/customers/a.b%3Ac/token", "/codes/claim"]
    assert api.seen[1].json() == {"pool": "bonus-10", "holder": "a.b:c"}


def test_the_apis_refusal_is_passed_on(served):
    api, address = served
    api.upcoming["POST /codes/claim"] = [problem(409, "pool_empty", "no free code is left")]

    answer = httpx.post(f"{address}/code", json={"customerId": "ann"})

    assert (answer.status_code, answer.json()["detail"]) == (409, "no free code is left")


def test_an_api_that_is_away_is_said_to_be(served):
    api, address = served
    api.down = True

    assert httpx.post(f"{address}/token", json={"customerId": "ann"}).status_code == 503


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Origin": "http://other.example"}, b'{"customerId": "ann"}', 403),
        ({"Host": "other.example"}, b'{"customerId": "ann"}', 403),
        ({"Content-Type": "text/plain"}, b'{"customerId": "ann"}', 400),
        ({}, b"no JSON", 400),
        ({}, b'{"customerId": 5}', 400),
        ({}, b'{"customerId": "%s"}' % (b"x" * 2_000), 400),
    ],
)
def test_tokens_are_for_pages_of_this_server_that_ask_properly(served, headers, body, status):
    api, address = served
    headers = {"Content-Type": "application/json", **headers}

    answer = httpx.post(f"{address}/token", content=body, headers=headers)

    assert (answer.status_code, api.seen) == (status, [])


def test_only_the_storefronts_files_are_given_and_none_has_the_key(served):
    _, address = served
    files = [each.name for folder in (FOLDER, FOLDER / "demo") for each in folder.iterdir() if each.is_file()]

    given = {name: httpx.get(f"{address}/{name}") for name in files}
    others = [httpx.get(f"{address}/{name}") for name in ("..%2fREADME.md", "demo", "../README.md", "x.js")]

    assert {answer.status_code for answer in given.values()} == {200}
    assert not [name for name, answer in given.items() if KEY in answer.text]
    assert [answer.status_code for answer in others] == [404] * 4
    assert httpx.get(address).headers["location"] == "/checkout.html"


def test_a_page_may_load_nothing_from_elsewhere_and_talks_to_the_api_alone(served):
    _, address = served

    answer = httpx.get(f"{address}/checkout.html")

    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == (
        "'none'",
        "'self'",
        "'self'",
    )
    assert policy["connect-src"].startswith("'self' http://127.0.0.1:")
    assert "{{" not in answer.text


class Tags(HTMLParser):
    """Collects the elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize(
    ("name", "script", "settings"),
    [
        ("bonus_checkoutpage_script.html", "bonus-checkout.js", {"data-place"}),
        ("bonus_thankspage_script.html", "bonus-thanks.js", {"data-place", "data-order-parameter"}),
    ],
)
def test_a_tag_is_one_script_element_with_its_settings(name, script, settings):
    tags = Tags()
    tags.feed((FOLDER / name).read_text())

    ((element, attributes),) = tags.found
    assert (element, (attributes["src"] or "").rpartition("/")[2]) == ("script", script)
    assert (FOLDER / script).is_file()
    assert {each for each in attributes if each.startswith("data-")} == {
        "data-api",
        "data-token-url",
        *settings,
    }
    assert "async" in attributes


def test_without_a_system_the_pages_say_so(tmp_path, guarded):
    port = unused_port()
    environment = {**os.environ, "OFFERLOOP_STATE": str(tmp_path), "OFFERLOOP_TARGET": "embedded"}
    command = [sys.executable, *companions.SHOP.command(companions.Place(port), tmp_path)]
    process = start_detached(command, tmp_path / "shop.log", environment, REPOSITORY)
    try:
        assert companions.is_ready(companions.SHOP, process, companions.Place(port))
        page = httpx.get(f"http://127.0.0.1:{port}/checkout.html")
        assert (page.status_code, page.json()["detail"].startswith("nothing is running")) == (503, True)
    finally:
        stop(process)
