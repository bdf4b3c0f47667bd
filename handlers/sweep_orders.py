"""order-sweeper: a rule runs this every minute; holds that ended are released, forgotten orders taken up."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers import wiring
from handlers.order_reports import report_to
from offerloop.orders.watch_orders import oldest_waiting_s, release_ended_holds, take_up_forgotten

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    processing = wiring.processing(report_to(logger, metrics))
    released = release_ended_holds(processing)
    taken_up = take_up_forgotten(processing, wiring.transport())
    waiting_s = oldest_waiting_s(processing)
    metrics.add_metric("HoldsReleased", MetricUnit.Count, released)
    metrics.add_metric("OldestOrderAge", MetricUnit.Seconds, waiting_s)
    if taken_up:
        logger.warning("Forgotten orders taken up", orders=taken_up)
    return {"released": released, "taken_up": taken_up, "oldest_waiting_s": waiting_s}
