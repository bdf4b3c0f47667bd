"""Experiments, and the copies of the one that is live."""

from collections.abc import Sequence

from handlers.aws.attributes import Value, s, text
from handlers.aws.engagement_rows import experiment_attributes, experiment_of
from handlers.aws.keys import EXPERIMENT_LIST, experiment_key, key, live_experiment_keys
from handlers.aws.table_access import Action, Client, ConditionFailed, Patience, TableAccess, Tables
from offerloop.errors import ExperimentExists, ExperimentNotReady, UnknownExperiment
from offerloop.offers.experiments import Experiment, ExperimentStatus

LIVE = (ExperimentStatus.PREPARING, ExperimentStatus.RUNNING)
MAX_LISTED = 10_000


class DynamoExperimentStore:
    """`ExperimentStore` on the table `UserActivity`."""

    def __init__(self, client: Client, tables: Tables, patience: Patience | None = None) -> None:
        self._table = tables.user_activity
        self._access = TableAccess(client, None, patience or Patience())

    def get_experiment(self, experiment_id: str) -> Experiment:
        item = self._access.get(self._table, experiment_key(experiment_id), consistent=True)
        if item is None:
            raise UnknownExperiment(f"no experiment has the id {experiment_id!r}")
        return experiment_of(item)

    def experiments(self) -> Sequence[Experiment]:
        listed = self._access.query_page(
            limit=MAX_LISTED,
            consistent=True,
            TableName=self._table,
            KeyConditionExpression="PK = :list",
            ExpressionAttributeValues={":list": s(EXPERIMENT_LIST)},
        )
        keys = [experiment_key(text(item, "SK")) for item in listed]
        items = self._access.get_batch({self._table: keys}, consistent=True) if keys else {}
        return sorted(map(experiment_of, items.values()), key=lambda experiment: experiment.experiment_id)

    def running(self) -> Experiment | None:
        item = self._access.get(self._table, live_experiment_keys()[0], consistent=True)
        return None if item is None else experiment_of(item)

    def create_experiment(self, experiment: Experiment) -> None:
        put = {
            "TableName": self._table,
            "Item": experiment_key(experiment.experiment_id) | experiment_attributes(experiment),
            "ConditionExpression": "attribute_not_exists(PK)",
        }
        listed = {"TableName": self._table, "Item": key(EXPERIMENT_LIST, experiment.experiment_id)}
        try:
            self._access.transact([{"Put": put}, {"Put": listed}])
        except ConditionFailed as failed:
            raise ExperimentExists(f"an experiment {experiment.experiment_id!r} exists") from failed

    def save_experiment(self, before: Experiment, after: Experiment) -> None:
        put = {
            "TableName": self._table,
            "Item": experiment_key(after.experiment_id) | experiment_attributes(after),
            "ConditionExpression": "experiment = :before",
            "ExpressionAttributeValues": {":before": experiment_attributes(before)["experiment"]},
        }
        try:
            self._access.transact([{"Put": put}, *self._keep_copies(before, after)])
        except ConditionFailed as failed:
            if 0 in failed.found:
                raise ExperimentNotReady(f"{after.experiment_id} was changed meanwhile") from failed
            raise ExperimentExists("another experiment is live; stop it first") from failed

    def _keep_copies(self, before: Experiment, after: Experiment) -> list[Action]:
        own: dict[str, Value] = {":own": s(after.experiment_id)}
        condition = "attribute_not_exists(PK) OR experiment_id = :own"
        kept = {
            "TableName": self._table,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": own,
        }
        if after.status in LIVE:
            attributes = experiment_attributes(after)
            return [{"Put": kept | {"Item": copy | attributes}} for copy in live_experiment_keys()]
        if before.status in LIVE:
            return [{"Delete": kept | {"Key": copy}} for copy in live_experiment_keys()]
        return []
