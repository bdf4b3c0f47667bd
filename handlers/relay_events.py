"""offer-relay-events: a rule runs this every minute; it publishes what the streams missed."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers import wiring
from offerloop.outbox import relay

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    now_ms = wiring.clock().now_ms()
    sent = sum(
        relay(now_ms=now_ms, transport=wiring.transport(), outbox=wiring.outbox(table))
        for table in wiring.tables_with_outbox()
    )
    metrics.add_metric("MessagesRelayed", MetricUnit.Count, sent)
    if sent:
        logger.warning("Messages relayed that the stream had missed", messages=sent)
    return {"sent": sent}
