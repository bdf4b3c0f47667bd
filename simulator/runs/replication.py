"""One replication as a job: everything it needs goes in, everything that counts comes out, both picklable."""

import dataclasses
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from simulator.runs.canonical import digest_of
from simulator.runs.events import EventRecorder, Watch, nobody_watches
from simulator.scenario import Scenario
from simulator.twin import run_replication
from simulator.twin.summary import OF_REWARDS, EventSink, ReplicationSummary


class Simulate(Protocol):
    """What runs one replication on the virtual clock: the twin, or what stands in for it in a test."""

    def __call__(
        self, scenario: Scenario, seed: int, replication: int, sink: EventSink | None
    ) -> ReplicationSummary: ...


@dataclass(frozen=True)
class Job:
    """One replication to carry out.

    Attributes:
        number: counted from 0; with the seed it decides everything random.
        events: Parquet file for the events, None = none.
        simulate: a function that workers can import.
    """

    scenario: Scenario
    seed: int
    number: int
    events: Path | None = None
    simulate: Simulate = run_replication


@dataclass(frozen=True)
class Outcome:
    """What one replication came to.

    Attributes:
        digest: SHA-256 over all events and the summary; the same wherever and whenever it runs.
        seconds: how long it took.
    """

    summary: ReplicationSummary
    digest: str
    seconds: float = field(compare=False)

    @property
    def number(self) -> int:
        return self.summary.replication


def carry_out(job: Job, watch: Watch = nobody_watches) -> Outcome:
    """Run one replication here and now.

    Raises:
        OSError: the event file cannot be written; what was begun of it is removed.
    """
    began = time.perf_counter()
    recorder = EventRecorder(job.events, job.scenario.catalogue.categories, watch)
    try:
        summary = job.simulate(job.scenario, job.seed, job.number, recorder)
        recorder.close()
    except BaseException:
        recorder.abandon()
        raise
    return Outcome(summary, digest(summary, recorder), time.perf_counter() - began)


def digest(summary: ReplicationSummary, recorder: EventRecorder) -> str:
    """The digest of a replication: its events and its summary.

    What was asked for stays out: a scenario under another name or with a default written out ends the same.
    So do counts of codes and points where there are none.
    """
    told = dataclasses.asdict(summary)
    del told["scenario_digest"], told["seed"], told["replication"]
    for counts in (told["totals"], *(hour["counts"] for hour in told["hours"])):
        for name in OF_REWARDS:
            if not counts[name]:
                del counts[name]
    return digest_of({"events": recorder.digest(), "summary": told})
