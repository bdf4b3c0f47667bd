"""The bench's yardstick and its handler loop work on a deployed system."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from harness.bench.api_calls import ApiCalls
from harness.bench.cold_start import unpacked_package
from harness.bench.flame_graphs import MODULE, request_event, variables_of
from harness.bench.race import CLIENTS, UNITS, race
from harness.bench.recommend import deploy_hello
from harness.bench.row import Bench
from harness.system import REPOSITORY, RunningSystem

pytestmark = pytest.mark.emulated


def test_hello_answers_with_one_read_and_is_deployed_once(system: RunningSystem) -> None:
    root = deploy_hello(system)
    assert deploy_hello(system) == root

    with ApiCalls(root) as hello:
        status, body = hello.call("POST", "/hello", {})

    assert (status, json.loads(body)) == (200, {"hello": "Premium Laptop Deal"})


def test_hello_writes_two_rows_in_one_transaction(system: RunningSystem) -> None:
    root = deploy_hello(system)

    with ApiCalls(root) as hello:
        status, body = hello.call("POST", "/hello-write", {"some": "text"})

    key = {"PK": {"S": json.loads(body)["hello"]}, "SK": {"S": "HISTORY"}}
    stored = system.client("dynamodb").get_item(TableName=system.named("offerloop-hello"), Key=key)["Item"]
    assert (status, stored["text"]) == (201, {"S": '{"some": "text"}'})


def test_a_timed_call_that_is_refused_is_no_measurement(system: RunningSystem) -> None:
    with ApiCalls(system.api_url) as shop, pytest.raises(RuntimeError, match="answered 400"):
        shop.timed_post("/offers/recommend", {"nobody": 1})


def test_the_race_sells_every_unit_once(system: RunningSystem) -> None:
    assert (CLIENTS, UNITS) == (64, 10)
    assert race(system) == (10, 0, 0)


def test_a_handler_can_be_called_in_a_loop_to_be_profiled(system: RunningSystem, tmp_path: Path) -> None:
    package = unpacked_package(Bench(tmp_path, True, print))
    python, loop = REPOSITORY / ".lambda/bin/python", REPOSITORY / "harness/bench/handler_loop.py"

    ended = subprocess.run(
        [str(python), str(loop), MODULE, "3"],
        env=variables_of(system) | {"PYTHONPATH": str(package.folder)},
        input=json.dumps(request_event(system.api_key)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stdout.count("Offers recommended")) == (0, 3), ended.stderr
