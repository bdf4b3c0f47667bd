"""code-pool-watcher: the stream of free codes; pools that run low are refilled, and the view follows."""

from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools import Logger, Metrics

from handlers import wiring
from handlers.aws.stream_records import pool_of_free_code
from handlers.batches import UNREADABLE, BatchAnswer, Record, answer_batch, dynamodb_sequence
from handlers.code_reports import log_intake, report_levels, report_runs_to
from offerloop.codes.files import AVAILABLE
from offerloop.codes.publish_views import publish_views
from offerloop.codes.take_in import Intake
from offerloop.codes.watch_pools import watch_pools

logger = Logger()
metrics = Metrics()


def watch(records: Sequence[Record]) -> None:
    touched = set(map(pool_of_free_code, records))
    levels = watch_pools(sorted(touched), wiring.watching(report_runs_to(logger, metrics), pass_over))
    report_levels(levels)
    publish_views(levels, wiring.publishing(log_foreign))


def pass_over(pool_id: str, error: Exception) -> None:
    """A pool whose rows cannot be read must not hold up the others; code-sweeper fails by it each minute."""
    if not isinstance(error, UNREADABLE):
        raise error
    logger.exception("Pool cannot be read", pool=pool_id)


def log_foreign(intake: Intake) -> None:
    log_intake(logger, metrics, intake, AVAILABLE)


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> BatchAnswer:
    return answer_batch(event["Records"], watch, dynamodb_sequence, logger)
