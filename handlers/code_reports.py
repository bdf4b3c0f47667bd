"""What is logged and counted of replenishment runs, of pools and of lists of codes."""

from collections.abc import Mapping

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from offerloop.codes.model import Level, Pool
from offerloop.codes.runs import Run, RunStatus
from offerloop.codes.take_in import Intake
from offerloop.codes.watch_pools import RunReport


def report_runs_to(logger: Logger, metrics: Metrics) -> RunReport:
    """A `RunReport` into a function's log and metrics."""

    def report(run: Run, pool: Pool | None, level: Level | None) -> None:
        fields = {
            "pool": run.pool_id,
            "run_id": run.run_id,
            "supplier": None if pool is None else pool.supplier.value,
            "free": None if level is None else level.free,
        }
        if run.status is RunStatus.REQUESTED:
            threshold, lead = (None, None) if pool is None else (pool.threshold, pool.lead_minutes)
            logger.info(
                "Replenishment triggered",
                asked_for=run.asked_for,
                threshold=threshold,
                lead_minutes=lead,
                **fields,
            )
        elif run.status is RunStatus.DONE:
            metrics.add_metric("CodesAdded", MetricUnit.Count, run.added)
            logger.info("Replenishment done", added=run.added, attempts=run.attempts, **fields)
        else:
            metrics.add_metric("ReplenishmentsFailed", MetricUnit.Count, 1)
            logger.error(
                "Replenishment failed",
                reason=run.reason,
                attempts=run.attempts,
                screenshot=run.screenshot,
                **fields,
            )

    return report


def report_levels(levels: Mapping[str, Level]) -> None:
    """The metric of each pool's free codes."""
    for pool_id, level in levels.items():
        with single_metric("PoolLevel", MetricUnit.Count, level.free, namespace="Offerloop") as metric:
            metric.add_dimension("pool", pool_id)


def log_intake(logger: Logger, metrics: Metrics, intake: Intake, file: str) -> None:
    """A list of codes that was taken in."""
    metrics.add_metric("CodesAdded", MetricUnit.Count, len(intake.added))
    logger.info(
        "Codes taken in",
        file=file,
        added=len(intake.added),
        duplicates=intake.duplicates,
        ever_seen=intake.ever_seen,
        invalid=intake.invalid,
    )
