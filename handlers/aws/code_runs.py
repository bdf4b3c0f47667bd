"""Replenishment runs: the last of each pool in one place, and all of them as its history."""

from collections.abc import Sequence

from handlers.aws.attributes import Item, Value, n, number, optional_text, s, text
from handlers.aws.engagement_rows import message_item
from handlers.aws.keys import POOL_PREFIX, RUN_PREFIX, Key, pool_key, pool_run_key, run_key
from handlers.aws.table_access import Action, Client, ConditionFailed, Patience, TableAccess, Tables
from offerloop.codes.runs import Run, RunStatus
from offerloop.idempotency import Stale
from offerloop.outbox import Message

_AS_READ = "run_id = :run AND #status = :status AND attempts = :attempts"


class DynamoRunStore:
    """`RunStore` on the table `Codes`."""

    def __init__(self, client: Client, tables: Tables, patience: Patience | None = None) -> None:
        self._table = tables.codes
        self._access = TableAccess(client, None, patience or Patience())

    def last(self, pool_id: str) -> Run | None:
        item = self._access.get(self._table, pool_run_key(pool_id), consistent=True)
        return None if item is None else run_of(item)

    def start(self, run: Run, previous: Run | None, message: Message) -> None:
        put = {"TableName": self._table, "Item": message_item(message)}
        self._write(run, previous, [{"Put": put}])

    def write(self, before: Run, after: Run) -> None:
        self._write(after, before, [])

    def history(self, pool_id: str, limit: int) -> Sequence[Run]:
        items = self._access.query_page(
            limit=limit,
            TableName=self._table,
            KeyConditionExpression="PK = :pool AND begins_with(SK, :runs)",
            ExpressionAttributeValues={":pool": pool_key(pool_id)["PK"], ":runs": s(RUN_PREFIX)},
            ScanIndexForward=False,
        )
        return tuple(map(run_of, items))

    def _write(self, run: Run, expected: Run | None, actions: list[Action]) -> None:
        put: Action = {"TableName": self._table, "Item": _item(pool_run_key(run.pool_id), run)}
        if expected is None:
            put["ConditionExpression"] = "attribute_not_exists(PK)"
        else:
            put["ConditionExpression"] = _AS_READ
            put["ExpressionAttributeNames"] = {"#status": "status"}
            put["ExpressionAttributeValues"] = {
                ":run": s(expected.run_id),
                ":status": s(expected.status.value),
                ":attempts": n(expected.attempts),
            }
        listed = _item(run_key(run.pool_id, run.requested_at_ms, run.run_id), run)
        history: Action = {"Put": {"TableName": self._table, "Item": listed}}
        try:
            self._access.transact([{"Put": put}, history, *actions])
        except ConditionFailed as failed:
            raise Stale from failed


def run_of(item: Item) -> Run:
    """The run in either of its rows."""
    return Run(
        run_id=text(item, "run_id"),
        pool_id=item["PK"]["S"].removeprefix(POOL_PREFIX),
        status=RunStatus(text(item, "status")),
        requested_at_ms=number(item, "requested_at_ms"),
        updated_at_ms=number(item, "updated_at_ms"),
        asked_for=number(item, "asked_for"),
        attempts=number(item, "attempts"),
        added=number(item, "added"),
        reason=optional_text(item, "reason"),
        screenshot=optional_text(item, "screenshot"),
    )


def _item(place: Key, run: Run) -> dict[str, Value]:
    item = place | {
        "run_id": s(run.run_id),
        "status": s(run.status.value),
        "requested_at_ms": n(run.requested_at_ms),
        "updated_at_ms": n(run.updated_at_ms),
        "asked_for": n(run.asked_for),
        "attempts": n(run.attempts),
        "added": n(run.added),
    }
    if run.reason is not None:
        item["reason"] = s(run.reason)
    if run.screenshot is not None:
        item["screenshot"] = s(run.screenshot)
    return item
