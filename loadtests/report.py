"""The results of a load test as files: run.json, requests.csv, seconds.csv, objectives.json, report.html."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from loadtests.claims import ClaimsOutcome
from loadtests.histogram import LatencyHistogram
from loadtests.objectives import Verdict
from loadtests.orders import OrdersOutcome
from loadtests.plan import LoadPlan
from loadtests.recording import OUTCOMES, Measured, Recording, Second
from loadtests.validity import generator_json

RUN_FILE, REQUESTS_FILE = "run.json", "requests.csv"
SECONDS_FILE, OBJECTIVES_FILE = "seconds.csv", "objectives.json"
PERCENTILES = (50, 95, 99)
ALL = "all"  # the row of all requests together
MOST_ROWS = 600  # of seconds.csv: a longer run is shown in steps of several seconds


@dataclass(frozen=True)
class Result:
    """A run that has ended, and what is to be said about it.

    Attributes:
        started: when it began.
        status: ``complete``, or ``partial`` when somebody interrupted it.
        invalid: reasons for which the figures say nothing; none = valid.
        orders: what became of the orders; None for a run that places none. claims: likewise.
    """

    plan: LoadPlan
    recording: Recording
    started: datetime
    status: str
    verdicts: Sequence[Verdict]
    invalid: Sequence[str]
    orders: OrdersOutcome | None = None
    claims: ClaimsOutcome | None = None

    @property
    def verdict(self) -> str:
        """``invalid``, ``missed`` or ``met``."""
        if self.invalid:
            return "invalid"
        return "met" if all(verdict.is_met for verdict in self.verdicts) else "missed"

    @property
    def seconds(self) -> float:
        """Seconds in which load was sent: the plan's, or fewer when the run was cut short."""
        return min(self.plan.seconds, float(max(self.recording.seconds, default=0) + 1))

    def per_second(self, name: str | None = None) -> float:
        """Answers a second to requests of one name or to all, while load was sent.

        Visits under way at the end may still go on for a while; their last requests count elsewhere.
        """
        in_time = [second for at_s, second in self.recording.seconds.items() if at_s < self.seconds]
        measured = (each for second in in_time for each in second.requests.items())
        return sum(each.requests for kind, each in measured if name in (kind, None)) / self.seconds

    def rows(self) -> Iterator[tuple[str, Measured]]:
        """Every kind of request with what was measured, all together last."""
        yield from sorted(self.recording.total.requests.items())
        yield ALL, self.recording.total.all_requests()


def write_files(result: Result, folder: Path) -> None:
    """Write every file of a result but the HTML report."""
    (folder / RUN_FILE).write_text(json.dumps(run_json(result), indent=2) + "\n")
    objectives = [verdict.to_json() for verdict in result.verdicts]
    (folder / OBJECTIVES_FILE).write_text(json.dumps(objectives, indent=2) + "\n")
    _write_rows(folder / REQUESTS_FILE, [request_row(result, name, all_of) for name, all_of in result.rows()])
    _write_rows(folder / SECONDS_FILE, list(second_rows(result.recording)))


def run_json(result: Result) -> dict[str, Any]:
    """A run in one object; carries no key."""
    together = result.recording.total.all_requests()
    return {
        "settings": result.plan.model_dump(mode="json"),
        "target": result.plan.target,
        "started_at": result.started.isoformat(timespec="seconds"),
        "seconds": result.seconds,
        "status": result.status,
        "verdict": result.verdict,
        "valid": not result.invalid,
        "invalid_because": list(result.invalid),
        "requests": together.requests,
        "requests_per_second": round(result.per_second(), 2),
        "latency_ms": _latencies(together),
        "outcomes": {outcome: together.count(outcome) for outcome in OUTCOMES},
        "codes": {code: count for (_, code), count in together.outcomes.most_common() if code},
        "visits": vars(result.recording.total.visits),
        "generator_cpu": generator_json(result.recording),
        "orders": None if result.orders is None else result.orders.to_json(),
        "claims": None if result.claims is None else result.claims.to_json(),
    }


def request_row(result: Result, name: str, measured: Measured) -> dict[str, Any]:
    """One line of requests.csv."""
    return {
        "request": name,
        "requests": measured.requests,
        "per_second": round(result.per_second(None if name == ALL else name), 3),
        **{outcome.replace(" ", "_"): measured.count(outcome) for outcome in OUTCOMES},
        **_latencies(measured),
    }


def second_rows(recording: Recording) -> Iterator[dict[str, Any]]:
    """The lines of seconds.csv; each stands for *step_s* seconds from *second* on."""
    last = max(recording.seconds, default=-1)
    step = max(1, math.ceil((last + 1) / MOST_ROWS))
    for first in range(0, last + 1, step):
        seconds = [
            recording.seconds.get(second, Second()) for second in range(first, min(first + step, last + 1))
        ]
        window = Second()
        for second in seconds:
            window.merge(second)
        requests = window.all_requests()
        yield {
            "second": first,
            "step_s": len(seconds),
            **{f"visits_{name}": count for name, count in vars(window.visits).items()},
            "under_way": seconds[-1].under_way,
            "requests": requests.requests,
            **{outcome.replace(" ", "_"): requests.count(outcome) for outcome in OUTCOMES},
            **_latencies(requests),
            "cpu_percent_max": round(
                max((cpu for second in seconds for cpu in second.cpu_percent.values()), default=0.0), 1
            ),
        }


def _latencies(measured: Measured) -> dict[str, float | None]:
    """Percentiles from sending and from the intended start; None where there is nothing."""
    figures: Mapping[str, LatencyHistogram] = {"service": measured.service, "intended": measured.intended}
    return {
        f"{name}_p{percent}_ms": round(latencies.percentile_ms(percent), 3) if latencies.count else None
        for name, latencies in figures.items()
        for percent in PERCENTILES
    }


def _write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)
