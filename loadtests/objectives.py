"""Objectives of a load test: read from YAML, held against what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from loadtests.claims import ClaimsOutcome
from loadtests.orders import OrdersOutcome
from loadtests.recording import FAILED, TURNED_AWAY, Measured, Recording
from loadtests.visits import REQUEST_NAMES
from offerloop.orders.model import OrderStatus
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


class OrderObjectives(_Section):
    """Limits for what becomes of the orders that were accepted."""

    final_p95_ms: float | None = Field(default=None, gt=0)
    failed_rate: float | None = Field(default=None, ge=0, le=1)
    unfinished_rate: float | None = Field(default=None, ge=0, le=1)


class Objectives(_Section):
    """A whole file."""

    latency_from: Literal["intended", "service"] = "intended"
    all: RunObjectives = RunObjectives()
    orders: OrderObjectives = OrderObjectives()
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
        subject: a request's name, ``orders`` or ``claims`` (what becomes of them), or ``all``.
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


def judge(
    objectives: Objectives,
    recording: Recording,
    orders: OrdersOutcome | None = None,
    claims: ClaimsOutcome | None = None,
) -> list[Verdict]:
    """Hold every objective against a run, those of all requests first.

    Args:
        orders: what became of them; None for a run that places none. claims: likewise.
    """
    total = recording.total
    verdicts = list(_of_requests("all", objectives.all, total.all_requests(), objectives.latency_from))
    limit = objectives.all.dropped_share
    if limit is not None and total.visits.due:
        verdicts.append(Verdict("all", "dropped_share", limit, total.visits.share(total.visits.dropped)))
    for name, wanted in objectives.requests.items():
        measured = total.requests.get(name, Measured())
        verdicts.extend(_of_requests(name, wanted, measured, objectives.latency_from))
    if orders is not None:
        verdicts.extend(_of_orders(objectives.orders, orders))
    if claims is not None:
        verdicts.extend(_of_claims(claims))
    return verdicts


def _of_claims(claims: ClaimsOutcome) -> Iterator[Verdict]:
    """A code that went to two, or to nobody, is one too many, whatever the file says."""
    of_all = max(1, claims.received)
    yield Verdict("claims", "given_twice_rate", 0.0, claims.wrong / of_all)
    yield Verdict("claims", "unaccounted_rate", 0.0, claims.unaccounted / of_all)


def _of_orders(wanted: OrderObjectives, orders: OrdersOutcome) -> Iterator[Verdict]:
    """An order that is lost is one too many, whatever the file says."""
    figures = {
        "final_p95_ms": orders.until_final_ms[1] if orders.until_final_ms else None,
        "failed_rate": orders.share(orders.ended[OrderStatus.FAILED]),
        "unfinished_rate": orders.share(len(orders.unfinished)),
    }
    yield Verdict("orders", "lost_rate", 0.0, orders.share(len(orders.lost)))
    for objective, figure in figures.items():
        limit = getattr(wanted, objective)
        if limit is not None:
            yield Verdict("orders", objective, limit, figure)


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
