"""How a replay is shown: tables at its end, and what was left out as CSV files."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.table import Table

from offerloop import money
from offerloop.orders.model import IN_PROGRESS, OrderStatus
from simulator.replay.ledger import GIVEN_BACK, Account, Unmatched
from simulator.replay.progress import BoughtBy, Progress
from simulator.replay.recording import OddQuantity, Recording

SHOWN_REASONS = 10


def summary_table(recording: Recording, progress: Progress, bought_by: BoughtBy, cpu_share: float) -> Table:
    """What became of the recording as a whole.

    Args:
        cpu_share: of one core, what this client took.
    """
    outcome, faults = progress.outcome, recording.fault_counts()
    requests = sum(outcome.requests.values())
    table = Table("what", "count", title="Replay", title_justify="left")
    table.add_row("rows read", str(recording.rows))
    table.add_row("rows left out", str(faults.total()))
    for reason, count in faults.most_common():
        table.add_row(f"  {reason}", str(count))
    table.add_row("sessions", f"{outcome.sessions} of {recording.session_count}")
    table.add_row("requests", str(requests))
    if bought_by is BoughtBy.EVENTS:
        table.add_row("redemptions stored", f"{outcome.redeemed.total()} of {recording.purchase_count}")
        table.add_row("rows that are returns: nothing is sent", str(recording.return_count))
    table.add_row("sessions that bought a category they were served", str(outcome.matched))
    table.add_row("seconds", f"{progress.seconds:.1f}")
    table.add_row("requests per second", f"{requests / max(progress.seconds, 0.001):.1f}")
    table.add_row("this client's processor, share of one core", f"{100 * cpu_share:.0f} %")
    return table


def order_table(recording: Recording, progress: Progress) -> Table:
    """What became of the orders; amounts in the shop's currency."""
    account, outcome = progress.ledger.account(), progress.outcome
    table = Table("what", "count", title="Orders", title_justify="left")
    table.add_row("baskets with an order", f"{account.sessions} of {outcome.sessions}")
    table.add_row("  with several, of at most 20 lines each", str(account.split))
    for (reason, left_out), count in sorted(recording.quantity_counts().items()):
        table.add_row(f"rows: {reason}, {'left out' if left_out else 'as one unit'}", str(count))
    table.add_row("orders", str(account.orders))
    for status, count in sorted(account.statuses.items(), key=lambda row: _place(row[0])):
        table.add_row(f"  {status}", str(count))
    table.add_row("  refused by the shop", str(outcome.not_placed))
    table.add_row("units", str(account.units))
    table.add_row("  with an offer", str(outcome.redeemed.total()))
    for what, amount in (
        ("paid for the same in the recording", account.recorded),
        ("value at the shop's prices", account.full_price),
        ("value less offers, to pay", account.total),
        ("  of it in COMPLETED orders", account.completed),
        ("refunded", account.refunded),
    ):
        table.add_row(what, f"{money.to_major(amount):,.2f}")
    _add_returns(table, recording, account)
    final = sum(count for status, count in account.statuses.items() if status not in IN_PROGRESS)
    table.add_row("orders final per second", f"{final / max(progress.seconds, 0.001):.1f}")
    return table


def _add_returns(table: Table, recording: Recording, account: Account) -> None:
    table.add_row("rows that are returns", str(recording.return_count))
    table.add_row("  units", str(account.returned))
    table.add_row("  units found in completed orders", str(account.matched))
    table.add_row("  refunds", str(account.refunds[GIVEN_BACK]))
    for answer, count in sorted(account.refunds.items()):
        if answer != GIVEN_BACK:
            table.add_row(f"  refunds: {answer}", str(count))


def _place(status: str) -> int:
    """Final ones first."""
    return list(OrderStatus).index(OrderStatus(status)) + 100 * (OrderStatus(status) in IN_PROGRESS)


def reason_table(account: Account) -> Table:
    """Why orders failed, the most frequent reasons."""
    table = Table("failed because", "orders", title="Failures", title_justify="left")
    for reason, count in account.reasons.most_common(SHOWN_REASONS):
        table.add_row(reason, str(count))
    if len(account.reasons) > SHOWN_REASONS:
        table.add_row(f"{len(account.reasons) - SHOWN_REASONS} other reasons", "")
    return table


def write_quantities(rows: Iterable[OddQuantity], to: Path) -> int:
    """List the rows whose quantity is no count of units; gives their number."""
    return _write(
        to,
        ("line", "reason", "quantity", "units"),
        ((row.line, row.reason, f"{row.quantity:g}", row.units) for row in rows),
    )


def write_unmatched(returns: Sequence[Unmatched], to: Path) -> int:
    """List the returns that no order accounts for, wholly or in part; gives their number."""
    return _write(
        to,
        ("line", "customer", "product", "units", "units refunded"),
        ((each.line, each.customer, each.product_id, each.units, each.matched) for each in returns),
    )


def _write(to: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Write a CSV file, or none where there is no row."""
    listed = list(rows)
    if not listed:
        to.unlink(missing_ok=True)
        return 0
    with to.open("w", newline="") as lines:
        csv.writer(lines).writerows([header, *listed])
    return len(listed)
