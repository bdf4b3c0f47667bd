"""code-sweeper: every minute, overdue runs end, and low pools that nobody claims from are refilled."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics

from handlers import wiring
from handlers.code_reports import report_levels, report_runs_to
from offerloop.codes.watch_pools import sweep_pools

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    levels = sweep_pools(wiring.watching(report_runs_to(logger, metrics)))
    report_levels(levels)
    return {"pools": len(levels)}
