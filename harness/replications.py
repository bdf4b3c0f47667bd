"""What `simulate` and `compare` share: their settings, where replications run, progress, and a clean end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from harness.settings import Refusal, whole_number
from harness.system import REPOSITORY, state_root
from simulator.runs.cluster import ClusterUnfit, cluster
from simulator.runs.replicate import ReplicationFailed, cores, replicate
from simulator.runs.replication import Outcome
from simulator.runs.results import NoRun, ResultsUnwritable, Run, new_folder, read_run
from simulator.runs.run import CarryOut, Plan, carry_out_plans
from simulator.scenario import Scenario, ScenarioError, parse_scenario_argument

DAY_MS = 86_400_000
MOST_REPLICATIONS = 10_000
INTERRUPTED = 130  # exit code, as a shell gives it for Ctrl-C


@dataclass(frozen=True)
class Settings:
    """How replications are to be carried out.

    Attributes:
        workers: processes on this machine; of no use with a cluster.
        cluster: address of a Dask scheduler, None = this machine.
        results: folder that gets one folder per run.
        events: keep the event files.
    """

    seed: int
    replications: int
    workers: int
    cluster: str | None
    results: Path
    events: bool


def settings_from_environment(*, events: bool) -> Settings:
    """Read ``SEED REPLICATIONS WORKERS CLUSTER RESULTS EVENTS``.

    Args:
        events: whether event files are kept unless ``EVENTS=`` says otherwise.
    Raises:
        Refusal: a number that is none, or out of range.
    """
    seed = whole_number("SEED", least=0, most=2**63 - 1)
    replications = whole_number("REPLICATIONS", most=MOST_REPLICATIONS)
    results = os.environ.get("RESULTS")
    return Settings(
        seed=1 if seed is None else seed,
        replications=10 if replications is None else replications,
        workers=whole_number("WORKERS", most=1024) or cores(),
        cluster=os.environ.get("CLUSTER") or None,
        results=Path(results).expanduser().absolute() if results else results_root(),
        events=os.environ.get("EVENTS", "1" if events else "0") not in ("", "0", "false", "no"),
    )


def results_root() -> Path:
    """Give the folder that runs are kept in unless RESULTS= names another."""
    return state_root() / "results"


def scenario_from(text: str) -> Scenario:
    """Read a scenario as a command line names it; a relative file is one of the folder we were called in.

    Raises:
        Refusal: it has a fault; every fault on a line of its own.
    """
    try:
        return parse_scenario_argument(text)
    except ScenarioError as faults:
        raise Refusal(str(faults)) from None


def folder_for(settings: Settings, name: str) -> Path:
    """Make the folder of a run or comparison.

    Raises:
        Refusal: it cannot be made.
    """
    try:
        return new_folder(settings.results, f"{name}-{settings.seed}", datetime.now(UTC))
    except ResultsUnwritable as problem:
        raise Refusal(str(problem)) from None


def carry_out(plans: Sequence[Plan], settings: Settings, console: Console) -> tuple[list[Run], int]:
    """Carry out runs with a progress bar.

    Returns:
        The runs as they are kept, and the exit code: 0, or INTERRUPTED after Ctrl-C or SIGTERM.
    Raises:
        KeyboardInterrupt: it came before there was anything to keep.
        Refusal: nothing could be run or kept, a worker died …; what was finished is kept all the same.
    """
    bar = _Bar(plans, console)
    try:
        with interruptible(), _place(settings, bar) as place, bar:
            return carry_out_plans(plans, place, datetime.now(UTC), bar.finished), 0
    except KeyboardInterrupt as interrupt:
        try:
            return [read_run(plan.path) for plan in plans], INTERRUPTED
        except NoRun:  # it came while the cluster was sought or the folders were made
            _remove_if_empty(settings.results, plans)
            raise interrupt from None
    except (ResultsUnwritable, ClusterUnfit) as problem:
        _remove_if_empty(settings.results, plans)
        raise Refusal(str(problem)) from problem
    except ReplicationFailed as problem:
        raise Refusal(f"{problem}\n{_kept(plans)}") from problem


def _remove_if_empty(results: Path, plans: Sequence[Plan]) -> None:
    """Leave no empty folders of runs that never began."""
    for plan in plans:
        for folder in (plan.path, plan.path.parent):  # a comparison's runs have one folder around them
            if folder != results:
                with suppress(OSError):
                    folder.rmdir()


def partial_words(run: Run) -> str:
    """Tell that a run is partial, and what is in it."""
    return f"partial: {run.finished} of {run.replications} replications are kept"


def _place(settings: Settings, bar: _Bar) -> AbstractContextManager[CarryOut]:
    """Give where replications run."""
    if settings.cluster:
        return cluster(settings.cluster)
    return nullcontext(partial(replicate, workers=settings.workers, on_progress=bar.moved))


def _kept(plans: Sequence[Plan]) -> str:
    lines = []
    for plan in plans:
        try:
            lines.append(f"{partial_words(read_run(plan.path))} in {shown(plan.path)}")
        except NoRun as nothing:
            lines.append(str(nothing))
    return "\n".join(lines)


def shown(path: Path) -> str:
    """Give a path as short as it can be typed."""
    return str(path.relative_to(REPOSITORY)) if path.is_relative_to(REPOSITORY) else str(path)


class _Bar:
    """Progress in simulated time, with replications done and sessions a second."""

    def __init__(self, plans: Sequence[Plan], console: Console) -> None:
        self._of_job = [
            DAY_MS * plan.scenario.total_days
            for number in range(max(plan.replications for plan in plans))
            for plan in plans
            if number < plan.replications
        ]
        self._done = 0
        self._served = 0  # lists, in replications that are done
        self._shown_ms = self._shown_served = 0
        self._began = time.monotonic()
        self._progress = Progress(
            TextColumn("{task.fields[replications]}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(
            "", total=sum(self._of_job), replications=self._replications(), speed=""
        )

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def moved(self, simulated_ms: Sequence[int], served: Sequence[int]) -> None:
        """Show how far all jobs are; shapes ``(jobs,)``."""
        self._show(sum(map(min, simulated_ms, self._of_job)), sum(served))

    def finished(self, outcome: Outcome) -> None:
        """Show that one more replication is done; workers of a cluster tell no more than that."""
        self._done += 1
        self._served += outcome.summary.totals.recommendations
        self._show(sum(self._of_job[: self._done]), self._served)

    def _show(self, simulated_ms: int, served: int) -> None:
        # Of the two reports, whichever is further: neither goes back.
        self._shown_ms, self._shown_served = (
            max(self._shown_ms, simulated_ms),
            max(self._shown_served, served),
        )
        speed = self._shown_served / (time.monotonic() - self._began)
        self._progress.update(
            self._task,
            completed=self._shown_ms,
            replications=self._replications(),
            speed=f"{speed:,.0f} sessions/s" if self._shown_served else "",
        )

    def _replications(self) -> str:
        return f"{self._done} of {len(self._of_job)} replications"


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does, and let neither end it twice: what is done is being kept then."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
