"""One generator process: it sends load by itself, or directs workers, or is one of them.

    python -m loadtests.generator FOLDER local
    python -m loadtests.generator FOLDER master PORT
    python -m loadtests.generator FOLDER worker PORT NUMBER

The plan is read from FOLDER, the API key from OFFERLOOP_API_KEY; what is measured goes to FOLDER.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import gevent
from locust.html import get_html_report
from locust.runners import MasterRunner, Runner, WorkerRunner
from locust.stats import PERCENTILES_TO_REPORT, StatsCSVFileWriter, stats_history

from loadtests.arrivals import load_of
from loadtests.generator.load_test import LoadTest
from loadtests.generator.shape import CurveShape
from loadtests.generator.users import (
    ArrivingVisitor,
    BargainHunter,
    BrowsingCustomer,
    LoadEnvironment,
    Manager,
    ShopUser,
)
from loadtests.plan import LoadPlan, Shape
from loadtests.recording import Recorder
from simulator.scenario import parse_scenario_argument

LOOPBACK = "127.0.0.1"
GRACE_S = 5.0  # for visits under way at the end
WORKERS_WITHIN_S = 60.0
USERS_WITHIN_S = 30.0
BEGINS_AFTER_S = 0.3  # from the announcement, so that all workers begin together
LOCUST_FOLDER = "locust"
HISTORY_FILE = "stats_history.csv"


class GeneratorProcess:
    """What is common to the three roles.

    Attributes:
        environment: Locust's, with this process's load test.
        interrupted: whether somebody asked it to stop.
        finished: workers whose visits have ended.
    """

    def __init__(self, folder: Path, name: str, worker: int = 0) -> None:
        self.folder = folder
        plan = LoadPlan.load(folder)
        scenario = parse_scenario_argument(plan.scenario)
        load = load_of(plan, scenario)
        self.test = LoadTest(plan, scenario, load, Recorder(folder, name), worker=worker)
        self.environment = _environment(self.test)
        self.interrupted = False
        self.finished: set[str] = set()
        self.environment.events.test_stopping.add_listener(lambda **_: self.test.close())
        self.environment.events.user_error.add_listener(self._note_fault)
        for number in (signal.SIGINT, signal.SIGTERM):
            gevent.signal_handler(number, self._interrupt)

    @property
    def plan(self) -> LoadPlan:
        return self.test.plan

    def direct(self, runner: Runner) -> int:
        """Run the whole test with a runner that has users or workers to direct.

        Returns:
            0, or 130 after an interrupt.
        """
        writer = _CsvFiles(self.environment, self.folder)
        background = [gevent.spawn(writer), gevent.spawn(stats_history, runner)]
        self._start_users(runner)
        if not self.test.over.is_set():
            self._announce(runner)
            self.test.over.wait(BEGINS_AFTER_S + self.plan.warm_up_s + self.plan.seconds)
        self._end_visits(runner)
        runner.quit()
        self.test.flush()
        gevent.killall(background)
        writer.close_files()
        (self.folder / LOCUST_FOLDER / "report.html").write_text(get_html_report(self.environment))
        return 130 if self.interrupted else 0

    def _start_users(self, runner: Runner) -> None:
        """Start all users, or the curve's first ones, and wait until they are there."""
        if self.environment.shape_class is not None:
            runner.start_shape()
            _wait(lambda: runner.user_count > 0, USERS_WITHIN_S)
            return
        customers = self.plan.places if self.plan.is_open else self.plan.users or 1
        users = customers + self.plan.manager
        runner.start(users, spawn_rate=users)
        _wait(lambda: runner.user_count >= users, USERS_WITHIN_S)

    def _announce(self, runner: Runner) -> None:
        begins = time.monotonic() + BEGINS_AFTER_S
        if isinstance(runner, MasterRunner):
            runner.send_message("begin", {"at": begins})
        if self.environment.shape_class is not None:
            self.environment.shape_class.reset_time()
        self.test.begin(begins, sends=not isinstance(runner, MasterRunner))

    def _end_visits(self, runner: Runner) -> None:
        """Let visits under way end; workers say when theirs have, so that Locust's figures miss none."""
        if runner.shape_greenlet is not None:
            runner.shape_greenlet.kill()
        if not isinstance(runner, MasterRunner):
            runner.stop()
            return
        runner.send_message("finish")
        _wait(lambda: len(self.finished) >= len(runner.clients), GRACE_S + 5)

    def _interrupt(self) -> None:
        self.interrupted = True
        self.test.over.set()

    def _note_fault(self, exception: Exception, **_: object) -> None:
        self.test.recorder.second.faults[f"{type(exception).__name__}: {exception}"[:200]] += 1


