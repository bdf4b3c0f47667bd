"""Account for the points of orders that the stream has lost: after an outage of more than a day, say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from handlers.aws.bonus_ledger import DynamoBonusLedger
from handlers.aws.keys import METADATA, ORDER_PREFIX
from handlers.aws.order_rows import order_of
from handlers.aws.system_clock import SystemClock
from handlers.aws.table_access import Tables
from handlers.bonus_rules import rules_from
from harness.audit.table_scan import scan_table
from harness.system import RunningSystem
from offerloop.bonuses.rules import AccrualRules
from offerloop.bonuses.settle_rewards import settle_rewards
from offerloop.orders.model import IN_PROGRESS, Order


def settle(system: RunningSystem, say: Callable[[str], None]) -> int:
    """Let every order that has ended earn, use, release and give back what it still has to.

    What is accounted for already is left alone, so this can be repeated, and done while the system works.

    Returns:
        How many accounts were changed.
    """
    tables = Tables.with_prefix(system.prefix)
    ledger = DynamoBonusLedger(system.client("dynamodb"), tables)
    rules, clock = deployed_rules(system), SystemClock()
    seen: Counter[bool] = Counter()
    for order in _ended(system, tables.orders):
        seen[settle_rewards(order, ledger=ledger, rules=rules, clock=clock) is not None] += 1
    say(f"{seen.total():,} orders have ended, {seen[True]:,} of them were not accounted for")
    return seen[True]


def deployed_rules(system: RunningSystem) -> AccrualRules:
    """Read the rules that the deployed function has."""
    found = system.client("lambda").get_function_configuration(FunctionName=system.named("bonus-accruals"))
    variables = found["Environment"]["Variables"]
    return rules_from(variables["BONUS_RULES"], variables["BUSINESS_TIME_ZONE"])


def _ended(system: RunningSystem, table: str) -> Iterator[Order]:
    for page in scan_table(system, table):
        for item in page:
            if item["SK"]["S"] == METADATA and item["PK"]["S"].startswith(ORDER_PREFIX):
                order = order_of(item)
                if order.status not in IN_PROGRESS:
                    yield order
