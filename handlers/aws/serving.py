"""The serving context: everything about a user and the moment, in one call."""

from typing import Protocol

from handlers.aws.attributes import Item, number, unpacked
from handlers.aws.engagement_rows import experiment_of, shopper_of
from handlers.aws.keys import COUNTER_KEY, TREND_KEY, Key, live_experiment_key, profile_key
from handlers.aws.table_access import Client, Patience, ReadMeter, TableAccess, Tables
from offerloop.offers.model import TrendingCategory
from offerloop.offers.ports import ServingContext
from offerloop.offers.relevance import MAX_TRENDING
from offerloop.offers.trending import TrendScores


class TrendReader(Protocol):
    def trending(self, now: int, limit: int) -> tuple[TrendingCategory, ...]:
        """As `EngagementStore.trending`."""


class DynamoContextReader:
    """`ContextReader` over both tables.

    Args:
        trends: where trending is kept when it is not in the table.
    """

    def __init__(
        self,
        client: Client,
        tables: Tables,
        meter: ReadMeter | None = None,
        patience: Patience | None = None,
        trends: TrendReader | None = None,
    ) -> None:
        self._tables = tables
        self._trends = trends
        self._access = TableAccess(client, meter, patience or Patience())

    def context(self, user_id: str, now: int) -> ServingContext:
        profile, live = profile_key(user_id), live_experiment_key(user_id)
        of_users = [profile, live]
        if self._trends is None:
            of_users.append(TREND_KEY)
        keys = {self._tables.offers: [COUNTER_KEY], self._tables.user_activity: of_users}
        items = self._access.get_batch(keys, consistent=False)

        def row(key: Key) -> Item | None:
            return items.get((key["PK"]["S"], key["SK"]["S"]))

        shopper, experiment = row(profile), row(live)
        if self._trends is None:
            # All categories fade alike, so the leaders of the last count are the leaders now.
            trending = trend_of(row(TREND_KEY), "leaders").top(now * 1_000, MAX_TRENDING)
        else:
            trending = self._trends.trending(now, MAX_TRENDING)
        return ServingContext(
            shopper=None if shopper is None else shopper_of(shopper),
            trending=trending,
            experiment=None if experiment is None else experiment_of(experiment),
            total_available=number(row(COUNTER_KEY) or {}, "available"),
        )


def trend_of(item: Item | None, attribute: str = "points") -> TrendScores:
    """The scores in the TREND row: of all categories, or of the `leaders` only."""
    if item is None:
        return TrendScores()
    return TrendScores(number(item, "as_of_ms"), unpacked(item, attribute, {}))
