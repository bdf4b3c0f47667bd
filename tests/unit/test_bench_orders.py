"""The bench's row on orders: what it sends, and what counts as missing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.bench import orders
from harness.bench.figures import Figure, Verdict
from harness.bench.orders import Till, against_hello, throughput
from harness.stacks import TemplateLoader
from harness.system import RunningSystem
from tests.fake_shop_api import Answer, problem, served
from tests.fake_till import FakeTill

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


class FakeTillWithHello(FakeTill):
    """Answers the yardstick's route as well."""

    def answer(self, path: str, body: dict[str, Any], headers: Mapping[str, str]) -> Answer:
        if path.endswith("/hello-write"):
            return 201, {"hello": "1"}, {}
        return super().answer(path, body, headers)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> FakeTill:
    for name, few in {"WARM_UP": 1, "PER_ROUND": 3, "ORDERS": 20, "CLIENTS": 4, "ASK_EVERY_S": 0.01}.items():
        monkeypatch.setattr(orders, name, few)
    monkeypatch.setattr(orders, "FINAL_WITHIN_S", 0.1)
    return FakeTillWithHello(api_key="the-key")


@pytest.fixture
def till(shop: FakeTill, monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    with served(shop) as address:
        monkeypatch.setattr(orders, "deploy_hello", lambda _: address)
        yield Till(a_system(address))


def a_system(address: str) -> RunningSystem:
    return RunningSystem(
        target="embedded",
        endpoint_url=address,
        region="us-east-1",
        prefix="",
        api_url=address,
        api_key="the-key",
        dashboard_url=None,
        outputs={},
        state_dir=Path("state/embedded"),
    )


def by_name(figures: list[Figure]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures}


def test_every_order_has_a_key_of_its_own_and_two_lines_at_the_catalogues_price(till: Till, shop: FakeTill):
    orders.place_many(till, 20)

    keys = [key for path, _, key in shop.calls if path.endswith("/orders")]
    assert len(set(keys)) == len(shop.orders) == 20
    assert {len({item["productId"] for item in body["items"]}) for body in shop.orders.values()} == {2}
    assert {body["totalAmount"] for body in shop.orders.values()} == {36.98}


def test_throughput_is_from_the_first_order_placed_to_the_last_one_completed(till: Till):
    figures = by_name(throughput(till, 2))

    # A fifth of a second between two orders, and as long to the end of each: 20 in four seconds.
    assert figures["orders.per_s"].samples == (5.0, 5.0)
    assert figures["orders.per_s"].verdict is Verdict.MISSED
    assert (figures["orders.missing"].samples, figures["orders.missing"].verdict) == ((0, 0), Verdict.HELD)
    assert figures["orders.taken_per_s"].value > 0


@pytest.mark.parametrize("status", ["FAILED", "PENDING"])
def test_an_order_that_is_not_completed_is_missing(till: Till, shop: FakeTill, status: str):
    shop.ends_as = status

    figures = by_name(throughput(till, 1))

    assert (figures["orders.missing"].value, figures["orders.missing"].verdict) == (20, Verdict.MISSED)
    assert figures["orders.per_s"].value == 0


def test_an_order_that_is_refused_fails_the_row(till: Till, shop: FakeTill):
    shop.refuses = [problem(503, "busy")]

    with pytest.raises(RuntimeError, match="POST /orders answered 503"):
        throughput(till, 1)


def test_an_order_is_timed_in_turns_with_hello(till: Till, shop: FakeTill):
    figures = by_name(against_hello(till, 3))

    assert [len(figure.samples) for figure in figures.values()] == [3, 3, 3]
    assert figures["orders.ratio"].bar is not None
    assert len(shop.orders) == 1 + 3 * (1 + 3)  # the warm-up; in each round one to settle on


def test_hello_writes_two_rows_in_one_transaction_without_a_library_of_ours():
    template = TemplateLoader(
        (Path(orders.__file__).parent / "hello/template.yaml").read_text()
    ).get_single_data()
    function = template["Resources"]["HelloWrite"]["Properties"]

    assert function["InlineCode"].count("transact_write_items") == 1
    assert "offerloop" not in json.dumps(function["InlineCode"])
