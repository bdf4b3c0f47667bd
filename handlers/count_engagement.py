"""offer-update-trending: the engagement stream; trending categories and the experiments' tallies."""

from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers import wiring
from handlers.aws.stream_records import engagement_event
from handlers.batches import BatchAnswer, Record, answer_batch, kinesis_sequence
from offerloop.clock import now_s
from offerloop.offers.count_engagement import count_engagement

logger = Logger()
metrics = Metrics()


def count(records: Sequence[Record]) -> None:
    events = [engagement_event(record) for record in records]
    new = count_engagement(events, store=wiring.engagement(), now=now_s(wiring.clock()))
    metrics.add_metric("EventsCounted", MetricUnit.Count, new)
    logger.info("Events counted", new=new, repeated=len(events) - new)


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> BatchAnswer:
    return answer_batch(event["Records"], count, kinesis_sequence, logger)
