"""code-sweeper: every minute, overdue runs end, and low pools that nobody claims from are refilled."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers import wiring
from handlers.code_reports import report_levels, report_runs_to
from offerloop.codes.watch_pools import sweep_pools
from offerloop.sweeps import SweepIncomplete

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    failed: list[str] = []

    def note(pool_id: str, _: Exception) -> None:
        failed.append(pool_id)
        logger.exception("Pool could not be swept", pool=pool_id)

    levels = sweep_pools(wiring.watching(report_runs_to(logger, metrics), note))
    report_levels(levels)
    if failed:
        metrics.add_metric("PoolsNotSwept", MetricUnit.Count, len(failed))
        raise SweepIncomplete(f"{len(failed)} pools could not be swept; the log names them")
    return {"pools": len(levels)}
