"""Outbox rows of one table."""

import heapq
from collections.abc import Sequence

from handlers.aws.attributes import s
from handlers.aws.engagement_rows import message_of
from handlers.aws.keys import OUTBOX_PREFIX, OUTBOX_SHARDS, outbox_key
from handlers.aws.table_access import Client, Patience, TableAccess
from offerloop.outbox import Message


class DynamoOutbox:
    """`Outbox` on one of the tables that have outbox rows.

    Args:
        table: its deployed name.
    """

    def __init__(self, client: Client, table: str, patience: Patience | None = None) -> None:
        self._table = table
        self._access = TableAccess(client, None, patience or Patience())

    def overdue(self, written_before_ms: int, limit: int) -> Sequence[Message]:
        rows = [self._shard(shard, written_before_ms, limit) for shard in range(OUTBOX_SHARDS)]
        return heapq.nsmallest(limit, (m for shard in rows for m in shard), key=lambda m: m.written_at_ms)

    def _shard(self, shard: int, written_before_ms: int, limit: int) -> list[Message]:
        items = self._access.query_page(
            limit=limit,
            TableName=self._table,
            KeyConditionExpression="PK = :shard AND SK < :before",
            ExpressionAttributeValues={
                ":shard": s(f"{OUTBOX_PREFIX}{shard}"),
                ":before": s(f"{written_before_ms:013d}"),
            },
        )
        return [message_of(item) for item in items]

    def mark_sent(self, messages: Sequence[Message]) -> None:
        unique = {message.message_id: message for message in messages}.values()
        keys = [outbox_key(m.partition_key, m.written_at_ms, m.message_id) for m in unique]
        self._access.delete_batch(self._table, keys)
