"""Replications in worker processes: one result whoever carries them out, and a clean end of every kind."""

import multiprocessing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from simulator.runs.canonical import combined
from simulator.runs.replicate import ReplicationFailed, replicate
from simulator.runs.replication import Job, carry_out
from tests.processes import worker_processes_left
from tests.simulated_runs import dies, raises, small_scenario, tosses

SCENARIO = small_scenario()


def jobs(count, simulate=tosses, folder=None, seed=7):
    return [
        Job(SCENARIO, seed, n, folder / f"events-{n}.parquet" if folder else None, simulate)
        for n in range(count)
    ]


def carried_out(many, workers):
    """Outcomes in order of the jobs."""
    return [outcome for _, outcome in sorted(replicate(many, workers), key=lambda pair: pair[0])]


def test_workers_give_what_this_process_gives(tmp_path):
    """One worker, three workers and none, with and without event files."""
    here = [carry_out(job) for job in jobs(4)]

    assert carried_out(jobs(4), workers=1) == here
    assert carried_out(jobs(4, folder=tmp_path), workers=3) == here
    files = [pq.read_metadata(tmp_path / f"events-{n}.parquet").num_rows for n in range(4)]
    assert files == [outcome.summary.events for outcome in here]


def test_every_replication_and_every_seed_is_another():
    digests = [carry_out(job).digest for seed in (7, 8) for job in jobs(3, seed=seed)]

    assert len(set(digests)) == 6


def test_the_digest_leaves_out_what_was_asked_for():
    """The same world under another name ends the same."""
    renamed = SCENARIO.model_copy(update={"name": "another", "description": "in other words"})

    assert carry_out(Job(renamed, 7, 0, None, tosses)).digest == carry_out(jobs(1)[0]).digest


def test_the_hash_of_a_run_depends_on_the_order_of_replications():
    assert combined(["aa", "bb"]) != combined(["bb", "aa"])


def test_a_bug_in_a_replication_comes_out_as_it_is_and_ends_the_workers(tmp_path):
    with pytest.raises(ZeroDivisionError, match="a bug"):
        carried_out(jobs(3, raises, tmp_path), workers=1)

    assert worker_processes_left() == []
    assert not list(tmp_path.glob("events-1.*"))


def test_a_worker_that_dies_is_told_and_what_was_finished_has_been_given():
    outcomes = replicate(jobs(3, dies), workers=1)

    assert next(outcomes) == (0, carry_out(jobs(1)[0]))
    with pytest.raises(ReplicationFailed, match="a worker process ended in the middle"):
        next(outcomes)
    assert worker_processes_left() == []


def test_events_that_find_no_place_are_told_with_the_file():
    nowhere = Job(SCENARIO, 7, 0, Path("/dev/null/events-0.parquet"), tosses)

    with pytest.raises(ReplicationFailed, match=r"replication 0 cannot write its events to /dev/null/events"):
        carried_out([nowhere], workers=1)


def test_workers_end_when_the_caller_stops_listening():
    outcomes = replicate(jobs(50), workers=2)
    next(outcomes)
    assert multiprocessing.active_children()

    outcomes.close()
    assert worker_processes_left() == []
