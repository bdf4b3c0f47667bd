"""`RunStore`: one replenishment run of a pool at a time, and all of them as its history."""

from dataclasses import replace

import pytest

from offerloop.codes.runs import Run, RunStatus, run_message
from offerloop.idempotency import Stale
from tests.factories import NOON_MS


def a_run(run_id="run-1", **changes):
    attributes = {
        "run_id": run_id,
        "pool_id": "bonus-100",
        "status": RunStatus.REQUESTED,
        "requested_at_ms": NOON_MS,
        "updated_at_ms": NOON_MS,
        "asked_for": 20,
    }
    return Run(**(attributes | changes))


def started(stores, run, previous=None):
    stores.code_runs.start(run, previous, run_message(run))
    return run


def test_a_run_is_stored_with_the_message_that_sets_it_going(stores):
    run = started(stores, a_run())

    assert stores.code_runs.last("bonus-100") == run
    assert list(stores.code_runs.history("bonus-100", 5)) == [run]
    assert stores.code_outbox.overdue(NOON_MS + 1, 10) == [run_message(run)]


def test_a_pool_without_runs_has_none(stores):
    assert stores.code_runs.last("bonus-100") is None
    assert list(stores.code_runs.history("bonus-100", 5)) == []


def test_of_two_watchers_that_saw_no_run_one_starts_it(stores):
    run = started(stores, a_run())

    with pytest.raises(Stale):
        started(stores, a_run("run-2"))

    assert stores.code_runs.last("bonus-100") == run
    assert list(stores.code_runs.history("bonus-100", 5)) == [run]
    assert len(stores.code_outbox.overdue(NOON_MS + 1, 10)) == 1


def test_a_watcher_that_saw_the_run_before_the_last_starts_none(stores):
    first = started(stores, a_run())
    ended = replace(first, status=RunStatus.DONE, added=20)
    stores.code_runs.write(first, ended)
    second = started(stores, a_run("run-2", requested_at_ms=NOON_MS + 1), ended)
    stores.code_runs.write(second, replace(second, status=RunStatus.DONE))

    with pytest.raises(Stale):
        started(stores, a_run("run-3"), ended)


def test_what_became_of_a_run_is_kept_in_full(stores):
    run = started(stores, a_run())
    running = replace(run, status=RunStatus.RUNNING, attempts=1, updated_at_ms=NOON_MS + 5)
    failed = replace(
        running, status=RunStatus.FAILED, reason="no list of codes", screenshot="failures/run-1.png"
    )

    stores.code_runs.write(run, running)
    stores.code_runs.write(running, failed)

    assert stores.code_runs.last("bonus-100") == failed
    assert list(stores.code_runs.history("bonus-100", 5)) == [failed]


def test_a_run_that_has_moved_on_is_stale(stores):
    run = started(stores, a_run())
    running = replace(run, status=RunStatus.RUNNING, attempts=1)
    stores.code_runs.write(run, running)

    with pytest.raises(Stale):
        stores.code_runs.write(run, replace(run, status=RunStatus.FAILED))

    assert stores.code_runs.last("bonus-100") == running


def test_runs_are_listed_the_newest_first(stores):
    last = None
    for number in range(4):
        run = started(stores, a_run(f"run-{number}", requested_at_ms=NOON_MS + number), last)
        last = replace(run, status=RunStatus.DONE)
        stores.code_runs.write(run, last)

    assert [run.run_id for run in stores.code_runs.history("bonus-100", 3)] == ["run-3", "run-2", "run-1"]
