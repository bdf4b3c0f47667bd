"""offer-publish-events: new outbox rows, from the streams of both tables, to where they go."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers import wiring
from handlers.aws.stream_records import outbox_message, table_of
from handlers.batches import BatchAnswer, dynamodb_sequence, goes_on_from
from offerloop.outbox import first_unsent, publish

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> BatchAnswer:
    """The stream goes on from the first row whose message was not accepted."""
    records = event["Records"]  # of one stream, so of one table
    messages = [outbox_message(record) for record in records]
    unsent = publish(messages, transport=wiring.transport(), outbox=wiring.outbox(table_of(records[0])))
    metrics.add_metric("MessagesPublished", MetricUnit.Count, len(messages) - len(unsent))
    if unsent:
        logger.warning("Messages not accepted", unsent=len(unsent), messages=len(messages))
    return goes_on_from(records[first_unsent(messages, unsent) :], dynamodb_sequence)
