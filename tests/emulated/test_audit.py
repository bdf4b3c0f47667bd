"""The audit on a deployed system: clean after real traffic, also while it goes on, and able to fail."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from handlers.aws.keys import COUNTER_KEY, offer_key
from harness.audit import audit, wait_until_settled
from harness.system import REPOSITORY, RunningSystem
from tests.emulated.storefront import Storefront


def audit_command(system: RunningSystem) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", "audit"],
        env=system.environment(),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def add_to_counter(system: RunningSystem, units: int) -> None:
    system.client("dynamodb").update_item(
        TableName=system.named("Offers"),
        Key=COUNTER_KEY,
        UpdateExpression="ADD available :units",
        ExpressionAttributeValues={":units": {"N": str(units)}},
    )


def broken_laws(system: RunningSystem) -> set[str]:
    return {result.name for result in audit(system).results if not result.holds}


def test_traffic_leaves_a_clean_system_and_a_corrupted_row_is_found(pristine_system):
    system, shop = pristine_system, Storefront(pristine_system)
    first = shop.create("audited", priority=60, stock=3)
    shop.create("audited", priority=50, stock=5)

    def act(number: int) -> None:
        shop.track(f"AUDITED-{number}", first, "VIEW")
        shop.track(f"AUDITED-{number}", first, "REDEMPTION")

    with ThreadPoolExecutor(8) as pool:
        during = pool.submit(broken_laws, system)
        list(pool.map(act, range(12)))
    assert during.result() == set()
    assert wait_until_settled(system)
    report = audit(system)
    checked = {result.name: result.checked for result in report.results}
    assert (report.clean, report.looks) == (True, 1)
    assert checked["Every tracked event is published"] == 12 + 3
    assert checked["Each stockout has exactly one pivot"] == 1
    assert audit_command(system).returncode == 0

    add_to_counter(system, 5)
    failed = audit_command(system)
    assert failed.returncode == 1
    [line] = [line for line in failed.stdout.splitlines() if line.startswith("BREACH")]
    assert "The counter equals the offers in stock" in line
    assert "off by +5" in line

    add_to_counter(system, -5)
    system.client("dynamodb").update_item(
        TableName=system.named("Offers"),
        Key=offer_key(first["offer_id"]),
        UpdateExpression="ADD redeemed_count :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    assert "Offers, events and users count the same redemptions" in broken_laws(system)
