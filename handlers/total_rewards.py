"""reward-totals: new entries of the bonus ledger, added to the running totals of their days."""

from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers import wiring_rewards
from handlers.aws.bonus_rows import entry_of
from handlers.batches import BatchAnswer, Record, answer_batch, dynamodb_sequence
from offerloop.rewards.count_rewards import count_rewards

logger = Logger()
metrics = Metrics()


def count(records: Sequence[Record]) -> None:
    entries = [entry_of(record["dynamodb"]["NewImage"]) for record in records]
    new = count_rewards(entries, totals=wiring_rewards.running_totals(), zone=wiring_rewards.business_zone())
    metrics.add_metric("RewardEntriesCounted", MetricUnit.Count, new)
    logger.info("Reward entries counted", new=new, repeated=len(entries) - new)


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> BatchAnswer:
    return answer_batch(event["Records"], count, dynamodb_sequence, logger)
