"""bonus-sweeper: a rule runs this every minute; pending points become usable, lots end."""

from collections import Counter
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers import wiring, wiring_rewards
from handlers.bonus_reports import COUNTED_AS
from offerloop.bonuses.model import EntryKind
from offerloop.bonuses.ports import AccountStep
from offerloop.bonuses.sweep_accounts import sweep_accounts
from offerloop.sweeps import SweepIncomplete

LEFT_MS = 10_000  # for the account at hand; one that is cut off is done the next minute

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    totals: Counter[EntryKind] = Counter()
    failed: list[str] = []

    def add_up(step: AccountStep) -> None:
        for entry in step.entries:
            totals[entry.kind] += entry.amount

    def note(customer_id: str, _: Exception) -> None:
        failed.append(customer_id)
        logger.exception("Account could not be swept", customer_id=customer_id)

    accounts = sweep_accounts(
        wiring_rewards.bonus_ledger(),
        wiring.clock(),
        enough=lambda: context.get_remaining_time_in_millis() < LEFT_MS,
        report=add_up,
        trouble=note,
    )
    counted = {name: totals[kind] for kind, name in COUNTED_AS.items() if totals[kind]}
    for name, points in counted.items():
        metrics.add_metric(name, MetricUnit.Count, points)
    if accounts:
        logger.info("Accounts swept", accounts=accounts, **counted)
    if failed:
        metrics.add_metric("AccountsNotSwept", MetricUnit.Count, len(failed))
        raise SweepIncomplete(f"{len(failed)} accounts could not be swept; the log names them")
    return {"accounts": accounts, **counted}
