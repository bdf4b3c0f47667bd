"""Published events counted once each: marks on the event rows, tallies of experiments, trending scores."""

from collections import Counter
from collections.abc import Sequence

from handlers.aws.attributes import Value, n, number, packed, s, text
from handlers.aws.keys import EXPERIMENT_PREFIX, TALLY_PREFIX, TREND_KEY, event_key, tally_key
from handlers.aws.serving import trend_of
from handlers.aws.table_access import Action, Client, ConditionFailed, Patience, TableAccess, Tables
from offerloop.errors import Busy
from offerloop.offers.experiments import Tally
from offerloop.offers.model import EngagementEvent, TrendingCategory
from offerloop.offers.trending import TrendScores

EVENTS_PER_TRANSACTION = 45  # each a mark and at most one tally, and the trend: 2 x 45 + 1 <= 100 actions
LEADERS = 16  # categories kept ready for serving, which needs three
MAX_VARIANTS = 1_000


class EngagementLedger:
    """Which events were counted, and the tallies that they count for; trending is kept elsewhere."""

    def __init__(self, client: Client, tables: Tables, patience: Patience | None = None) -> None:
        self._table = tables.user_activity
        self._patience = patience or Patience()
        self._access = TableAccess(client, None, self._patience)

    def count(self, events: Sequence[EngagementEvent], now: int) -> int:
        """Mark and tally events; returns how many had not been marked."""
        starts = range(0, len(events), EVENTS_PER_TRANSACTION)
        return sum(self._count_chunk(events[start : start + EVENTS_PER_TRANSACTION], now) for start in starts)

    def tallies(self, experiment_id: str) -> dict[str, Tally]:
        rows = self._access.query_page(
            limit=MAX_VARIANTS,
            consistent=True,
            TableName=self._table,
            KeyConditionExpression="PK = :experiment AND begins_with(SK, :tallies)",
            ExpressionAttributeValues={
                ":experiment": s(f"{EXPERIMENT_PREFIX}{experiment_id}"),
                ":tallies": s(TALLY_PREFIX),
            },
        )
        return {
            text(row, "SK").removeprefix(TALLY_PREFIX): Tally(
                number(row, "exposed"), number(row, "converted")
            )
            for row in rows
        }

    def _count_chunk(self, events: Sequence[EngagementEvent], now: int) -> int:
        new = list(events)
        for _ in self._patience.pauses():
            if not new:
                return 0
            marks = [self._mark(event, now) for event in new]
            try:
                self._access.transact([*marks, *self._tally(new), *self._trend(new, now)])
                return len(new)
            except ConditionFailed as failed:
                # Marked before, or never stored: not counted. A trend that moved on is read again.
                new = [event for position, event in enumerate(new) if position not in failed.found]
        raise Busy("trending is being written by too many at once")

    def _mark(self, event: EngagementEvent, now: int) -> Action:
        return {
            "Update": {
                "TableName": self._table,
                "Key": event_key(event.user_id, event.occurred_at_ms, event.event_id),
                "UpdateExpression": "SET counted_at = :now",
                "ConditionExpression": "attribute_exists(PK) AND attribute_not_exists(counted_at)",
                "ExpressionAttributeValues": {":now": n(now)},
            }
        }

    def _tally(self, events: Sequence[EngagementEvent]) -> list[Action]:
        exposed: Counter[tuple[str, str]] = Counter()
        converted: Counter[tuple[str, str]] = Counter()
        for event in events:
            if event.experiment_id is not None and event.variant is not None:
                arm = event.experiment_id, event.variant
                exposed[arm] += event.first_exposure
                converted[arm] += event.first_conversion
        return [
            {
                "Update": {
                    "TableName": self._table,
                    "Key": tally_key(*arm),
                    "UpdateExpression": "ADD exposed :exposed, converted :converted",
                    "ExpressionAttributeValues": {
                        ":exposed": n(exposed[arm]),
                        ":converted": n(converted[arm]),
                    },
                }
            }
            for arm in exposed
            if exposed[arm] or converted[arm]
        ]

    def _trend(self, events: Sequence[EngagementEvent], now: int) -> list[Action]:
        """What is written about trending in the same transaction: nothing here."""
        return []


class DynamoEngagementStore(EngagementLedger):
    """`EngagementStore` on the table `UserActivity`, trending included."""

    def trending(self, now: int, limit: int) -> tuple[TrendingCategory, ...]:
        item = self._access.get(self._table, TREND_KEY, consistent=False)
        return trend_of(item).top(now * 1_000, limit)

    def _trend(self, events: Sequence[EngagementEvent], now: int) -> list[Action]:
        item = self._access.get(self._table, TREND_KEY, consistent=True)
        before, version = trend_of(item), number(item or {}, "version")
        put: Action = {
            "TableName": self._table,
            "Item": TREND_KEY | _trend_attributes(before.plus(events, now * 1_000), version + 1),
            "ConditionExpression": "version = :version" if version else "attribute_not_exists(PK)",
        }
        if version:
            put["ExpressionAttributeValues"] = {":version": n(version)}
        return [{"Put": put}]


def _trend_attributes(scores: TrendScores, version: int) -> dict[str, Value]:
    ranked = sorted(scores.points.items(), key=lambda item: (-item[1], item[0]))
    return {
        "as_of_ms": n(scores.as_of_ms),
        "points": packed(dict(ranked)),
        "leaders": packed(dict(ranked[:LEADERS])),
        "version": n(version),
    }
