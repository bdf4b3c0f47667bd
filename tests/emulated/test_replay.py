"""Replay on a deployed system: the catalogue is loaded and listed, baskets arrive once, all laws hold."""

import subprocess
import sys
from pathlib import Path

import pytest

from handlers.aws.activity_store import DynamoActivityStore
from handlers.aws.offer_store import DynamoOfferStore
from handlers.aws.table_access import Tables
from harness.system import RunningSystem

pytestmark = [pytest.mark.emulated, pytest.mark.enable_socket]

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/data/replay"


def replay(system: RunningSystem, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.replay"]
    files = ["--data", str(DATA / "orders.csv"), "--map", str(DATA / "orders.yaml")]
    environment = {**system.environment(), "COLUMNS": "120"}
    return subprocess.run(
        [*command, *files, *options], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )


def test_recorded_baskets_become_events_and_resuming_adds_nothing(system: RunningSystem) -> None:
    first = replay(system, "--limit", "2")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "2 offers in 2 categories, 2 of them new" in first.stdout

    rest = replay(system, "--resume")
    assert rest.returncode == 0, rest.stdout + rest.stderr
    assert "3 offers in 3 categories, 1 of them new" in rest.stdout
    assert "2 of 3 sessions are done" in rest.stdout

    client, tables = system.client("dynamodb"), Tables.with_prefix(system.prefix)
    offers = DynamoOfferStore(client, tables).get_many(["P-milk", "P-bread", "P-bike"])
    taken = {offer_id: (offer.inventory_count, offer.redeemed_count) for offer_id, offer in offers.items()}
    assert taken == {"P-milk": (98, 2), "P-bread": (98, 2), "P-bike": (99, 1)}
    events = DynamoActivityStore(client, tables).events_of("C-ann", 10)
    assert sorted(event.offer_id for event in events) == ["P-bike", "P-bread", "P-milk"]


def test_a_mapping_that_does_not_fit_is_one_line_and_changes_nothing(system: RunningSystem) -> None:
    wrong = replay(system, "--map", str(DATA / "visits.yaml"))

    assert wrong.returncode == 1
    assert "orders.csv:1: no column 'id'" in wrong.stderr
    assert "Traceback" not in wrong.stderr
