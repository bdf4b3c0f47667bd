"""bonus-accruals: the `Orders` stream; what orders that ended earned, used, gave back and hold no more."""

from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools import Logger, Metrics

from handlers import wiring, wiring_rewards
from handlers.aws.stream_records import ended_order
from handlers.batches import UNREADABLE, BatchAnswer, Record, answer_batch, dynamodb_sequence
from handlers.bonus_reports import report_to
from offerloop.bonuses.settle_rewards import settle_rewards
from offerloop.orders.model import Order

wiring_rewards.accrual_rules()  # rules that cannot be read fail at cold start
logger = Logger()
metrics = Metrics()
report = report_to(logger, metrics)


def settle(records: Sequence[Record]) -> None:
    for record in records:
        order = _order_in(record)
        if order is None:
            continue
        settle_rewards(
            order,
            ledger=wiring_rewards.bonus_ledger(),
            rules=wiring_rewards.accrual_rules(),
            clock=wiring.clock(),
            report=report,
        )


def _order_in(record: Record) -> Order | None:
    """The order; None for a row that is none: what foreign hands wrote must not hold up the others."""
    try:
        return ended_order(record)
    except UNREADABLE:
        logger.exception("Order cannot be read", order=record["dynamodb"]["Keys"]["PK"]["S"])
        return None


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> BatchAnswer:
    return answer_batch(event["Records"], settle, dynamodb_sequence, logger)
