"""Follow the pools: what runs low is refilled, once; a run that does not end is ended."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from offerloop.clock import Clock, Ids
from offerloop.codes.forecast import runs_out_early, sample_of, with_sample
from offerloop.codes.model import Level, Pool, PoolStatus
from offerloop.codes.ports import CodeStore
from offerloop.codes.runs import DEADLINE_S, Run, RunStatus, RunStore, is_due, run_message
from offerloop.errors import UnknownPool
from offerloop.idempotency import Stale
from offerloop.record import record
from offerloop.sweeps import Trouble, stop

NOT_IN_TIME = "the run did not end in time"

RunReport = Callable[[Run, Pool | None, Level | None], None]  # told of a run right after it is stored


@record(frozen=True, slots=True)
class Watching:
    """What watching needs; *trouble* is told of each pool that cannot be watched."""

    codes: CodeStore
    runs: RunStore
    clock: Clock
    ids: Ids
    report: RunReport
    trouble: Trouble = stop


def watch_pools(pool_ids: Iterable[str], desk: Watching) -> dict[str, Level]:
    """Start a run for each of these pools that needs one.

    Returns:
        The level of each; a pool that is not there, or that cannot be watched, has none.
    """
    return _each(pool_ids, _watch, desk)


def sweep_pools(desk: Watching) -> dict[str, Level]:
    """End the runs that are overdue, and start those that nobody's claim starts; see `watch_pools`."""
    return _each(desk.codes.pool_ids(), _sweep, desk)


def _each(pool_ids: Iterable[str], do: Callable[[Pool, Watching], Level], desk: Watching) -> dict[str, Level]:
    levels = {}
    for pool_id in dict.fromkeys(pool_ids):
        try:
            levels[pool_id] = do(desk.codes.pool(pool_id), desk)
        except UnknownPool:
            continue
        except Exception as error:
            desk.trouble(pool_id, error)
    return levels


def _sweep(pool: Pool, desk: Watching) -> Level:
    _end_overdue(pool, desk)
    return _watch(pool, desk)


def _watch(pool: Pool, desk: Watching) -> Level:
    # The run first: one that ends meanwhile has added its codes before, so that the level has them.
    last = desk.runs.last(pool.pool_id)
    level = desk.codes.level(pool.pool_id)
    now_ms = desk.clock.now_ms()
    if is_due(pool, level, last, now_ms) or _is_due_early(pool, level, last, desk):
        run = Run(desk.ids.new_id(), pool.pool_id, RunStatus.REQUESTED, now_ms, now_ms, pool.batch)
        with suppress(Stale):  # another watcher was faster
            desk.runs.start(run, last, run_message(run))
            desk.report(run, pool, level)
    if pool.status is PoolStatus.ACTIVE:
        _keep_trail(pool, level, desk)
    return level


def _is_due_early(pool: Pool, level: Level, last: Run | None, desk: Watching) -> bool:
    """Whether codes go faster than new ones would come; only a pool with a lead time is asked."""
    now_ms = desk.clock.now_ms()
    if pool.lead_minutes is None or not is_due(pool, level, last, now_ms, is_early=True):
        return False
    return runs_out_early(pool, desk.codes.trail(pool.pool_id), sample_of(level, now_ms))


def _keep_trail(pool: Pool, level: Level, desk: Watching) -> None:
    trail = desk.codes.trail(pool.pool_id)
    longer = with_sample(trail, sample_of(level, desk.clock.now_ms()))
    if longer is not trail:
        desk.codes.keep_trail(pool.pool_id, longer)


def _end_overdue(pool: Pool, desk: Watching) -> None:
    last, now_ms = desk.runs.last(pool.pool_id), desk.clock.now_ms()
    if last is None or not last.is_open or now_ms - last.requested_at_ms < DEADLINE_S * 1_000:
        return
    reason = NOT_IN_TIME if last.reason is None else f"{NOT_IN_TIME}: {last.reason}"
    ended = replace(last, status=RunStatus.FAILED, updated_at_ms=now_ms, reason=reason)
    try:
        desk.runs.write(last, ended)
    except Stale:
        return  # it has just moved on
    desk.report(ended, pool, None)
