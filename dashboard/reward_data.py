"""What the pages of code pools and of rewards show, as plain values, and the figures drawn from it. Knows no
Streamlit.

Codes themselves are no part of it: one that is still free is as good as money, so it is only counted.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from offerloop.bonuses.model import BALANCE_SIGN, EntryKind
from offerloop.codes.forecast import Pace, Sample, empty_in_ms, pace_of, runs_out_early
from offerloop.codes.model import Level, Pool, PoolStatus
from offerloop.codes.runs import Run
from offerloop.rewards.model import Totals, sum_of

MOST_POOLS = 50
NEWEST_RUNS = 5  # of each pool
DAYS_OVER = 14
TOP_CUSTOMERS = 10


class PoolState(StrEnum):
    """How a pool stands, in one word."""

    OK = "ok"
    SHORT = "short"  # empty before its supplier would deliver
    LOW = "low"  # below its threshold
    EMPTY = "empty"
    PAUSED = "paused"


NEEDY = frozenset({PoolState.SHORT, PoolState.LOW, PoolState.EMPTY})


@dataclass(frozen=True)
class PoolView:
    """A pool with its level now.

    Attributes:
        runs: its newest replenishment runs, newest first, at most NEWEST_RUNS.
        trail: its levels as its watchers kept them, oldest first, and last its level now.
    """

    pool: Pool
    level: Level
    runs: Sequence[Run]
    trail: Sequence[Sample]

    @property
    def state(self) -> PoolState:
        if self.pool.status is PoolStatus.PAUSED:
            return PoolState.PAUSED
        if not self.level.free:
            return PoolState.EMPTY
        if self.level.free < self.pool.threshold:
            return PoolState.LOW
        *before, now = self.trail
        return PoolState.SHORT if runs_out_early(self.pool, before, now) else PoolState.OK

    @property
    def pace(self) -> Pace | None:
        """How fast its codes go; None where it is too young to tell."""
        *before, now = self.trail
        return pace_of(self.pool, before, now)

    @property
    def empty_in_ms(self) -> int | None:
        """When the last code goes at that pace if nobody refills; None = it cannot be told."""
        return empty_in_ms(self.level.free, self.pace)


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
    return min(emptying, key=lambda view: view.empty_in_ms or 0, default=None)


def most_urgent(views: Iterable[PoolView], count: int) -> list[PoolView]:
    """The pools to look at first: those that are short, then those empty soonest, then those with least.

    Those that are paused come last: nobody gets a code from them anyway.
    """

    def urgency(view: PoolView) -> tuple[bool, bool, float, int]:
        left_ms = view.empty_in_ms
        state = view.state
        soon = math.inf if left_ms is None else left_ms
        return state is PoolState.PAUSED, state not in NEEDY, soon, view.level.free

    return sorted(views, key=urgency)[:count]


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
class CustomerSum:
    """What entries of one customer come to."""

    customer_id: str
    totals: Totals


@dataclass(frozen=True)
class TopCustomers:
    """Who was issued most, by all entries since a moment.

    Attributes:
        since_ms: from when every entry is counted.
        read_at_ms: until when.
        customers: the one with most first, at most TOP_CUSTOMERS.
        among: how many customers had entries in that time.
    """

    since_ms: int
    read_at_ms: int
    customers: Sequence[CustomerSum]
    among: int


@dataclass(frozen=True)
class Rewards:
    """What points come to; amounts in the deployment's currency.

    Attributes:
        days: the last that are over, oldest first.
        ever: all entries since the first, as the stream has counted them.
    """

    now_ms: int
    currency: str
    time_zone: str
    days: Sequence[RewardDay]
    today: RewardDay
    ever: Totals
    top: TopCustomers

    @property
    def all(self) -> list[RewardDay]:
        return [*self.days, self.today]

    @property
    def total(self) -> Totals:
        """What all of these days come to."""
        return sum_of(each.totals for each in self.all)

    @property
    def without_file(self) -> list[date]:
        """Days that are over and had entries, but have no files that can be read."""
        return [each.day for each in self.days if each.origin is Origin.STREAM and each.totals.entries]


def points_held(totals: Totals) -> int:
    """What customers hold by entries, or by how much they changed it: amounts with the sign of their kind."""
    return sum(BALANCE_SIGN[kind] * totals.of(kind).amount for kind in EntryKind)


def breakage(totals: Totals) -> float | None:
    """What expired as a share of what was issued; None where nothing was."""
    issued = totals.of(EntryKind.ISSUED).amount
    return totals.of(EntryKind.EXPIRED).amount / issued if issued else None
