"""How many requests a second the target carries; no bar, because the machine decides it.

The clients run on the same cores as the target, as they do in every demo, so this is less than what the
target alone would carry. `make load` says more, and says it against objectives.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from harness.bench.api_calls import ApiCalls
from harness.bench.figures import Figure
from harness.bench.row import Bench
from harness.system import RunningSystem

CLIENTS = 8
STRETCH_S = 2.0
TRACKED = {"offer_id": "OFF001", "category": "electronics", "event_type": "VIEW"}

Request = tuple[str, Callable[[int], object]]  # path, and the body for a user's number
RECOMMEND: Request = ("/offers/recommend", lambda user: {"user_id": f"load-{user}"})
TRACK: Request = ("/events/track", lambda user: {"user_id": f"load-{user}", **TRACKED})


def measure(bench: Bench) -> list[Figure]:
    """Closed load: each client asks again as soon as it was answered."""
    system = bench.system()
    for request in (RECOMMEND, TRACK):
        answered_per_second(system, request)  # starts the environments that a burst needs
    recommended, tracked = [], []
    for _ in range(bench.rounds(3)):
        recommended.append(answered_per_second(system, RECOMMEND))
        tracked.append(answered_per_second(system, TRACK))
    return [
        Figure(
            "capacity.recommend_per_s",
            f"recommendations, {CLIENTS} clients",
            "/s",
            tuple(recommended),
            more_is_better=True,
        ),
        Figure(
            "capacity.track_per_s",
            f"events tracked, {CLIENTS} clients",
            "/s",
            tuple(tracked),
            more_is_better=True,
        ),
    ]


def answered_per_second(system: RunningSystem, request: Request) -> float:
    """Ask for a while with all clients; gives the requests a second that were answered with 200."""
    began = time.perf_counter()
    ends = began + STRETCH_S
    with ThreadPoolExecutor(CLIENTS) as clients:
        counts = clients.map(lambda client: answered(system, request, client, ends), range(CLIENTS))
        answers = sum(counts)
    return answers / (time.perf_counter() - began)


def answered(system: RunningSystem, request: Request, client: int, ends: float) -> int:
    """Ask as one client until *ends*; gives the number of answers with 200."""
    path, body_for = request
    count = asked = 0
    with ApiCalls(system.api_url, {"X-API-Key": system.api_key}) as calls:
        while time.perf_counter() < ends:
            status, _ = calls.call("POST", path, body_for(client + CLIENTS * (asked % 50)))
            asked += 1
            count += status == 200
    return count
