"""What each day's entries come to so far: counted once each, by a mark on the entry's row."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import date

from handlers.aws.attributes import Item, Value, n, number, s
from handlers.aws.keys import TOTAL_PREFIX, TOTAL_SHARDS, Key, entry_key, total_ever_key, total_key
from handlers.aws.table_access import Action, Client, ConditionFailed, Patience, TableAccess, Tables
from offerloop.bonuses.model import Entry, EntryKind
from offerloop.rewards.model import NOTHING, KindTotal, Totals

ENTRIES_PER_TRANSACTION = 90  # a mark each and two totals: 92 of 100 actions


class DynamoRunningTotals:
    """`RunningTotals` on the table `Rewards`."""

    def __init__(self, client: Client, tables: Tables, patience: Patience | None = None) -> None:
        self._table = tables.rewards
        self._access = TableAccess(client, None, patience or Patience())

    def add(self, day: date, entries: Sequence[Entry]) -> int:
        once = list({(entry.customer_id, entry.number): entry for entry in entries}.values())
        starts = range(0, len(once), ENTRIES_PER_TRANSACTION)
        return sum(self._add_chunk(day, once[start : start + ENTRIES_PER_TRANSACTION]) for start in starts)

    def of(self, day: date) -> Totals:
        return self._stored(total_key(day, 0))

    def ever(self) -> Totals:
        return self._stored(total_ever_key(0))

    def _stored(self, first: Key) -> Totals:
        """What stands in all rows beside the *first*."""
        rows = self._access.query_page(
            limit=TOTAL_SHARDS,
            consistent=True,
            TableName=self._table,
            KeyConditionExpression="PK = :of AND begins_with(SK, :totals)",
            ExpressionAttributeValues={":of": first["PK"], ":totals": s(TOTAL_PREFIX)},
        )
        return totals_in(rows)

    def _add_chunk(self, day: date, entries: Sequence[Entry]) -> int:
        """What was marked before, or is not there, fails its condition; the rest is tried again."""
        new = list(entries)
        while new:
            try:
                self._access.transact([*(self._mark(day, entry) for entry in new), *self._totals(day, new)])
                return len(new)
            except ConditionFailed as failed:
                new = [entry for position, entry in enumerate(new) if position not in failed.found]
        return 0

    def _mark(self, day: date, entry: Entry) -> Action:
        return {
            "Update": {
                "TableName": self._table,
                "Key": entry_key(entry.customer_id, entry.number),
                "UpdateExpression": "SET counted_in = :day",
                "ConditionExpression": "attribute_exists(PK) AND attribute_not_exists(counted_in)",
                "ExpressionAttributeValues": {":day": s(day.isoformat())},
            }
        }

    def _totals(self, day: date, entries: Sequence[Entry]) -> list[Action]:
        """One row of the day, and one of all days, for the whole chunk: which of their rows it is matters to
        none but their writers."""
        added = NOTHING.plus((entry.kind, entry.amount) for entry in entries)
        first = entries[0]
        shard = zlib.crc32(f"{first.customer_id}#{first.number}".encode()) % TOTAL_SHARDS
        sums, values = _additions(added.by_kind)
        return [
            {
                "Update": {
                    "TableName": self._table,
                    "Key": key,
                    "UpdateExpression": f"ADD {', '.join(sums)}",
                    "ExpressionAttributeValues": values,
                }
            }
            for key in (total_key(day, shard), total_ever_key(shard))
        ]


def totals_in(rows: Sequence[Item]) -> Totals:
    """What rows of totals come to together."""
    sums = {kind: _sum_of(rows, kind) for kind in EntryKind}
    return Totals({kind: total for kind, total in sums.items() if total.count})


def _additions(by_kind: Mapping[EntryKind, KindTotal]) -> tuple[list[str], dict[str, Value]]:
    sums, values = [], {}
    for kind, total in by_kind.items():
        for name, value in (("amount", total.amount), ("count", total.count)):
            attribute = f"{kind.value.lower()}_{name}"
            sums.append(f"{attribute} :{attribute}")
            values[f":{attribute}"] = n(value)
    return sums, values


def _sum_of(rows: Sequence[Item], kind: EntryKind) -> KindTotal:
    name = kind.value.lower()
    return KindTotal(
        sum(number(row, f"{name}_amount") for row in rows), sum(number(row, f"{name}_count") for row in rows)
    )
