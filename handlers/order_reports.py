"""What an order's transition is told to logs and metrics."""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from offerloop.orders.model import IN_PROGRESS, OrderStatus
from offerloop.orders.ports import OrderStep, Report

# By the status that an order comes to; a second partial refund is a transition of its own.
COUNTED_AS = {
    OrderStatus.PENDING: "OrdersPlaced",
    OrderStatus.COMPLETED: "OrdersCompleted",
    OrderStatus.FAILED: "OrdersFailed",
    OrderStatus.CANCELLED: "OrdersCancelled",
    OrderStatus.PARTIALLY_REFUNDED: "OrdersRefunded",
    OrderStatus.REFUNDED: "OrdersRefunded",
}


def report_to(logger: Logger, metrics: Metrics) -> Report:
    """A report that writes one line per transition, counts it, and says how long the stage before it took."""

    def report(step: OrderStep) -> None:
        order, before = step.after, step.before
        logger.info(
            "Order moved",
            order_id=order.order_id,
            order_status=order.status.value,
            reason=order.reason,
        )
        if order.status in COUNTED_AS:
            metrics.add_metric(COUNTED_AS[order.status], MetricUnit.Count, 1)
        if order.status is OrderStatus.COMPLETED:
            metrics.add_metric("OrderValue", MetricUnit.Count, order.total)
        if before is not None and before.status in IN_PROGRESS:
            _stage(before.status, order.updated_at_ms - before.updated_at_ms)

    return report


def _stage(stage: OrderStatus, took_ms: int) -> None:
    with single_metric("StageTime", MetricUnit.Milliseconds, took_ms, namespace="Offerloop") as metric:
        metric.add_dimension("stage", stage.value)
