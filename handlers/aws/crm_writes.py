"""Bonuses on their way to the CRM. Their rows never end by themselves: they are what must not be lost."""

from handlers.aws.attributes import flag, n, s
from handlers.aws.crm_rows import write_of
from handlers.aws.engagement_rows import message_item
from handlers.aws.idempotency_store import DynamoIdempotencyStore, remember
from handlers.aws.keys import crm_bonus_key
from handlers.aws.table_access import Action, Client, ConditionFailed, Patience, Tables
from offerloop.crm.model import BonusWrite
from offerloop.crm.ports import StaleBonus
from offerloop.idempotency import KEPT_FOR_S, AnsweredRequest
from offerloop.outbox import Message


class DynamoBonusWrites(DynamoIdempotencyStore):
    """`BonusWrites` on the tables `UserActivity` and `Idempotency`.

    `sole_right_until_ms` is in the row while somebody has the sole right to write; its value tells the
    holders apart, since a later holder's always lies behind.
    """

    def __init__(self, client: Client, tables: Tables, patience: Patience | None = None) -> None:
        super().__init__(client, tables, patience)
        self._writes = tables.user_activity

    def of(self, buyer_id: str) -> BonusWrite | None:
        item = self._access.get(self._writes, crm_bonus_key(buyer_id), consistent=True)
        return None if item is None else write_of(item)

    def queue(self, write: BonusWrite, message: Message, answered: AnsweredRequest | None) -> None:
        put: Action = {"Put": {"TableName": self._writes, "Item": message_item(message)}}
        actions = [self._queueing(write), put]
        if answered is not None:
            actions.append(remember(self._table, answered, answered.expires_at - KEPT_FOR_S))
        try:
            self._access.transact(actions)
        except ConditionFailed as failed:
            raise StaleBonus from failed

    def _queueing(self, write: BonusWrite) -> Action:
        """An update, so that a sole right and the time of the last write stay as they are."""
        values = {
            ":bonus": n(write.bonus),
            ":version": n(write.version),
            ":yes": flag(True),
            ":now": n(write.queued_at_ms),
        }
        condition = "attribute_not_exists(PK)"
        if write.version > 1:
            condition, values[":before"] = "version = :before", n(write.version - 1)
        return {
            "Update": {
                "TableName": self._writes,
                "Key": crm_bonus_key(write.buyer_id),
                "UpdateExpression": "SET bonus = :bonus, version = :version, pending = :yes, "
                "queued_at_ms = :now REMOVE refused",
                "ConditionExpression": condition,
                "ExpressionAttributeValues": values,
            }
        }

    def begin(self, buyer_id: str, version: int, now_ms: int, until_ms: int) -> bool:
        try:
            self._access.update(
                TableName=self._writes,
                Key=crm_bonus_key(buyer_id),
                UpdateExpression="SET sole_right_until_ms = :until",
                ConditionExpression="version = :version AND pending = :yes AND "
                "(attribute_not_exists(sole_right_until_ms) OR sole_right_until_ms <= :now)",
                ExpressionAttributeValues={
                    ":version": n(version),
                    ":yes": flag(True),
                    ":now": n(now_ms),
                    ":until": n(until_ms),
                },
            )
        except ConditionFailed:
            return False
        return True

    def end(self, buyer_id: str, version: int, until_ms: int, written_at_ms: int) -> None:
        values = {":until": n(until_ms), ":at": n(written_at_ms)}
        held = "sole_right_until_ms = :until"
        try:
            self._access.update(
                TableName=self._writes,
                Key=crm_bonus_key(buyer_id),
                UpdateExpression="SET written_at_ms = :at, pending = :no REMOVE sole_right_until_ms",
                ConditionExpression=f"{held} AND version = :version",
                ExpressionAttributeValues=values | {":no": flag(False), ":version": n(version)},
            )
        except ConditionFailed:
            self._update_if(
                buyer_id, "SET written_at_ms = :at REMOVE sole_right_until_ms", held, values
            )  # a later version waits

    def release(self, buyer_id: str, until_ms: int) -> None:
        self._update_if(
            buyer_id, "REMOVE sole_right_until_ms", "sole_right_until_ms = :until", {":until": n(until_ms)}
        )

    def refuse(self, buyer_id: str, version: int, reason: str) -> None:
        self._update_if(
            buyer_id,
            "SET pending = :no, refused = :reason",
            "version = :version",
            {":no": flag(False), ":reason": s(reason), ":version": n(version)},
        )

    def _update_if(
        self, buyer_id: str, update: str, condition: str, values: dict[str, dict[str, object]]
    ) -> None:
        """Update a buyer's row unless it has changed, in which case it is left alone."""
        try:
            self._access.update(
                TableName=self._writes,
                Key=crm_bonus_key(buyer_id),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
        except ConditionFailed:
            return
