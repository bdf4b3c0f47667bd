"""The same replications on a Dask cluster of two worker processes on this machine."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from types import ModuleType

import dask
import pytest
from distributed import Client, LocalCluster

from harness.system import REPOSITORY
from simulator.runs import version
from simulator.runs.canonical import combined
from simulator.runs.cluster import ClusterUnfit, cluster
from simulator.runs.replicate import ReplicationFailed
from simulator.runs.replication import Job, carry_out
from simulator.runs.results import read_run
from simulator.scenario import parse_scenario_argument
from tests.simulated_runs import dies, small_scenario, tosses, waiting_for

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
SCENARIO = small_scenario()
TINY = "baseline:population.users=30,days=1,warm_up_days=0"


def a_cluster(workers):
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        scheduler_port=0,
        dashboard_address="127.0.0.1:0",
    )


@contextmanager
def dask_commands(folder, **variables):
    """A scheduler and a worker as a person starts them; gives the address and the scheduler."""
    known = folder / "scheduler.json"
    options = ["--scheduler-file", known, "--no-dashboard", "--host", "127.0.0.1"]
    started = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                f"distributed.cli.dask_{role}",
                "--scheduler-file",
                known,
                *options,
                *more,
            ],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for role, more in (("scheduler", ["--port", "0"]), ("worker", ["--no-nanny"]))
    ]
    try:
        yield address_in(known), started[0]
    finally:
        for process in started:
            process.kill()
            process.wait(timeout=20)


def address_in(file):
    """Wait until the scheduler has written where it is; it does not write at one stroke."""
    until = time.monotonic() + 60
    while True:
        try:
            return json.loads(file.read_text())["address"]
        except (OSError, ValueError):
            assert time.monotonic() < until, "the scheduler did not start"
            time.sleep(0.05)


def wait_for_a_worker(address):
    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(1, timeout=60)


@pytest.fixture(scope="module", autouse=True)
def _a_main_module_that_workers_can_load():
    """Streamlit's page tests leave their script as this process's main module, which workers would run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "__main__", ModuleType("__main__"))
        yield


@pytest.fixture(scope="module")
def address():
    # A worker that dies is not to be tried on the other one too: that test is about what is told.
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), a_cluster(2) as two:
        yield two.scheduler_address


def test_workers_of_a_cluster_give_what_this_process_gives(address, tmp_path):
    jobs = [Job(SCENARIO, 7, number, tmp_path / f"events-{number}.parquet", tosses) for number in range(5)]
    with cluster(address) as place:
        outcomes = dict(place(jobs))

    assert outcomes == {number: carry_out(Job(SCENARIO, 7, number, None, tosses)) for number in range(5)}
    assert len(list(tmp_path.glob("events-*.parquet"))) == 5


def test_the_same_jobs_run_anew_and_are_not_taken_from_an_earlier_run(address, tmp_path):
    job = Job(SCENARIO, 7, 0, tmp_path / "events-0.parquet", tosses)
    for _ in range(2):
        with cluster(address) as place:
            list(place([job]))
        (tmp_path / "events-0.parquet").unlink()


def test_the_command_prints_the_hash_of_one_machine(address, tmp_path):
    """The twin itself, as `make simulate CLUSTER=…` runs it."""
    asked = {"CLUSTER": address, "SCENARIO": TINY, "SEED": "7", "REPLICATIONS": "3"}
    done = subprocess.run(
        [sys.executable, "-m", "harness", "simulate"],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "RESULTS": str(tmp_path), **asked},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    [folder] = tmp_path.iterdir()
    scenario = parse_scenario_argument(TINY)
    here = combined(carry_out(Job(scenario, 7, number)).digest for number in range(3))
    assert (read_run(folder).hash, read_run(folder).complete) == (here, True)
    assert f"hash    {here}" in done.stdout


def test_workers_with_other_code_are_refused(address, monkeypatch):
    monkeypatch.setattr(version, "code_digest", lambda: "another")

    with pytest.raises(ClusterUnfit, match=r"another, NumPy .* here"), cluster(address):
        pass


def test_a_scheduler_and_workers_without_our_code_are_refused(tmp_path):
    """Started by Dask's own commands in a folder that is not ours."""
    with dask_commands(tmp_path) as (address, _scheduler):
        wait_for_a_worker(address)
        with pytest.raises(ClusterUnfit, match="No module named 'simulator'"), cluster(address):
            pass


def test_a_scheduler_that_goes_away_ends_the_run_with_what_was_finished(tmp_path):
    never = waiting_for(tmp_path / "never")
    with dask_commands(tmp_path, PYTHONPATH=str(REPOSITORY)) as (address, scheduler):
        wait_for_a_worker(address)
        with cluster(address) as place:
            outcomes = place([Job(SCENARIO, 7, number, None, never) for number in range(2)])
            assert next(outcomes) == (0, carry_out(Job(SCENARIO, 7, 0, None, tosses)))
            scheduler.kill()
            with pytest.raises(ReplicationFailed, match="the Dask scheduler went away"):
                next(outcomes)


def test_events_that_find_no_place_are_told(address, tmp_path):
    job = Job(SCENARIO, 7, 0, tmp_path / "nowhere" / "events-0.parquet", tosses)

    with cluster(address) as place, pytest.raises(ReplicationFailed, match="replication 0 cannot write its"):
        list(place([job]))


def test_a_job_that_ends_its_worker_is_told(address):
    with (
        cluster(address) as place,
        pytest.raises(ReplicationFailed, match="replication 1 ended every worker"),
    ):
        list(place([Job(SCENARIO, 7, 1, None, dies)]))


def test_a_cluster_without_workers_is_refused():
    with (
        a_cluster(0) as empty,
        pytest.raises(ClusterUnfit, match="the scheduler has no workers"),
        cluster(empty.scheduler_address),
    ):
        pass


@pytest.mark.parametrize(
    "address",
    ["nowhere", "tcp://127.0.0.1", "tcp://:", "tcp://127.0.0.1:99999", "tcp://[::1", "http://127.0.0.1:8786"],
)
def test_what_is_no_address_is_refused_at_once(address):
    with pytest.raises(ClusterUnfit, match="write tcp://host:port"), cluster(address):
        pass


def test_another_server_than_a_scheduler_is_refused(monkeypatch):
    """Dask's own client would wait for ever."""
    monkeypatch.setattr("simulator.runs.cluster.CONNECT_WITHIN_S", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(ClusterUnfit, match=r"no Dask scheduler answers \(something else listens there"),
        cluster(f"tcp://127.0.0.1:{server.getsockname()[1]}"),
    ):
        pass


def test_a_scheduler_that_does_not_answer_is_one_line(monkeypatch):
    """Port 1 of this machine has no listener."""
    monkeypatch.setattr("simulator.runs.cluster.CONNECT_WITHIN_S", 1)

    with (
        pytest.raises(ClusterUnfit, match="no Dask scheduler answers") as refusal,
        cluster("tcp://127.0.0.1:1"),
    ):
        pass
    assert "\n" not in str(refusal.value)
