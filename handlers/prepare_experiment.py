"""offer-index-catalogue: each stored step of a PREPARING experiment ranks the next page of the catalogue."""

from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools import Logger

from handlers import wiring
from handlers.aws.stream_records import experiment_id
from handlers.batches import Record, dynamodb_sequence, take_batch
from offerloop.errors import ExperimentNotReady, UnknownExperiment
from offerloop.offers.run_experiments import prepare_experiment

logger = Logger()


def prepare(records: Sequence[Record]) -> None:
    for name in dict.fromkeys(map(experiment_id, records)):
        try:
            experiment = prepare_experiment(
                name, store=wiring.experiments(), offers=wiring.offers(), inventory=wiring.inventory()
            )
        except (ExperimentNotReady, UnknownExperiment) as overtaken:
            logger.info("Step overtaken", experiment_id=name, reason=overtaken.message)
            continue
        logger.info("Experiment prepared one page", experiment_id=name, status=experiment.status.value)


@logger.inject_lambda_context
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return take_batch(event["Records"], prepare, dynamodb_sequence, logger)
