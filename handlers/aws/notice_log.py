"""Text messages to customers, and what is known of the phones that they go to."""

import heapq
from collections.abc import Sequence
from datetime import UTC, datetime

from handlers.aws.attributes import Item, n, s
from handlers.aws.keys import NOTICE_SHARDS, Key, notice_list, opted_out_key, phone_day_key
from handlers.aws.order_rows import notice_item, notice_of
from handlers.aws.table_access import Client, ConditionFailed, Patience, TableAccess, Tables
from offerloop.orders.notices import Notice

COUNTED_FOR_S = 2 * 24 * 3600  # from the day's beginning; messages of the day before may still come


class DynamoNoticeLog:
    """`NoticeLog` on the table `Orders`."""

    def __init__(self, client: Client, tables: Tables, patience: Patience | None = None) -> None:
        self._table = tables.orders
        self._access = TableAccess(client, None, patience or Patience())

    def begin(self, notice: Notice) -> bool:
        try:
            self._access.put(
                TableName=self._table,
                Item=notice_item(notice),
                ConditionExpression="attribute_not_exists(PK)",
            )
        except ConditionFailed:
            return False
        return True

    def end(self, notice: Notice) -> None:
        self._access.put(TableName=self._table, Item=notice_item(notice))

    def take_of_day(self, phone: str, day: str, limit: int) -> bool:
        began_at = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
        try:
            self._access.update(
                TableName=self._table,
                Key=phone_day_key(phone, day),
                UpdateExpression="SET delete_at = :end ADD messages :one",
                ConditionExpression="attribute_not_exists(messages) OR messages < :limit",
                ExpressionAttributeValues={
                    ":end": n(began_at + COUNTED_FOR_S),
                    ":one": n(1),
                    ":limit": n(limit),
                },
            )
        except ConditionFailed:
            return False
        return True

    def opted_out(self, phone: str) -> bool:
        return self._access.get(self._table, opted_out_key(phone), consistent=True) is not None

    def opt_out(self, phone: str) -> None:
        self._access.put(TableName=self._table, Item=opted_out_key(phone))

    def opt_in(self, phone: str) -> None:
        self._access.delete(self._table, opted_out_key(phone))

    def latest(self, limit: int) -> Sequence[Notice]:
        found = [item for shard in range(NOTICE_SHARDS) for item in self._newest_of(shard, limit)]
        newest = heapq.nlargest(limit, found, key=lambda item: int(item["at_ms"]["N"]))
        keys: list[Key] = [{"PK": dict(item["PK"]), "SK": dict(item["SK"])} for item in newest]
        rows = self._access.get_batch({self._table: keys}, consistent=False)
        return sorted(map(notice_of, rows.values()), key=lambda notice: -notice.at_ms)

    def _newest_of(self, shard: int, limit: int) -> list[Item]:
        return self._access.query_page(
            limit=limit,
            TableName=self._table,
            IndexName="ByNotice",
            KeyConditionExpression="notice_list = :list",
            ExpressionAttributeValues={":list": s(notice_list(shard))},
            ScanIndexForward=False,
        )
