"""Replenishment: triggered once, one run at a time, and every run ends."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from offerloop.codes import replenish_pool as replenish_module
from offerloop.codes.model import Level, Pool, PoolStatus, SupplierKind
from offerloop.codes.replenish_pool import ATTEMPT_S, NO_SUPPLIER, Replenishing, replenish_pool
from offerloop.codes.runs import COOL_DOWN_S, DEADLINE_S, MAX_ATTEMPTS, Run, RunStatus
from offerloop.codes.watch_pools import Watching, sweep_pools, watch_pools
from offerloop.errors import Busy, SupplierChanged, SupplierUnavailable
from simulator.memory.code_runs import MemoryCodeFiles, MemoryRunStore
from simulator.memory.codes import MemoryCodeStore
from simulator.memory.ids import SeededIds
from simulator.memory.world import MemoryWorld
from tests.codes import a_claim, a_pool, filled
from tests.factories import FixedClock


class Supplier:
    """Gives codes that follow from the batch, or raises what it is told to."""

    def __init__(self) -> None:
        self.refusals: list[Exception] = []
        self.asked: list[tuple[int, str]] = []

    def fetch(self, pool: Pool, count: int, batch: str) -> Sequence[str]:
        self.asked.append((count, batch))
        if self.refusals:
            raise self.refusals.pop(0)
        return [f"{batch[-8:].upper()}N{number:03d}" for number in range(count)]


class Pools:
    """A pool in memory with its watcher and its supplier."""

    def __init__(self, count: int, **pool: object) -> None:
        self.clock = FixedClock()
        self.world = MemoryWorld(self.clock)
        self.codes, self.runs = MemoryCodeStore(self.world), MemoryRunStore(self.world)
        self.files, self.supplier = MemoryCodeFiles(), Supplier()
        self.reported: list[tuple[RunStatus, Level | None]] = []
        self.pool = filled(self.codes, count, a_pool(**({"supplier": SupplierKind.BROWSER} | pool)))
        self.ids = SeededIds(7)

    def watch(self) -> dict[str, Level]:
        return watch_pools(["bonus-100"], self._watching())

    def sweep(self) -> dict[str, Level]:
        return sweep_pools(self._watching())

    def _watching(self) -> Watching:
        return Watching(self.codes, self.runs, self.clock, self.ids, self._report)

    def _report(self, run: Run, pool: Pool | None, level: Level | None) -> None:
        self.reported.append((run.status, level))

    def replenish(self, run: Run | None = None) -> Run | None:
        run = run or self.last
        suppliers = {SupplierKind.BROWSER: self.supplier}
        desk = Replenishing(self.codes, self.runs, suppliers, self.files, self.clock, self._report)
        return replenish_pool(run.run_id, run.pool_id, desk)

    @property
    def last(self) -> Run:
        last = self.runs.last("bonus-100")
        assert last is not None
        return last

    def asked(self) -> int:
        """How many runs were asked for."""
        return len(self.world.messages)


# ── Starting ───────────────────────────────────────────────────────────────────────────────────────


def test_below_its_threshold_a_pool_is_refilled_once_and_not_once_per_claim() -> None:
    pools = Pools(5)
    for left in (4, 3):
        pools.codes.claim(a_claim(pools.pool))
        assert pools.watch()["bonus-100"].free == left
    assert pools.asked() == 0

    for _ in range(3):
        pools.codes.claim(a_claim(pools.pool))
        pools.watch()
        pools.watch()

    assert pools.asked() == 1
    assert pools.reported == [(RunStatus.REQUESTED, Level(free=2, given=3, void=0))]
    assert pools.last.asked_for == 20
    assert pools.world.messages[0].body == {"run_id": pools.last.run_id, "pool_id": "bonus-100"}


@pytest.mark.parametrize(
    "pool", [{"supplier": SupplierKind.NONE}, {"status": PoolStatus.PAUSED}, {"threshold": 0}]
)
def test_a_pool_that_nobody_refills_is_left_alone(pool: dict[str, object]) -> None:
    pools = Pools(0, **pool)

    pools.watch()
    pools.sweep()

    assert pools.asked() == 0


def test_a_pool_that_is_not_there_is_passed_over() -> None:
    assert watch_pools(["none"], Pools(1)._watching()) == {}


def test_a_pool_with_a_lead_time_is_refilled_before_its_last_codes_go_in_that_time() -> None:
    pools = Pools(100, lead_minutes=30)
    watched = []
    for _ in range(80):  # a code a minute: 30 are left after 70
        pools.clock.move_on(60)
        pools.codes.claim(a_claim(pools.pool))
        pools.watch()
        watched.append(pools.asked())

    assert watched == [0] * 69 + [1] * 11
    assert pools.reported == [(RunStatus.REQUESTED, Level(free=30, given=70, void=0))]


def test_without_a_lead_time_the_same_pool_waits_for_its_threshold() -> None:
    pools = Pools(100)
    for _ in range(97):
        pools.clock.move_on(60)
        pools.codes.claim(a_claim(pools.pool))
        pools.watch()

    assert pools.asked() == 0


def test_the_sweeper_refills_a_pool_from_which_nobody_claims() -> None:
    pools = Pools(0)

    pools.sweep()
    pools.sweep()

    assert pools.asked() == 1


def test_a_pool_that_is_low_again_after_a_good_run_is_refilled_again() -> None:
    pools = Pools(2, batch=4)
    pools.watch()
    pools.replenish()
    for _ in range(4):
        pools.codes.claim(a_claim(pools.pool))

    pools.watch()

    assert pools.asked() == 2


def test_a_run_in_vain_is_not_followed_by_another_at_once() -> None:
    pools = Pools(2)
    pools.watch()
    pools.supplier.refusals = [SupplierChanged("no list of codes")]
    pools.replenish()

    pools.watch()
    assert pools.asked() == 1
    pools.clock.move_on(COOL_DOWN_S)
    pools.sweep()

    assert pools.asked() == 2


def test_a_supplier_without_new_codes_is_not_asked_again_at_once() -> None:
    pools = Pools(2)
    pools.watch()
    pools.codes.add(a_pool("other"), [f"{pools.last.run_id[-8:].upper()}N{n:03d}" for n in range(20)])
    assert pools.replenish() == pools.last
    assert (pools.last.status, pools.last.added) == (RunStatus.DONE, 0)

    pools.watch()

    assert pools.asked() == 1


# ── Carrying out ───────────────────────────────────────────────────────────────────────────────────


def test_a_run_adds_what_the_supplier_gives() -> None:
    pools = Pools(2)
    pools.watch()
    run_id = pools.last.run_id

    ended = pools.replenish()

    assert ended == pools.last
    assert (pools.last.status, pools.last.added, pools.last.attempts) == (RunStatus.DONE, 20, 1)
    assert pools.supplier.asked == [(20, run_id)]
    assert pools.reported[-1] == (RunStatus.DONE, Level(free=22, given=0, void=0))


def test_a_message_that_comes_twice_does_nothing_the_second_time() -> None:
    pools = Pools(2)
    pools.watch()
    first = pools.replenish()

    assert pools.replenish() == first
    assert len(pools.supplier.asked) == 1


def test_a_message_of_a_run_that_is_not_the_pools_last_is_passed_over() -> None:
    pools = Pools(2)
    pools.watch()
    old = pools.last
    pools.supplier.refusals = [SupplierChanged("x")]
    pools.replenish()
    pools.clock.move_on(COOL_DOWN_S)
    pools.watch()

    assert pools.replenish(old) is None
    assert pools.last.status is RunStatus.REQUESTED


def test_never_two_attempts_at_a_time() -> None:
    pools = Pools(2)
    pools.watch()
    pools.supplier.refusals = [RuntimeError("the process died here")]
    with pytest.raises(RuntimeError):
        pools.replenish()
    assert pools.last.status is RunStatus.RUNNING

    with pytest.raises(Busy):
        pools.replenish()
    assert len(pools.supplier.asked) == 1

    pools.clock.move_on(ATTEMPT_S)  # no attempt takes longer
    assert pools.replenish() == pools.last
    assert (pools.last.status, pools.last.attempts) == (RunStatus.DONE, 2)


def test_codes_that_were_taken_and_not_stored_are_found_at_the_next_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pools = Pools(2)
    pools.watch()
    with monkeypatch.context() as dying:
        dying.setattr(pools.codes, "add", _no_answer)
        with pytest.raises(Busy):
            pools.replenish()
    pools.clock.move_on(ATTEMPT_S)

    pools.replenish()

    assert {batch for _, batch in pools.supplier.asked} == {pools.last.run_id}
    assert pools.codes.level("bonus-100").free == 22


def _no_answer(pool: Pool, codes: object, again: bool) -> frozenset[str]:
    raise Busy("the table does not answer")


def test_a_run_that_was_cut_off_after_its_codes_were_added_says_how_many_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pools = Pools(2)
    pools.watch()
    with monkeypatch.context() as dying:
        dying.setattr(replenish_module, "_end", _dies)
        with pytest.raises(RuntimeError):
            pools.replenish()
    assert pools.codes.level("bonus-100").free == 22
    pools.clock.move_on(ATTEMPT_S)

    pools.replenish()

    assert (pools.last.status, pools.last.added) == (RunStatus.DONE, 20)
    assert pools.codes.level("bonus-100").free == 22


def _dies(*_: object, **__: object) -> Run:
    raise RuntimeError("the process died here")


def test_codes_that_the_pool_had_before_the_run_are_not_its_own() -> None:
    pools = Pools(2)
    pools.watch()
    pools.codes.add(pools.pool, [f"{pools.last.run_id[-8:].upper()}N{number:03d}" for number in range(5)])
    pools.supplier.refusals = [SupplierUnavailable("too slow")]
    with pytest.raises(SupplierUnavailable):
        pools.replenish()

    pools.replenish()

    assert (pools.last.attempts, pools.last.added) == (2, 15)


def test_a_supplier_that_is_away_is_asked_again_and_then_given_up() -> None:
    pools = Pools(2)
    pools.watch()
    pools.supplier.refusals = [SupplierUnavailable("too slow")] * MAX_ATTEMPTS
    for attempt in range(1, MAX_ATTEMPTS):
        with pytest.raises(SupplierUnavailable):
            pools.replenish()
        assert (pools.last.status, pools.last.attempts) == (RunStatus.REQUESTED, attempt)

    ended = pools.replenish()

    assert ended is not None
    assert (ended.status, ended.reason, ended.attempts) == (RunStatus.FAILED, "too slow", MAX_ATTEMPTS)
    assert pools.reported[-1][0] is RunStatus.FAILED


def test_a_supplier_that_is_back_ends_the_run_without_a_reason() -> None:
    pools = Pools(2)
    pools.watch()
    pools.supplier.refusals = [SupplierUnavailable("too slow")]
    with pytest.raises(SupplierUnavailable):
        pools.replenish()

    pools.replenish()

    assert (pools.last.status, pools.last.reason, pools.last.attempts) == (RunStatus.DONE, None, 2)


@pytest.mark.parametrize(("picture", "kept"), [(b"\x89PNG", True), (None, False)])
def test_a_supplier_that_has_changed_ends_the_run_with_its_picture(picture: bytes | None, kept: bool) -> None:
    pools = Pools(2)
    pools.watch()
    pools.supplier.refusals = [SupplierChanged("no list of codes", picture)]

    pools.replenish()

    name = f"failures/{pools.last.run_id}.png"
    assert (pools.last.status, pools.last.reason) == (RunStatus.FAILED, "no list of codes")
    assert pools.last.screenshot == (name if kept else None)
    assert {each: file.content for each, file in pools.files.files.items()} == (
        {name: picture} if kept else {}
    )


def test_a_pool_whose_supplier_is_not_configured_waits_for_one() -> None:
    pools = Pools(2, supplier=SupplierKind.GENERATOR)
    pools.watch()

    with pytest.raises(SupplierUnavailable, match=NO_SUPPLIER):
        pools.replenish()

    assert pools.last.reason == NO_SUPPLIER


# ── Ending ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_that_does_not_end_is_ended_and_another_follows() -> None:
    pools = Pools(2)
    pools.watch()
    pools.supplier.refusals = [SupplierUnavailable("too slow")]
    with pytest.raises(SupplierUnavailable):
        pools.replenish()
    pools.clock.move_on(DEADLINE_S - 1)
    pools.sweep()
    assert pools.last.is_open

    pools.clock.move_on(1)
    pools.sweep()

    assert (pools.last.status, pools.last.reason) == (
        RunStatus.FAILED,
        "the run did not end in time: too slow",
    )
    pools.clock.move_on(COOL_DOWN_S)
    pools.sweep()
    assert pools.asked() == 2
