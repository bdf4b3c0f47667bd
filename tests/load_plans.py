"""Valid load plans and measurements; a test names only what it is about."""

from pathlib import Path
from typing import Any

from loadtests.plan import LoadPlan, Shape
from loadtests.recording import OK, Recorder, Recording

# Every variable that `make load` reads.
SETTINGS = (
    *("TARGET", "OFFERLOOP_TARGET", "RATE", "USERS", "SHAPE", "VISIT", "SCENARIO", "DURATION", "MINUTES"),
    *("SPEED", "SEED", "WORKERS", "THINK", "PLACES", "WARM_UP", "MANAGER", "MAX_REQUESTS", "OBJECTIVES"),
    *("RESULTS", "CODES"),
)


def a_plan(**changes: Any) -> LoadPlan:
    """Ten visits a second for ten seconds, from one worker, at nobody."""
    settings: dict[str, Any] = {
        "run_id": "a-run",
        "api_url": "http://127.0.0.1:1/prod",
        "target": "embedded",
        "scenario": "baseline",
        "shape": Shape.STEADY,
        "seconds": 10,
        "rate": None if "users" in changes else 10,
        "seed": 1,
        "think_s": 0.0,
        "places": 50,
        "workers": 1,
        "manager": False,
    }
    return LoadPlan(**{**settings, **changes})


def recorded(
    folder: Path,
    requests: dict[str, list[float]],
    *,
    outcome: tuple[str, str] = (OK, ""),
    cpu_percent: float = 20.0,
    process: str = "worker 0",
    **visits: int,
) -> Recording:
    """What one second of one process left behind: service latencies in seconds by request.

    Args:
        requests: intended latencies are 10 ms longer each.
        visits: counts of `loadtests.recording.Visits`.
    """
    recorder = Recorder(folder, process)
    for name, latencies_s in requests.items():
        for latency_s in latencies_s:
            recorder.second.requests[name].add(latency_s, latency_s + 0.01, *outcome)
    for name, count in visits.items():
        setattr(recorder.second.visits, name, count)
    recorder.flush(0, cpu_percent, under_way=3)
    return Recording(folder).update()
