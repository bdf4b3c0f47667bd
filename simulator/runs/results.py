"""The folder of one run, written so that it can be read at any moment, and read back.

    scenario.yaml             what ran, overrides included
    run.json                  version, seed, times, status (complete or partial), hash
    summary.json              every metric per replication with mean and 95 % interval; totals and digests
    series.parquet            counts and levels per replication and simulated hour
    events-<number>.parquet   what happened, one row per event

A run is *partial* from its first moment until its last replication is kept; whatever ends it in between
leaves the replications that were finished.
"""

import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from simulator.runs.canonical import combined
from simulator.runs.metrics import METRICS, values
from simulator.runs.replication import Outcome
from simulator.runs.series import write_series
from simulator.runs.statistics import LEVEL, Estimate, estimate
from simulator.runs.version import code_digest, code_version, python_version
from simulator.scenario import Scenario, to_yaml

COMPLETE, PARTIAL = "complete", "partial"
RUN_FILE, SUMMARY_FILE, SERIES_FILE, SCENARIO_FILE = (
    "run.json",
    "summary.json",
    "series.parquet",
    "scenario.yaml",
)
COMPARISON_FILE = "comparison.json"
MOST_OF_ONE_SECOND = 10_000


class ResultsUnwritable(Exception):
    """The results cannot be kept; the message says where and why."""


