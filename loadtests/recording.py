"""What generator processes measured: one JSON line per process and second, added up by whoever reads it.

A process writes a line each second and forgets it, so memory stays flat, a run that is cut short is still
readable, and the counts of all processes merge exactly.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from loadtests.histogram import LatencyHistogram

OK = "ok"
TURNED_AWAY = "turned away"  # 429 and 503
REFUSED = "refused"  # the business says no, in the agreed form: a right answer
FAILED = "failed"
OUTCOMES = (OK, REFUSED, TURNED_AWAY, FAILED)
FOLDER = "recording"


@dataclass
class Measured:
    """Requests of one name (or of all).

    Attributes:
        service: latency from sending to the answer.
        intended: latency from the moment at which the request was meant to be sent.
        outcomes: counts by (outcome, code); the code of a success is empty.
    """

    service: LatencyHistogram = field(default_factory=LatencyHistogram)
    intended: LatencyHistogram = field(default_factory=LatencyHistogram)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, service_s: float, intended_s: float, outcome: str, code: str) -> None:
        """Count one request. Requests turned away count in no latency: answering them is quick by design."""
        self.outcomes[outcome, code] += 1
        if outcome != TURNED_AWAY:
            self.service.add(service_s)
            self.intended.add(intended_s)

    def merge(self, other: Measured) -> None:
        self.service.merge(other.service)
        self.intended.merge(other.intended)
        self.outcomes.update(other.outcomes)

    @property
    def requests(self) -> int:
        return self.outcomes.total()

    def count(self, outcome: str) -> int:
        return sum(count for (kind, _), count in self.outcomes.items() if kind == outcome)

    def share(self, outcome: str) -> float:
        """The share of requests with an outcome, 0..1; 0 for no requests."""
        return self.count(outcome) / self.requests if self.requests else 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "service": self.service.to_json(),
            "intended": self.intended.to_json(),
            "outcomes": [[outcome, code, count] for (outcome, code), count in sorted(self.outcomes.items())],
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Measured:
        return cls(
            LatencyHistogram.from_json(written["service"]),
            LatencyHistogram.from_json(written["intended"]),
            Counter({(outcome, code): count for outcome, code, count in written["outcomes"]}),
        )


@dataclass
class Visits:
    """Arrivals of visits: what became of each.

    Attributes:
        due: whose intended start has come.
        waited: started late because every place was taken, so because earlier visits were slow.
        late: started late although a place was free, so through the generator's own fault.
        dropped: never started: nobody waits that long for a place, or the run was over.
    """

    due: int = 0
    waited: int = 0
    late: int = 0
    dropped: int = 0

    def merge(self, other: Visits) -> None:
        self.due += other.due
        self.waited += other.waited
        self.late += other.late
        self.dropped += other.dropped

    def share(self, count: int) -> float:
        """A count as a share of the visits that were due, 0..1."""
        return count / self.due if self.due else 0.0


@dataclass
class Second:
    """One second of a run, of one process or of all.

    Attributes:
        requests: by name; counted in the second of their answer.
        under_way: visits under way at its end.
        cpu_percent: of one core, by process.
        faults: errors of the generator itself, by message.
        orders: ids of the orders that were accepted.
        claims: of promo codes, see `loadtests.claims.Claimed`.
    """

    requests: defaultdict[str, Measured] = field(default_factory=lambda: defaultdict(Measured))
    visits: Visits = field(default_factory=Visits)
    under_way: int = 0
    cpu_percent: dict[str, float] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    orders: list[str] = field(default_factory=list)
    claims: list[tuple[str, str | None]] = field(default_factory=list)

    def merge(self, other: Second) -> None:
        for name, measured in other.requests.items():
            self.requests[name].merge(measured)
        self.visits.merge(other.visits)
        self.under_way += other.under_way
        self.cpu_percent.update(other.cpu_percent)
        self.faults.update(other.faults)
        self.orders += other.orders
        self.claims += other.claims

    def all_requests(self) -> Measured:
        """All names in one."""
        together = Measured()
        for measured in self.requests.values():
            together.merge(measured)
        return together

    def to_json(self) -> dict[str, Any]:
        return {
            "requests": {name: measured.to_json() for name, measured in self.requests.items()},
            "visits": vars(self.visits),
            "under_way": self.under_way,
            "cpu_percent": self.cpu_percent,
            "faults": self.faults,
            "orders": self.orders,
            "claims": self.claims,
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Second:
        second = cls(
            visits=Visits(**written["visits"]),
            under_way=written["under_way"],
            cpu_percent=written["cpu_percent"],
            faults=Counter(written["faults"]),
            orders=list(written["orders"]),
            claims=[(key, code) for key, code in written["claims"]],
        )
        for name, measured in written["requests"].items():
            second.requests[name] = Measured.from_json(measured)
        return second


class Recorder:
    """Writes what one generator process measures; `flush` once a second.

    Args:
        process: its name in reports, ``worker 0`` …
    """

    def __init__(self, folder: Path, process: str) -> None:
        (folder / FOLDER).mkdir(exist_ok=True)
        self.process = process
        self._file: TextIO = (folder / FOLDER / f"{process.replace(' ', '-')}.jsonl").open("a")
        self.second = Second()

    def flush(self, at_s: int, cpu_percent: float, under_way: int) -> None:
        """Write what was measured since the last time as second *at_s* of the run."""
        done, self.second = self.second, Second()
        done.cpu_percent, done.under_way = {self.process: cpu_percent}, under_way
        self._file.write(json.dumps({"second": at_s, **done.to_json()}) + "\n")
        self._file.flush()


class Recording:
    """All that was measured in a run so far.

    Attributes:
        seconds: by second of the run, all processes together; the warm-up is left out.
        total: the whole run in one; its `under_way` and `cpu_percent` mean nothing.
        cpu_percent: samples of each process, in per cent of one core.
        warm_up_requests: requests of the warm-up, which count for the budget alone.
        orders: ids of all orders that were accepted, the warm-up's included: none of them may be lost.
        claims: of promo codes, the warm-up's included.
    """

    def __init__(self, folder: Path) -> None:
        self.warm_up_requests = 0
        self.orders: list[str] = []
        self.claims: list[tuple[str, str | None]] = []
        self._folder = folder / FOLDER
        self._read_to: dict[Path, int] = {}
        self.seconds: dict[int, Second] = {}
        self.total = Second()
        self.cpu_percent: defaultdict[str, list[float]] = defaultdict(list)

    def update(self) -> Recording:
        """Read what was written since the last time; a line that is being written waits for the next time."""
        for path in sorted(self._folder.glob("*.jsonl")):
            with path.open("rb") as file:
                file.seek(self._read_to.get(path, 0))
                written = file.read()
            whole = written[: written.rfind(b"\n") + 1]
            self._read_to[path] = self._read_to.get(path, 0) + len(whole)
            self._take(json.loads(line) for line in whole.splitlines())
        return self

    def _take(self, lines: Iterable[Mapping[str, Any]]) -> None:
        for line in lines:
            second = Second.from_json(line)
            self.orders += second.orders
            self.claims += second.claims
            if line["second"] < 0:
                self.warm_up_requests += second.all_requests().requests
                continue
            self.total.merge(second)
            self.seconds.setdefault(line["second"], Second()).merge(second)
            for process, percent in second.cpu_percent.items():
                self.cpu_percent[process].append(percent)