def run_alone(folder: Path) -> int:
    """Send all load from this process."""
    process = GeneratorProcess(folder, "worker 0")
    return process.direct(process.environment.create_local_runner())


def run_master(folder: Path, port: int) -> int:
    """Direct the workers that connect to a loopback port.

    Returns:
        0, 1 when workers are missing, 130 after an interrupt.
    """
    process = GeneratorProcess(folder, "master")
    runner = process.environment.create_master_runner(LOOPBACK, port)
    spent: set[str] = set()

    def on_spent(msg: Any, **_: object) -> None:
        spent.add(msg.node_id)
        if len(spent) == process.plan.workers:
            process.test.over.set()

    runner.register_message("spent", on_spent)
    runner.register_message("finished", lambda msg, **_: process.finished.add(msg.node_id))
    _wait(
        lambda: len(runner.clients.ready) >= process.plan.workers or process.test.over.is_set(),
        WORKERS_WITHIN_S,
    )
    if len(runner.clients.ready) < process.plan.workers and not process.test.over.is_set():
        runner.quit()
        return 1
    return process.direct(runner)


def run_worker(folder: Path, port: int, number: int) -> int:
    """Send a share of the load, as the master says."""
    process = GeneratorProcess(folder, f"worker {number}", number)
    runner = process.environment.create_worker_runner(LOOPBACK, port)
    runner.register_message("begin", lambda msg, **_: process.test.begin(msg.data["at"]), concurrent=True)
    runner.register_message("finish", lambda **_: _finish(runner), concurrent=True)
    process.test.on_spent = lambda: _send_once(runner, process.test)
    gevent.spawn(_quit_when_over, process.test, runner)
    runner.greenlet.join()
    process.test.flush()
    return 0


def _send_once(runner: WorkerRunner, test: LoadTest) -> None:
    test.on_spent = lambda: None
    runner.send_message("spent")


def _finish(runner: WorkerRunner) -> None:
    runner.stop()
    runner.send_message("finished")


def _quit_when_over(test: LoadTest, runner: WorkerRunner) -> None:
    test.over.wait()
    runner.quit()


def _environment(test: LoadTest) -> LoadEnvironment:
    plan = test.plan
    customers: list[type[ShopUser]] = [ArrivingVisitor] if plan.is_open else [BrowsingCustomer]
    shape = None
    if plan.users is not None and plan.shape is not Shape.STEADY:
        customers.append(BargainHunter)
        shape = CurveShape(test.load, plan.users, manager=plan.manager, warm_up_s=plan.warm_up_s)
    environment = LoadEnvironment(
        user_classes=[*customers, *([Manager] if plan.manager else [])],
        shape_class=shape,
        host=plan.api_url,
        stop_timeout=GRACE_S,
    )
    environment.load_test = test
    return environment


class _CsvFiles(StatsCSVFileWriter):
    """Locust's own figures; only their history is a file that the reports name."""

    def __init__(self, environment: LoadEnvironment, folder: Path) -> None:
        self._folder = folder
        (folder / LOCUST_FOLDER).mkdir(exist_ok=True)
        super().__init__(environment, PERCENTILES_TO_REPORT, str(folder / LOCUST_FOLDER / "locust"))

    def stats_history_file_name(self) -> str:
        return str(self._folder / HISTORY_FILE)


def _wait(condition: Any, within_s: float) -> None:
    """Wait until a condition holds, at most *within_s* seconds."""
    ends = time.monotonic() + within_s
    while not condition() and time.monotonic() < ends:
        gevent.sleep(0.02)
