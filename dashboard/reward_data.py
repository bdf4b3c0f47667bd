"""What the pages of code pools and of rewards show, as plain values, and the figures drawn from it. Knows no
Streamlit.

Codes themselves are no part of it: one that is still free is as good as money, so it is only counted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from offerloop.bonuses.model import BALANCE_SIGN, EntryKind
from offerloop.codes.model import Level, Pool, PoolStatus
from offerloop.codes.runs import Run
from offerloop.rewards.model import KindTotal, Totals

MOST_POOLS = 50
NEWEST_RUNS = 5  # of each pool
DAYS_OVER = 14
HOUR_MS = 3_600_000
MEASURED_FROM_MS = 30_000  # a rate that was counted over less would jump with each claim


class PoolState(StrEnum):
    """How a pool stands, in one word."""

    OK = "ok"
    LOW = "low"  # below its threshold
    EMPTY = "empty"
    PAUSED = "paused"


@dataclass(frozen=True)
class Sample:
    """A pool's level at a moment: codes that were free, and codes given out ever."""

    at_ms: int
    free: int
    given: int


@dataclass(frozen=True)
class Burn:
    """Claims that were counted over a time > 0."""

    claims: int
    span_ms: int

    @property
    def per_hour(self) -> float:
        return self.claims * HOUR_MS / self.span_ms


@dataclass(frozen=True)
class PoolView:
    """A pool with its level now.

    Attributes:
        runs: its newest replenishment runs, newest first, at most NEWEST_RUNS.
        samples: its level as this dashboard saw it, oldest first; the last is now.
    """

    pool: Pool
    level: Level
    runs: Sequence[Run]
    samples: Sequence[Sample]

    @property
    def state(self) -> PoolState:
        if self.pool.status is PoolStatus.PAUSED:
            return PoolState.PAUSED
        if not self.level.free:
            return PoolState.EMPTY
        return PoolState.LOW if self.level.free < self.pool.threshold else PoolState.OK

    @property
    def burn(self) -> Burn | None:
        """Claims since the oldest sample; None where it is too young to tell."""
        first, last = self.samples[0], self.samples[-1]
        span_ms = last.at_ms - first.at_ms
        return Burn(last.given - first.given, span_ms) if span_ms >= MEASURED_FROM_MS else None

    @property
    def empty_in_ms(self) -> float | None:
        """When the last code goes if claims go on like this and nobody refills; None = it cannot be told."""
        if not self.level.free:
            return 0.0
        burn = self.burn
        return None if burn is None or not burn.claims else self.level.free * burn.span_ms / burn.claims


@dataclass(frozen=True)
class Pools:
    """Pools by id, at most MOST_POOLS; `is_cut` where there are more."""

    now_ms: int
    pools: Sequence[PoolView]
    is_cut: bool = False

    @property
    def runs(self) -> list[Run]:
        """The newest runs of all of them, newest first."""
        runs = [run for view in self.pools for run in view.runs]
        return sorted(runs, key=lambda run: (-run.requested_at_ms, run.pool_id))


def next_empty(views: Iterable[PoolView]) -> PoolView | None:
    """The pool of which the last code goes first, of those that have any and whose claims are known."""
    emptying = [view for view in views if view.empty_in_ms]
    return min(emptying, key=lambda view: view.empty_in_ms or 0.0, default=None)


class Origin(StrEnum):
    """Where a day's figures are from."""

    FILE = "file"  # the daily job's
    STREAM = "stream"  # the running total: today's, and those of days without files


@dataclass(frozen=True)
class RewardDay:
    """What the ledger's entries of one business day come to."""

    day: date
    totals: Totals
    origin: Origin


@dataclass(frozen=True)
class Rewards:
    """The last days that are over, oldest first, and today so far; amounts in the deployment's currency."""

    now_ms: int
    currency: str
    time_zone: str
    days: Sequence[RewardDay]
    today: RewardDay

    @property
    def all(self) -> list[RewardDay]:
        return [*self.days, self.today]

    @property
    def total(self) -> Totals:
        """What all of these days come to."""
        return Totals({kind: _sum_of(self.all, kind) for kind in EntryKind})

    @property
    def without_file(self) -> list[date]:
        """Days that are over and had entries, but have no files that can be read."""
        return [each.day for each in self.days if each.origin is Origin.STREAM and each.totals.entries]


def _sum_of(days: Iterable[RewardDay], kind: EntryKind) -> KindTotal:
    totals = [each.totals.of(kind) for each in days]
    return KindTotal(sum(total.amount for total in totals), sum(total.count for total in totals))


def liability_change(totals: Totals) -> int:
    """By how much entries changed what customers hold: their amounts, each with the sign of its kind."""
    return sum(BALANCE_SIGN[kind] * totals.of(kind).amount for kind in EntryKind)


def breakage(totals: Totals) -> float | None:
    """What expired as a share of what was issued; None where nothing was."""
    issued = totals.of(EntryKind.ISSUED).amount
    return totals.of(EntryKind.EXPIRED).amount / issued if issued else None
