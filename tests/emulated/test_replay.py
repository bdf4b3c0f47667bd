"""Replay on a deployed system: the catalogue is loaded and listed, baskets arrive once, all laws hold."""

import subprocess
import sys
from pathlib import Path

import pytest

from handlers.aws.activity_store import DynamoActivityStore
from handlers.aws.offer_store import DynamoOfferStore
from handlers.aws.order_store import DynamoOrderStore
from handlers.aws.product_store import DynamoProductStore
from handlers.aws.table_access import Tables
from harness.system import RunningSystem
from offerloop.orders.model import OrderStatus

pytestmark = [pytest.mark.emulated, pytest.mark.enable_socket]

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/data/replay"


def replay(
    system: RunningSystem, *options: str, recording: str = "orders"
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.replay"]
    files = ["--data", str(DATA / f"{recording}.csv"), "--map", str(DATA / f"{recording}.yaml")]
    environment = {**system.environment(), "COLUMNS": "120"}
    return subprocess.run(
        [*command, *files, *options], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )


def test_recorded_baskets_become_events_and_resuming_adds_nothing(system: RunningSystem) -> None:
    first = replay(system, "--baskets", "events", "--limit", "2")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "2 offers in 2 categories, 2 of them new" in first.stdout

    rest = replay(system, "--baskets", "events", "--resume")
    assert rest.returncode == 0, rest.stdout + rest.stderr
    assert "3 offers in 3 categories, 1 of them new" in rest.stdout
    assert "2 of 3 sessions are done" in rest.stdout

    client, tables = system.client("dynamodb"), Tables.with_prefix(system.prefix)
    offers = DynamoOfferStore(client, tables).get_many(["P-milk", "P-bread", "P-bike"])
    taken = {offer_id: (offer.inventory_count, offer.redeemed_count) for offer_id, offer in offers.items()}
    assert taken == {"P-milk": (98, 2), "P-bread": (98, 2), "P-bike": (99, 1)}
    events = DynamoActivityStore(client, tables).events_of("C-ann", 10)
    assert sorted(event.offer_id for event in events) == ["P-bike", "P-bread", "P-milk"]


def test_recorded_baskets_become_orders_and_returns_refunds_and_resuming_adds_nothing(
    system: RunningSystem,
) -> None:
    first = replay(system, "--limit", "3", recording="till")
    assert first.returncode == 0, first.stdout + first.stderr

    rest = replay(system, "--resume", recording="till")
    assert rest.returncode == 0, rest.stdout + rest.stderr
    again = replay(system, "--resume", recording="till")
    assert again.returncode == 0, again.stdout + again.stderr

    assert "6 rows have none that is a count of units" in again.stdout
    assert "2 are in no completed order, or not wholly" in again.stdout
    client, tables = system.client("dynamodb"), Tables.with_prefix(system.prefix)
    products = DynamoProductStore(client, tables)
    milk, petrol = products.get("T-milk"), products.get("T-petrol")
    # Ann had three milks and gave two back, bob three and all.
    assert (milk.inventory_count, milk.held_count, milk.sold_count) == (999, 0, 1)
    assert (petrol.price, petrol.sold_count) == (2169, 2)
    orders = DynamoOrderStore(client, tables).of_customer("C-cy", 10, None).orders
    assert sorted(len(order.lines) for order in orders) == [1, 3, 20]
    assert {order.status for order in orders} == {OrderStatus.COMPLETED}


def test_a_mapping_that_does_not_fit_is_one_line_and_changes_nothing(system: RunningSystem) -> None:
    wrong = replay(system, "--map", str(DATA / "visits.yaml"))

    assert wrong.returncode == 1
    assert "orders.csv:1: no column 'id'" in wrong.stderr
    assert "Traceback" not in wrong.stderr
