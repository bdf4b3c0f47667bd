"""What an order's transition is told to logs and metrics."""

from collections.abc import Callable

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from offerloop.orders.model import OrderStatus
from offerloop.orders.ports import OrderStep

ENDS = {
    OrderStatus.COMPLETED: "OrdersCompleted",
    OrderStatus.FAILED: "OrdersFailed",
}


def report_to(logger: Logger, metrics: Metrics) -> Callable[[OrderStep], None]:
    """A `Processing.report` that writes one line per transition, and how long the stage before it took."""

    def report(step: OrderStep) -> None:
        order, before = step.after, step.before
        logger.info(
            "Order moved",
            order_id=order.order_id,
            order_status=order.status.value,
            reason=order.reason,
        )
        if order.status in ENDS:
            metrics.add_metric(ENDS[order.status], MetricUnit.Count, 1)
        if order.status is OrderStatus.COMPLETED:
            metrics.add_metric("OrderValue", MetricUnit.Count, order.total)
        if before is not None:
            _stage(before.status, order.updated_at_ms - before.updated_at_ms)

    return report


def _stage(stage: OrderStatus, took_ms: int) -> None:
    with single_metric("StageTime", MetricUnit.Milliseconds, took_ms, namespace="Offerloop") as metric:
        metric.add_dimension("stage", stage.value)
