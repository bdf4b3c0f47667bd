"""offer-index-catalogue: each stored step of a PREPARING experiment ranks the next page of the catalogue."""

from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools import Logger

from handlers import wiring
from handlers.aws.stream_records import experiment_id
from handlers.batches import BatchAnswer, Record, answer_batch, dynamodb_sequence
from offerloop.offers.run_experiments import prepare_experiments

logger = Logger()


def prepare(records: Sequence[Record]) -> None:
    prepared = prepare_experiments(
        map(experiment_id, records),
        store=wiring.experiments(),
        offers=wiring.offers(),
        inventory=wiring.inventory(),
    )
    for experiment in prepared:
        logger.info(
            "Experiment prepared one page",
            experiment_id=experiment.experiment_id,
            status=experiment.status.value,
        )


@logger.inject_lambda_context
def handle(event: dict[str, Any], context: Any) -> BatchAnswer:
    return answer_batch(event["Records"], prepare, dynamodb_sequence, logger)
