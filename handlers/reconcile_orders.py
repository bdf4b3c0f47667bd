"""order-reconciler: an order whose message was given up becomes FAILED with the reason, and holds nothing."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics

from handlers import wiring
from handlers.order_reports import report_to
from handlers.queues import answer_queue
from offerloop.orders.watch_orders import give_up
from offerloop.outbox import Message

REASON = "the order could not be processed"

logger = Logger()
metrics = Metrics()


def take(message: Message) -> None:
    order = give_up(str(message.body["order_id"]), REASON, wiring.processing(report_to(logger, metrics)))
    logger.warning("Order reconciled", order_id=order.order_id, order_status=order.status.value)


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return answer_queue(event, context, take, wiring.settings().order_failures_url, logger)
