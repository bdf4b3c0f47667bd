"""replenish-promo-code: one attempt at a replenishment run per message; in vain, it comes back later."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics

from handlers import wiring
from handlers.code_reports import report_runs_to
from handlers.queues import answer_queue
from offerloop.codes.replenish_pool import replenish_pool
from offerloop.outbox import Message

logger = Logger()
metrics = Metrics()


def take(message: Message) -> None:
    run_id, pool_id = str(message.body["run_id"]), str(message.body["pool_id"])
    replenish_pool(run_id, pool_id, wiring.replenishing(report_runs_to(logger, metrics), logger.info))


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return answer_queue(event, context, take, wiring.settings().replenishment_queue_url, logger)
