"""The ledger's entries by day, read from the index of the table `Rewards` a page at a time."""

from typing import Any

from handlers.aws.attributes import s
from handlers.aws.keys import REWARD_SHARDS, day_list
from handlers.aws.table_access import Client, Patience, ReadMeter, TableAccess, Tables
from offerloop.rewards.days import Span
from offerloop.rewards.ports import AmountPage

# An entry takes up to 250 bytes of the index, and a query ends at 1 MB: so many come with one call.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
PAGE = 4_000


class DynamoRewardEntries:
    """`RewardEntries`; a cursor is the sort key of the last entry that was read."""

    def __init__(
        self,
        client: Client,
        tables: Tables,
        patience: Patience | None = None,
        meter: ReadMeter | None = None,
        page: int = PAGE,
    ) -> None:
        self._table = tables.rewards
        self._access = TableAccess(client, meter, patience or Patience())
        self._page = page

    @property
    def shards(self) -> int:
        return REWARD_SHARDS

    def page(self, span: Span, shard: int, cursor: str | None) -> AmountPage:
        items = self._access.query_page(limit=self._page, **self.request(span, shard, cursor))
        amounts = [(item["kind"]["S"], int(item["amount"]["N"])) for item in items]
        is_last = len(items) < self._page
        return AmountPage(amounts, None if is_last else items[-1]["at_key"]["S"])

    def request(self, span: Span, shard: int, cursor: str | None) -> dict[str, Any]:
        """The query for what follows *cursor*; sort keys begin with 13 digits of milliseconds."""
        return {
            "TableName": self._table,
            "IndexName": "ByDay",
            "KeyConditionExpression": "day_list = :list AND at_key BETWEEN :first AND :last",
            "ProjectionExpression": "kind, amount, at_key",
            "ExpressionAttributeValues": {
                ":list": s(day_list(span.utc_day.isoformat(), shard)),
                # No key has another one as its beginning, so this is the first that can follow.
                ":first": s(f"{span.from_ms:013d}" if cursor is None else f"{cursor} "),
                # Shorter than any key of its millisecond, so before all of them.
                ":last": s(f"{span.until_ms:013d}"),
            },
        }
