"""offer-inventory-monitor: the `Offers` stream; lists, counter, pivots, and the log lines people look for."""

from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers import wiring
from handlers.aws.stream_records import offer_change
from handlers.batches import BatchAnswer, Record, answer_batch, dynamodb_sequence
from offerloop.clock import now_s
from offerloop.offers.choose_pivot import PivotDecision, PivotStep
from offerloop.offers.watch_inventory import watch_inventory

logger = Logger()
metrics = Metrics()


def watch(records: Sequence[Record]) -> None:
    changes = [change for change in map(offer_change, records) if change is not None]
    places = watch_inventory(
        changes,
        store=wiring.inventory(),
        now=now_s(wiring.clock()),
        report=log_pivot,
        boost=wiring.settings().pivot_boost,
    )
    metrics.add_metric("OffersWatched", MetricUnit.Count, len(changes))
    if places:
        logger.info("Ranked lists updated", offers=len(changes), places=places)


def log_pivot(decision: PivotDecision) -> None:
    """The exact lines of the requirements are the whole `message`; everything else is a field."""
    pivot, target = decision.pivot, decision.target
    fields = {"pivot_id": pivot.pivot_id, "category": pivot.category, "from_offer": pivot.from_offer}
    if decision.step is PivotStep.OPENED:
        metrics.add_metric("Stockouts", MetricUnit.Count, 1)
        logger.warning(f"STOCKOUT DETECTED: {pivot.from_offer} ({pivot.category})", **fields)
    if decision.step is PivotStep.CLOSED:
        logger.info(f"PIVOT UNDONE: {pivot.from_offer}", to_offer=pivot.to_offer, **fields)
    elif target is None:
        logger.warning(f"NO PIVOT: {pivot.category}", **fields)
    else:
        metrics.add_metric("Pivots", MetricUnit.Count, 1)
        logger.info(f"PIVOT TO: {target.offer_id} (Priority: {target.priority})", boost=pivot.boost, **fields)


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> BatchAnswer:
    return answer_batch(event["Records"], watch, dynamodb_sequence, logger)
