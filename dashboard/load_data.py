"""Load runs as the page shows them, read from their folders. Knows no Streamlit."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel

from loadtests.objectives import Verdict
from loadtests.report import OBJECTIVES_FILE, REQUESTS_FILE, RUN_FILE, SECONDS_FILE

Row = dict[str, float | None]


class _Settings(BaseModel):
    rate: float | None
    users: int | None
    shape: str
    workers: int


class _Facts(BaseModel):
    """What the page takes from run.json; more may be in it."""

    settings: _Settings
    started_at: AwareDatetime
    status: str
    verdict: str
    valid: bool
    invalid_because: list[str]
    requests_per_second: float
    latency_ms: dict[str, float | None]
    outcomes: dict[str, int]
    visits: dict[str, int]
    generator_cpu: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class LoadRun:
    """One load test that has ended.

    Attributes:
        facts: what run.json says; `loadtests.report.run_json` writes it.
    """

    folder: Path
    facts: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def started(self) -> datetime:
        return datetime.fromisoformat(self.facts["started_at"])

    @property
    def is_open(self) -> bool:
        return self.facts["settings"]["rate"] is not None

    @property
    def load(self) -> str:
        """What was sent, in words."""
        settings = self.facts["settings"]
        visit = settings.get("visit", "browse")  # a run of earlier versions says nothing of it
        kind = "" if visit == "browse" else f", {visit}"
        return (f"{settings['rate']:g} visits/s" if self.is_open else f"{settings['users']} users") + kind

    @property
    def orders(self) -> list[str]:
        """What became of the orders, in lines; none for a run that placed none."""
        orders = self.facts.get("orders")
        return list(orders["lines"]) if orders else []

    @property
    def verdict(self) -> str:
        """``met``, ``missed`` or ``invalid``, and whether the run was cut short."""
        return self.facts["verdict"] + (", partial" if self.facts["status"] == "partial" else "")

    @property
    def cpu_percent(self) -> float:
        """The highest mean CPU of any generator process, in per cent of one core."""
        return max((cpu["mean_percent"] for cpu in self.facts["generator_cpu"].values()), default=0.0)

    @property
    def visits_affected(self) -> int:
        """Visits that waited, started late or never."""
        visits = self.facts["visits"]
        return int(visits["waited"] + visits["late"] + visits["dropped"])

    @cached_property
    def seconds(self) -> list[Row]:
        """The rows of seconds.csv."""
        return _rows(self.folder / SECONDS_FILE)

    @cached_property
    def requests(self) -> list[dict[str, str]]:
        """The rows of requests.csv, all requests together last."""
        with (self.folder / REQUESTS_FILE).open(newline="") as file:
            return list(csv.DictReader(file))

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """Every objective of the run."""
        written = json.loads((self.folder / OBJECTIVES_FILE).read_text())
        return [
            Verdict(each["subject"], each["objective"], each["limit"], each["measured"]) for each in written
        ]

    @property
    def p95_limit_ms(self) -> float | None:
        """The objective for the p95 of all requests, if the run had one."""
        limits = (one.limit for one in self.verdicts if (one.subject, one.objective) == ("all", "p95_ms"))
        return next(limits, None)


def load_runs(root: Path) -> list[LoadRun]:
    """Every run under *root* that has its figures, newest first; one that is still under way has none."""
    runs = []
    for path in root.glob(f"*/{RUN_FILE}"):
        try:
            facts = json.loads(path.read_text())
            _Facts.model_validate(facts)
        except (OSError, ValueError, RecursionError):
            continue  # being written or removed at this moment, or damaged
        runs.append(LoadRun(path.parent, facts))
    return sorted(runs, key=lambda run: (run.started, run.name), reverse=True)


def _rows(path: Path) -> list[Row]:
    with path.open(newline="") as file:
        return [
            {name: float(value) if value else None for name, value in row.items()}
            for row in csv.DictReader(file)
        ]
