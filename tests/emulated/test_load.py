"""A short load test of the deployed system, as `make load` runs it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from harness.system import RunningSystem, not_running
from tests.emulated.storefront import Storefront
from tests.emulated.target import TARGET_NAME, Target


def test_the_deployed_system_carries_a_few_visits_and_gives_every_price_back(
    target: Target, system: RunningSystem, tmp_path: Path
) -> None:
    before = {offer["offer_id"]: offer["discount_value"] for offer in _offers(system)}
    objectives = "all: {error_rate: 0, dropped_share: 0}\nrequests: {recommend: {p99_ms: 30000}}\n"

    printed, run, rows = _load(target, tmp_path, objectives, WORKERS="2", THINK="0.2")

    assert run["status"] == "complete"
    assert run["outcomes"]["failed"] == 0
    assert rows["recommend"] > 5
    assert rows["track"] > rows["recommend"]
    assert rows["list offers"] >= 1
    assert system.api_key not in printed
    assert {offer["offer_id"]: offer["discount_value"] for offer in _offers(system)} == before


def test_shoppers_of_the_deployed_system_order_and_every_order_comes_to_its_end(
    target: Target, system: RunningSystem, tmp_path: Path
) -> None:
    objectives = "all: {error_rate: 0}\norders: {failed_rate: 0, unfinished_rate: 0}\n"

    _, run, rows = _load(target, tmp_path, objectives, VISIT="shop", THINK="0.2")

    assert run["outcomes"]["failed"] == 0
    assert rows["recommend"] > rows["place order"] > 3
    assert rows["order status"] > 3
    orders = run["orders"]
    not_taken = run["outcomes"]["refused"] + run["outcomes"]["turned away"]
    assert orders["accepted"] >= rows["place order"] - not_taken
    assert sum(orders["ended"].values()) == orders["accepted"]
    assert (orders["lost"], orders["unfinished"], orders["failed_because"]) == ([], [], {})


def test_without_a_running_system_one_line_says_what_to_do(tmp_path: Path) -> None:
    ended = Target(tmp_path).run("load")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.strip() == not_running(TARGET_NAME)


def _load(
    target: Target, folder: Path, objectives: str, **settings: str
) -> tuple[str, dict[str, Any], dict[str, int]]:
    """Two visits a second for some seconds: what was printed, the run, and its requests by name."""
    wanted, results = folder / "objectives.yaml", folder / "runs"
    wanted.write_text(objectives)
    # Long enough for the inventory manager to come round on a slow target.
    always = {
        "RATE": "2",
        "DURATION": "12",
        "WARM_UP": "2",
        "OBJECTIVES": str(wanted),
        "RESULTS": str(results),
    }

    ended = target.run("load", **always, **settings)

    assert ended.returncode in (0, 2), ended.stdout + ended.stderr  # 2: the machine was busy elsewhere
    [run] = results.iterdir()
    with (run / "requests.csv").open() as table:
        rows = {row["request"]: int(row["requests"]) for row in csv.DictReader(table)}
    return ended.stdout + ended.stderr, json.loads((run / "run.json").read_text()), rows


def _offers(system: RunningSystem) -> list[dict[str, object]]:
    offers: list[dict[str, object]] = Storefront(system).get("/offers", limit=200).json()["offers"]
    return offers