class RunFolder:
    """The folder of a run that is being carried out.

    Attributes:
        path: the folder; it exists.
    """

    def __init__(
        self, path: Path, scenario: Scenario, seed: int, replications: int, started_at: datetime
    ) -> None:
        self.path = path
        self._facts: dict[str, Any] = {
            "scenario": scenario.name,
            "scenario_digest": scenario.digest,
            "seed": seed,
            "replications": replications,
            "started_at": started_at.isoformat(timespec="seconds"),
            "code_version": code_version(),
            "code_digest": code_digest(),
            "python": python_version(),
            "numpy": np.__version__,
        }
        self._replications = replications
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / SCENARIO_FILE).write_text(to_yaml(scenario))
            self.keep([], 0.0)
        except OSError as problem:
            self.remove()
            raise unwritable(path, problem) from problem
        except ResultsUnwritable:
            self.remove()
            raise

    def remove(self) -> None:
        """Remove the folder, of a run that cannot begin."""
        shutil.rmtree(self.path, ignore_errors=True)

    def events_file(self, number: int) -> Path:
        return self.path / f"events-{number}.parquet"

    def keep(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        """Write what is known by now.

        Args:
            outcomes: of the replications that are finished, in any order.
            seconds: how long the run has been going.
        Raises:
            ResultsUnwritable
        """
        ordered = sorted(outcomes, key=lambda outcome: outcome.number)
        complete = len(ordered) == self._replications
        result_hash = combined(outcome.digest for outcome in ordered)
        facts = {
            **self._facts,
            "seconds": round(seconds, 3),
            "status": COMPLETE if complete else PARTIAL,
            "finished": len(ordered),
            "hash": result_hash,
        }
        try:
            write_json(self.path / SUMMARY_FILE, _summary(ordered))
            write_series(self.path / SERIES_FILE, ordered)
            write_json(self.path / RUN_FILE, facts)
        except OSError as problem:
            raise unwritable(self.path, problem) from problem

    def tidy(self, outcomes: Sequence[Outcome]) -> None:
        """Remove what replications left that are not among the finished ones."""
        kept = {self.events_file(outcome.number) for outcome in outcomes}
        for file in (*self.path.glob("*.part"), *self.path.glob("events-*.parquet")):
            if file not in kept:
                file.unlink(missing_ok=True)


def unwritable(path: Path, problem: OSError) -> ResultsUnwritable:
    return ResultsUnwritable(
        f"cannot write results to {path}: {problem.strerror or problem}; RESULTS= names another folder"
    )


def new_folder(root: Path, name: str, at: datetime) -> Path:
    """Make a folder under *root*: the name, the time in UTC, and a number where two collide.

    Raises:
        ResultsUnwritable
    """
    stem = f"{name}-{at.astimezone(UTC):%Y%m%d-%H%M%S}"
    for number in range(MOST_OF_ONE_SECOND):
        path = root / (f"{stem}-{number}" if number else stem)
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as problem:
            raise unwritable(path, problem) from problem
        return path
    raise ResultsUnwritable(f"{root} has {MOST_OF_ONE_SECOND:,} folders {stem} already")


def write_json(path: Path, value: object) -> None:
    """Write a file that is whole or not there.

    Raises:
        OSError
    """
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")
    part.replace(path)


def _summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    measured = values(outcomes)
    return {
        "level": LEVEL,
        "metrics": {
            name: {"title": metric.title, "unit": metric.unit, **_estimated(measured[name])}
            for name, metric in METRICS.items()
        },
        "replications": [_told(outcome) for outcome in outcomes],
    }


def _estimated(of_metric: Sequence[float]) -> dict[str, Any]:
    if not of_metric:
        return {"mean": None, "low": None, "high": None, "values": []}
    known = estimate(of_metric)
    return {"mean": known.mean, "low": known.low, "high": known.high, "values": list(of_metric)}


def _told(outcome: Outcome) -> dict[str, Any]:
    """A replication without its hours, which are in the series."""
    told = {
        field.name: getattr(outcome.summary, field.name)
        for field in dataclasses.fields(outcome.summary)
        if field.name not in ("hours", "scenario_digest", "seed", "totals")
    }
    totals = outcome.summary.totals.as_dict()
    return {**told, "totals": totals, "seconds": round(outcome.seconds, 3), "digest": outcome.digest}


@dataclass(frozen=True)
class Run:
    """A run as it lies in its folder.

    Attributes:
        replications: asked for; `finished` of them are kept, with these numbers.
        seconds: how long it took.
        measured: values of every metric, one per finished replication, in order of `numbers`.
    """

    path: Path
    scenario: str
    scenario_digest: str
    seed: int
    replications: int
    started_at: datetime
    seconds: float
    status: str
    hash: str
    code_version: str
    numbers: tuple[int, ...]
    measured: Mapping[str, Sequence[float]]

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def complete(self) -> bool:
        return self.status == COMPLETE

    @property
    def finished(self) -> int:
        return len(self.numbers)

    def estimate(self, metric: str) -> Estimate | None:
        """Mean and interval of a metric; None while no replication is finished."""
        of_metric = self.measured[metric]
        return estimate(of_metric) if of_metric else None


class NoRun(Exception):
    """A folder does not hold a readable run; the message says why."""


def read_run(path: Path) -> Run:
    """Read a run's folder.

    Raises:
        NoRun
    """
    try:
        facts = json.loads((path / RUN_FILE).read_text())
        summary = json.loads((path / SUMMARY_FILE).read_text())
        numbers = tuple(int(told["replication"]) for told in summary["replications"])
        return Run(
            path=path,
            scenario=str(facts["scenario"]),
            scenario_digest=str(facts["scenario_digest"]),
            seed=int(facts["seed"]),
            replications=int(facts["replications"]),
            started_at=datetime.fromisoformat(facts["started_at"]),
            seconds=float(facts["seconds"]),
            status=str(facts["status"]),
            hash=str(facts["hash"]),
            code_version=str(facts["code_version"]),
            numbers=numbers,
            measured={name: _measured(summary["metrics"][name], len(numbers)) for name in METRICS},
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as problem:
        raise NoRun(f"{path} holds no readable run ({type(problem).__name__}: {problem})") from problem


def _measured(told: Mapping[str, Any], replications: int) -> list[float]:
    """The values of one metric.

    Raises:
        KeyError, TypeError, ValueError: they are not one number for each replication.
    """
    measured = [float(value) for value in told["values"]]
    if len(measured) != replications:
        raise ValueError(f"{len(measured)} values of {replications} replications")
    return measured


def runs_under(root: Path) -> Iterator[Run]:
    """Every readable run in *root*, those of comparisons included, newest first."""
    found = []
    for file in (*root.glob(f"*/{RUN_FILE}"), *root.glob(f"*/*/{RUN_FILE}")):
        try:
            found.append(read_run(file.parent))
        except NoRun:
            continue
    return iter(sorted(found, key=lambda run: (-run.started_at.timestamp(), run.path)))
