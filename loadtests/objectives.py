"""Objectives of a load test: read from YAML, held against what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from loadtests.recording import FAILED, TURNED_AWAY, Measured, Recording
from loadtests.visits import REQUEST_NAMES
from simulator.scenario import document

DEFAULT_OBJECTIVES = Path(__file__).parent / "objectives.yaml"


class ObjectivesError(ValueError):
    """A file of objectives that cannot be used; one line per fault, ``file:line: key: message``."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RequestObjectives(_Section):
    """Limits for one kind of request; those left out are not checked."""

    p95_ms: float | None = Field(default=None, gt=0)
    p99_ms: float | None = Field(default=None, gt=0)
    error_rate: float | None = Field(default=None, ge=0, le=1)
    turned_away_rate: float | None = Field(default=None, ge=0, le=1)


class RunObjectives(RequestObjectives):
    """Limits for all requests together, and for arrivals."""

    dropped_share: float | None = Field(default=None, ge=0, le=1)


class Objectives(_Section):
    """A whole file."""

    latency_from: Literal["intended", "service"] = "intended"
    all: RunObjectives = RunObjectives()
    requests: Mapping[str, RequestObjectives] = Field(default_factory=dict)

    @field_validator("requests")
    @classmethod
    def _known(cls, requests: Mapping[str, RequestObjectives]) -> Mapping[str, RequestObjectives]:
        unknown = sorted(set(requests) - set(REQUEST_NAMES))
        if unknown:
            raise ValueError(f"no such request: {', '.join(unknown)}; allowed are {', '.join(REQUEST_NAMES)}")
        return requests


@dataclass(frozen=True, slots=True)
class Verdict:
    """One objective and what became of it.

    Attributes:
        subject: a request's name, or ``all``.
        objective: ``p95_ms``, ``error_rate`` …
        measured: None when nothing of that kind happened, which misses nothing.
    """

    subject: str
    objective: str
    limit: float
    measured: float | None

    @property
    def is_met(self) -> bool:
        return self.measured is None or self.measured <= self.limit

    def line(self) -> str:
        """Which, and by how much, in words."""
        if self.measured is None:
            return f"{self.subject} {self.objective}: nothing measured"
        line = f"{self.subject} {self.objective}: {self.shown(self.measured)}, limit {self.shown(self.limit)}"
        if self.is_met:
            return line
        by = f"{self.measured / self.limit:.2f} times the limit" if self.limit else "none is allowed"
        return f"{line}: missed by {self.shown(self.measured - self.limit)} ({by})"

    def shown(self, value: float) -> str:
        """A value of this objective with its unit."""
        return f"{value:,.0f} ms" if self.objective.endswith("_ms") else f"{100 * value:.2f} %"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.is_met}


def load_objectives(path: Path) -> Objectives:
    """Read and check a file of objectives.

    Raises:
        ObjectivesError: it cannot be read, is no YAML, or says something that is not allowed.
    """
    try:
        source = document.read(path)
        return Objectives.model_validate(source.values)
    except document.Unreadable as problem:
        where = f"{path}:{problem.line}" if problem.line else f"{path}"
        raise ObjectivesError(": ".join(filter(None, (where, problem.key, problem.reason)))) from None
    except ValidationError as error:
        lines = []
        for fault in error.errors(include_url=False, include_context=False):
            key = ".".join(map(str, fault["loc"])) or "file"
            line = source.line_of(fault["loc"], of_key=True)
            lines.append(f"{path}:{line}: {key}: {fault['msg']}")
        raise ObjectivesError("\n".join(lines)) from None


def judge(objectives: Objectives, recording: Recording) -> list[Verdict]:
    """Hold every objective against a run, those of all requests first."""
    total = recording.total
    verdicts = list(_of_requests("all", objectives.all, total.all_requests(), objectives.latency_from))
    limit = objectives.all.dropped_share
    if limit is not None and total.visits.due:
        verdicts.append(Verdict("all", "dropped_share", limit, total.visits.share(total.visits.dropped)))
    for name, wanted in objectives.requests.items():
        measured = total.requests.get(name, Measured())
        verdicts.extend(_of_requests(name, wanted, measured, objectives.latency_from))
    return verdicts


def _of_requests(
    subject: str, wanted: RequestObjectives, measured: Measured, latency_from: str
) -> Iterator[Verdict]:
    latencies = measured.intended if latency_from == "intended" else measured.service
    figures = {
        "p95_ms": latencies.percentile_ms(95) if latencies.count else None,
        "p99_ms": latencies.percentile_ms(99) if latencies.count else None,
        "error_rate": measured.share(FAILED) if measured.requests else None,
        "turned_away_rate": measured.share(TURNED_AWAY) if measured.requests else None,
    }
    for objective, figure in figures.items():
        limit = getattr(wanted, objective)
        if limit is not None:
            yield Verdict(subject, objective, limit, figure)
