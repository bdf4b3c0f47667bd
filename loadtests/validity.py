"""Whether a run measured the system, or the generator that was too slow to load it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from loadtests.plan import LoadPlan
from loadtests.recording import Recording

BUSY_PERCENT = 90.0  # of one core: from here on a single-threaded process falls behind
BUSY_SHARE = 0.2  # of a run's seconds in which a process may be that busy
LATE_SHARE, LATE_AT_LEAST = 0.01, 5  # of visits: more that start late through its own fault spoil a run
MORE_WORKERS = "use more WORKERS= on more cores, or a lower rate"


@dataclass(frozen=True, slots=True)
class ProcessLoad:
    """CPU that one generator process used, in per cent of one core; *busy_share* of seconds above 90 %."""

    mean_percent: float
    max_percent: float
    busy_share: float

    def to_json(self) -> dict[str, float]:
        return asdict(self)


def process_loads(recording: Recording) -> dict[str, ProcessLoad]:
    """The CPU of each generator process."""
    return {
        process: ProcessLoad(
            sum(samples) / len(samples),
            max(samples),
            sum(sample > BUSY_PERCENT for sample in samples) / len(samples),
        )
        for process, samples in sorted(recording.cpu_percent.items())
    }


def invalid_because(plan: LoadPlan, recording: Recording) -> list[str]:
    """Every reason for which the figures do not show the system, with what to do; none = a valid run."""
    reasons = []
    for process, load in process_loads(recording).items():
        if load.busy_share > BUSY_SHARE:
            reasons.append(
                f"{process} used more than {BUSY_PERCENT:.0f} % of a core in "
                f"{100 * load.busy_share:.0f} % of the seconds: {MORE_WORKERS}"
            )
    visits = recording.total.visits
    if visits.late >= LATE_AT_LEAST and visits.share(visits.late) > LATE_SHARE:
        reasons.append(
            f"{visits.late} of {visits.due} visits started late through the generator's own fault: "
            f"{MORE_WORKERS}, and let nothing else use the cores"
        )
    missing = [f"worker {n}" for n in range(plan.workers) if f"worker {n}" not in recording.cpu_percent]
    if missing:
        reasons.append(f"no figures came from {', '.join(missing)}: its log is in the run's folder")
    for fault, count in recording.total.faults.most_common(3):
        reasons.append(f"the generator failed {count} times: {fault}")
    if recording.total.all_requests().requests == 0:
        reasons.append("no request was answered: see the logs in the run's folder")
    return reasons


def generator_json(recording: Recording) -> dict[str, Any]:
    """The CPU of each process as run.json keeps it."""
    return {process: load.to_json() for process, load in process_loads(recording).items()}
