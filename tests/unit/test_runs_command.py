"""`make simulate` as a process: one hash, and an end that leaves something to read, whatever ends it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from harness import replications
from harness.system import REPOSITORY
from simulator.runs.results import Run, read_run
from simulator.runs.run import Plan
from tests.processes import command_of
from tests.simulated_runs import small_scenario

TINY = "baseline:population.users=30,days=1,warm_up_days=0"
WITHIN_S = 60


def environment(results: Path, **settings: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "RESULTS": str(results), "COLUMNS": "110", "SEED": "7", **settings}


def simulate(results: Path, *before: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, sys.executable, "-m", "harness", "simulate"],
        cwd=REPOSITORY,
        env=environment(results, SCENARIO=TINY, **settings),
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


def only_run(results: Path) -> Run:
    [folder] = results.iterdir()
    return read_run(folder)


@contextmanager
def many_replications(results: Path) -> Iterator[subprocess.Popen[str]]:
    """A run of a thousand replications, of which some are kept already."""
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "simulate"],
        cwd=REPOSITORY,
        env=environment(results, SCENARIO=TINY, REPLICATIONS="1000", WORKERS="2"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + WITHIN_S
        while not finished(results):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until, "nothing was finished in time"
            time.sleep(0.05)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def finished(results: Path) -> int:
    """How many replications are kept by now."""
    return sum(json.loads(file.read_text())["finished"] for file in results.glob("*/run.json"))


def test_two_processes_print_one_hash_however_they_are_carried_out(tmp_path):
    """Two workers with event files, one without."""
    first = simulate(tmp_path / "a", REPLICATIONS="3", WORKERS="2")
    second = simulate(tmp_path / "b", REPLICATIONS="3", WORKERS="1", EVENTS="0")

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    runs = only_run(tmp_path / "a"), only_run(tmp_path / "b")
    assert runs[0].hash == runs[1].hash
    assert all(f"hash    {run.hash}" in done.stdout for run, done in zip(runs, (first, second), strict=True))
    assert [len(list(run.path.glob("events-*.parquet"))) for run in runs] == [3, 0]


def test_another_seed_has_another_hash(tmp_path):
    simulate(tmp_path / "a", REPLICATIONS="1")
    simulate(tmp_path / "b", REPLICATIONS="1", SEED="8")

    assert only_run(tmp_path / "a").hash != only_run(tmp_path / "b").hash


@pytest.mark.parametrize(
    ("number", "send"),
    [(signal.SIGINT, os.killpg), (signal.SIGTERM, os.kill), (signal.SIGTERM, os.killpg)],
)
def test_an_interrupted_run_is_partial_and_readable_and_its_workers_are_gone(tmp_path, number, send):
    """To the whole group, as a terminal and `timeout` send it, or to the one process."""
    with many_replications(tmp_path) as process:
        workers = psutil.Process(process.pid).children(recursive=True)
        assert len(workers) >= 2
        send(process.pid, number)
        printed, problems = process.communicate(timeout=WITHIN_S)

    run = only_run(tmp_path)
    assert (process.returncode, run.status) == (130, "partial")
    assert 0 < run.finished < 1_000
    assert f"partial: {run.finished} of 1000 replications are kept" in printed
    assert "Traceback" not in problems
    _gone, alive = psutil.wait_procs(workers, timeout=10)
    assert alive == []
    assert list(run.path.glob("*.part")) == []
    assert sorted(run.path.glob("events-*")) == sorted(
        run.path / f"events-{number}.parquet" for number in run.numbers
    )


def test_an_interrupt_before_there_is_anything_to_keep_ends_the_command_as_any_other(tmp_path, monkeypatch):
    """While a cluster is sought, say: no folder has been made."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(replications, "carry_out_plans", interrupted)
    plan = Plan(small_scenario(), 7, 1, tmp_path / "run")
    settings = replications.Settings(7, 1, 1, None, tmp_path, events=False)

    with pytest.raises(KeyboardInterrupt):
        replications.carry_out([plan], settings, Console(quiet=True))


def test_a_killed_worker_is_one_clear_line_and_a_partial_run(tmp_path):
    with many_replications(tmp_path) as process:
        workers = psutil.Process(process.pid).children()
        [worker, *_] = [each for each in workers if "spawn_main" in " ".join(command_of(each))]
        worker.kill()
        _printed, problems = process.communicate(timeout=WITHIN_S)

    run = only_run(tmp_path)
    assert (process.returncode, run.status) == (1, "partial")
    assert "a worker process ended in the middle of its replication" in problems
    assert f"partial: {run.finished} of 1000 replications are kept" in problems
    assert "Traceback" not in problems


def test_workers_end_when_the_run_itself_is_killed(tmp_path):
    with many_replications(tmp_path) as process:
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        _gone, alive = psutil.wait_procs(workers, timeout=20)

    assert alive == []
    assert (only_run(tmp_path).status, only_run(tmp_path).finished > 0) == ("partial", True)


def test_a_full_disk_is_told_with_the_file(tmp_path):
    """A limit of 2 kB for files stands in for it."""
    done = simulate(tmp_path, "sh", "-c", 'ulimit -f 4 && exec "$@"', "sh", REPLICATIONS="1")

    assert done.returncode == 1
    assert "cannot write" in done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    done = simulate(tmp_path / "file" / "results")

    assert (done.returncode, done.stdout) == (1, "")
    assert "Not a directory" in done.stderr
    assert "RESULTS= names another folder" in done.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"REPLICATIONS": "0"}, "REPLICATIONS=0 is not a whole number from 1 to 10000"),
        ({"SEED": "-1"}, "SEED=-1 is not a whole number"),
        ({"SCENARIO": "basline"}, "no such scenario"),
        ({"SCENARIO": "baseline:days=0"}, "override days"),
        ({"CLUSTER": "localhost:8786"}, "write tcp://host:port"),
    ],
)
def test_a_wrong_request_is_told_and_nothing_runs(tmp_path, settings, words):
    done = subprocess.run(
        [sys.executable, "-m", "harness", "simulate"],
        cwd=REPOSITORY,
        env=environment(tmp_path, **({"SCENARIO": TINY} | settings)),
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert list(tmp_path.iterdir()) == []
