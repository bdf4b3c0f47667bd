"""Read the pools of codes with their runs, and the figures of rewards, without a scan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from typing import Any

from dashboard.customer_reads import CustomerReads, NewestEntries
from dashboard.reward_data import (
    DAYS_OVER,
    MOST_POOLS,
    NEWEST_RUNS,
    Origin,
    Pools,
    PoolView,
    RewardDay,
    Rewards,
)
from handlers.aws.attributes import Item, s
from handlers.aws.code_finder import count_keys
from handlers.aws.code_rows import level_of, pool_of, trail_of
from handlers.aws.code_runs import DynamoRunStore, run_of
from handlers.aws.keys import POOL_LIST, Key, pool_key, pool_run_key, pool_trail_key
from handlers.aws.table_access import TableAccess, Tables
from offerloop.codes.files import CodeFiles
from offerloop.codes.forecast import sample_of
from offerloop.codes.model import Level
from offerloop.codes.runs import Run
from offerloop.errors import InvalidInput
from offerloop.rewards import day_files
from offerloop.rewards.days import day_at
from offerloop.rewards.ports import RewardFiles, RunningTotals

PROMO_FOLDER = "promo-codes/"  # S3_PREFIX in template.yaml
LARGEST_PICTURE = 10_000_000
PNG = b"\x89PNG\r\n\x1a\n"
DAYS_KEPT_MS = 60_000  # a day that is over changes only by entries that come late

Rows = Mapping[tuple[str, str], Item]


class PoolReads:
    """Reads of one running system: one query and one batch for all pools, and one for a run that is new."""

    def __init__(self, dynamodb: Any, tables: Tables, files: CodeFiles) -> None:
        self._table = tables.codes
        self._access = TableAccess(dynamodb)
        self._runs = DynamoRunStore(dynamodb, tables)
        self._files = files
        self._histories: Mapping[str, Sequence[Run]] = {}

    def pools(self, now_ms: int) -> Pools:
        """All pools, at *now_ms*."""
        listed = self._access.query_page(
            limit=MOST_POOLS + 1,
            TableName=self._table,
            KeyConditionExpression="PK = :pools",
            ExpressionAttributeValues={":pools": s(POOL_LIST)},
        )
        ids = [item["SK"]["S"] for item in listed[:MOST_POOLS]]
        kinds = pool_key, pool_run_key, pool_trail_key
        keys = [key_of(pool_id) for pool_id in ids for key_of in kinds]
        counts = {pool_id: count_keys(pool_id) for pool_id in ids}
        wanted = keys + [key for of_pool in counts.values() for key in of_pool]
        # Strongly consistent, so that no count falls from one look to the next.
        rows = self._access.get_batch({self._table: wanted}, consistent=True)
        pools = [pool_of(row) for pool_id in ids if (row := _row(rows, pool_key(pool_id))) is not None]
        histories = {
            pool.pool_id: self._history(pool.pool_id, _row(rows, pool_run_key(pool.pool_id)))
            for pool in pools
        }
        self._histories = histories
        views = []
        for pool in pools:
            level = _level(rows, counts[pool.pool_id])
            kept = trail_of(_row(rows, pool_trail_key(pool.pool_id)))
            trail = (*kept, sample_of(level, now_ms))
            views.append(PoolView(pool, level, histories[pool.pool_id], trail))
        return Pools(now_ms, views, is_cut=len(listed) > MOST_POOLS)

    def failure_picture(self, name: str) -> bytes | None:
        """A screenshot by the name that its run has; None where there is no picture of this name any more."""
        try:
            file = self._files.read(name, LARGEST_PICTURE)
        except InvalidInput:
            return None
        return file.content if file is not None and file.content.startswith(PNG) else None

    def _history(self, pool_id: str, last: Item | None) -> Sequence[Run]:
        """The newest runs of a pool; asked for only when its last one is another, or has moved on."""
        if last is None:
            return ()
        known = self._histories.get(pool_id, ())
        return known if known and known[0] == run_of(last) else self._runs.history(pool_id, NEWEST_RUNS)


def _row(rows: Rows, key: Key) -> Item | None:
    return rows.get((key["PK"]["S"], key["SK"]["S"]))


def _level(rows: Rows, counts: Sequence[Key]) -> Level:
    levels = [level_of(_row(rows, key)) for key in counts]
    return Level(
        free=sum(level.free for level in levels),
        given=sum(level.given for level in levels),
        void=sum(level.void for level in levels),
    )


@dataclass(frozen=True)
class _DaysOver:
    """Days before *today*, as they were read at a moment."""

    today: date
    read_at_ms: int
    days: Sequence[RewardDay]


class RewardReads:
    """Reads of one running system: two files for each day that is over, once a minute, and running totals."""

    def __init__(
        self,
        files: RewardFiles,
        totals: RunningTotals,
        newest: NewestEntries,
        zone: tzinfo,
        currency: str,
    ) -> None:
        self._files = files
        self._totals = totals
        self._customers = CustomerReads(newest, zone)
        self._zone = zone
        self._currency = currency
        self._over: _DaysOver | None = None

    def rewards(self, now_ms: int) -> Rewards:
        """The last days and today so far, at *now_ms*."""
        today = day_at(now_ms, self._zone)
        over = self._over
        if over is None or over.today != today or now_ms - over.read_at_ms >= DAYS_KEPT_MS:
            first = today - timedelta(days=DAYS_OVER)
            days = [self._day(first + timedelta(days=number)) for number in range(DAYS_OVER)]
            self._over = over = _DaysOver(today, now_ms, days)
        so_far = RewardDay(today, self._totals.of(today), Origin.STREAM)
        return Rewards(
            now_ms=now_ms,
            currency=self._currency,
            time_zone=str(self._zone),
            days=over.days,
            today=so_far,
            ever=self._totals.ever(),
            top=self._customers.top([*over.days, so_far], now_ms),
        )

    def _day(self, day: date) -> RewardDay:
        """A day by its files, or by what the stream counted while there are none, as right after midnight."""
        stored = [self._files.read(key) for key in day_files.keys_of(day, is_partial=False)]
        found = day_files.totals_in(*(file.text for file in stored if file is not None))
        if found is not None:
            return RewardDay(day, found, Origin.FILE)
        return RewardDay(day, self._totals.of(day), Origin.STREAM)
