"""Carry out a replenishment run: ask the supplier, add what is new, say what became of it.

The supplier is asked under the run's id, so that an attempt which is cut off after the codes were taken finds
the same ones at the next.
"""

from collections.abc import Mapping
from dataclasses import replace

from offerloop.clock import Clock
from offerloop.codes.files import CodeFiles
from offerloop.codes.model import Pool, SupplierKind
from offerloop.codes.ports import CodeStore, CodeSupplier
from offerloop.codes.runs import MAX_ATTEMPTS, Run, RunStatus, RunStore
from offerloop.codes.take_in import take_in
from offerloop.codes.watch_pools import RunReport
from offerloop.errors import Busy, SupplierChanged, SupplierUnavailable
from offerloop.idempotency import Stale
from offerloop.record import record

# How long an attempt may take; longer, and its process is gone.
ATTEMPT_S = 180
NO_SUPPLIER = "no supplier site is configured"


@record(frozen=True, slots=True)
class Replenishing:
    """What a run needs; *suppliers* has those that are configured."""

    codes: CodeStore
    runs: RunStore
    suppliers: Mapping[SupplierKind, CodeSupplier]
    files: CodeFiles
    clock: Clock
    report: RunReport


def replenish_pool(run_id: str, pool_id: str, desk: Replenishing) -> Run | None:
    """Make one attempt at a run.

    Returns:
        The run as it ended, now or before; None when the pool has another since.
    Raises:
        SupplierUnavailable: the attempt was in vain and is to be repeated.
        Busy: an attempt is under way elsewhere.
        UnknownPool
    """
    run = desk.runs.last(pool_id)
    if run is None or run.run_id != run_id:
        return None
    if not run.is_open:
        return run
    now_ms = desk.clock.now_ms()
    if run.status is RunStatus.RUNNING and now_ms - run.updated_at_ms < ATTEMPT_S * 1_000:
        raise Busy("the run is under way", ATTEMPT_S)
    running = _write(run, desk, status=RunStatus.RUNNING, attempts=run.attempts + 1)
    pool = desk.codes.pool(pool_id)
    try:
        fetched = _supplier(pool, desk).fetch(pool, run.asked_for, run_id)
    except SupplierUnavailable as refusal:
        if running.attempts >= MAX_ATTEMPTS:
            return _end(running, pool, desk, status=RunStatus.FAILED, reason=refusal.message)
        _write(running, desk, status=RunStatus.REQUESTED, reason=refusal.message)
        raise
    except SupplierChanged as refusal:
        picture = _keep_picture(run_id, refusal, desk.files)
        return _end(running, pool, desk, status=RunStatus.FAILED, reason=refusal.message, screenshot=picture)
    intake = take_in(pool, fetched, codes=desk.codes)
    return _end(running, pool, desk, status=RunStatus.DONE, added=len(intake.added), reason=None)


def _supplier(pool: Pool, desk: Replenishing) -> CodeSupplier:
    supplier = desk.suppliers.get(pool.supplier)
    if supplier is None:
        raise SupplierUnavailable(NO_SUPPLIER)
    return supplier


def _keep_picture(run_id: str, refusal: SupplierChanged, files: CodeFiles) -> str | None:
    if refusal.screenshot is None:
        return None
    name = f"failures/{run_id}.png"
    files.put(name, refusal.screenshot)
    return name


def _end(run: Run, pool: Pool, desk: Replenishing, **changes: object) -> Run:
    ended = _write(run, desk, **changes)
    desk.report(ended, pool, desk.codes.level(pool.pool_id))
    return ended


def _write(run: Run, desk: Replenishing, **changes: object) -> Run:
    after = replace(run, updated_at_ms=desk.clock.now_ms(), **changes)  # type: ignore[arg-type]  # Run's
    try:
        desk.runs.write(run, after)
    except Stale:
        raise Busy("the run has moved on elsewhere") from None
    return after
