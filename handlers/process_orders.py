"""order-processor: carries each order from PENDING to COMPLETED or FAILED."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics

from handlers import wiring
from handlers.order_reports import report_to
from handlers.queues import answer_queue
from offerloop.orders.process_order import process_order
from offerloop.outbox import Message

logger = Logger()
metrics = Metrics()


def take(message: Message) -> None:
    process_order(str(message.body["order_id"]), wiring.processing(report_to(logger, metrics)))


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return answer_queue(event, context, take, wiring.settings().order_queue_url, logger)
