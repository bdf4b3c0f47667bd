"""Many customers who want the last units of one offer at the same moment."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from harness.bench.api_calls import ApiCalls
from harness.bench.figures import Bar, Figure
from harness.bench.row import Bench
from harness.system import RunningSystem

CLIENTS, UNITS = 64, 10
TRY_AGAIN = (429, 503)
TRIES = 30
TAKEN, SOLD_OUT = "taken", "out_of_stock"


def measure(bench: Bench) -> list[Figure]:
    """Each round is a new offer; the first one warms the functions and is not counted."""
    system = bench.system()
    race(system)
    rounds = [race(system) for _ in range(bench.rounds(5))]
    return [
        Figure(
            "race.taken",
            f"units taken by {CLIENTS} clients, of {UNITS}",
            "",
            tuple(float(taken) for taken, _, _ in rounds),
            Bar("=", UNITS),
        ),
        Figure(
            "race.left",
            "units left",
            "",
            tuple(float(left) for _, left, _ in rounds),
            Bar("=", 0),
        ),
        Figure(
            "race.unclear",
            "answers neither taken nor sold out",
            "",
            tuple(float(unclear) for _, _, unclear in rounds),
            Bar("=", 0),
        ),
    ]


def race(system: RunningSystem) -> tuple[int, int, int]:
    """Run one race.

    Returns:
        Units taken, units left, and answers that were neither: a unit or that there is none.
    """
    key = {"X-API-Key": system.api_key}
    offer = scarce_offer()
    with ApiCalls(system.api_url, key) as shop:
        status, answer = shop.call("POST", "/offers", offer)
        if status != 201:
            raise RuntimeError(f"POST /offers answered {status}: {answer[:200]!r}")
        start = Barrier(CLIENTS)
        with ThreadPoolExecutor(CLIENTS) as clients:
            answers = list(
                clients.map(lambda number: take(system, offer, number, start.wait), range(CLIENTS))
            )
        left = int(json.loads(shop.call("GET", f"/offers/{offer['offer_id']}")[1])["inventory_count"])
    taken, sold_out = answers.count(TAKEN), answers.count(SOLD_OUT)
    return taken, left, CLIENTS - taken - sold_out


def scarce_offer() -> dict[str, object]:
    """An offer of its own category, so that no other offer is drawn into it."""
    unique = uuid.uuid4().hex[:12]
    return {
        "offer_id": f"RACE-{unique}",
        "offer_name": "The last ten",
        "category": f"race-{unique}",
        "discount_type": "PERCENTAGE",
        "discount_value": 10,
        "priority": 50,
        "inventory_count": UNITS,
    }


def take(system: RunningSystem, offer: dict[str, object], number: int, ready: Callable[[], object]) -> str:
    """Redeem as one of the clients, trying again while the system says that it is busy.

    All tries carry one key: a unit that was taken by a try whose answer was lost is answered as taken.

    Returns:
        TAKEN, or the code of the last refusal.
    """
    body = {
        "user_id": f"taker-{number}",
        "offer_id": offer["offer_id"],
        "category": offer["category"],
        "event_type": "REDEMPTION",
    }
    key = {"Idempotency-Key": uuid.uuid4().hex}
    with ApiCalls(system.api_url, {"X-API-Key": system.api_key}) as client:
        ready()
        for _ in range(TRIES):
            status, answer = client.call("POST", "/events/track", body, key)
            if status not in TRY_AGAIN:
                break
    return TAKEN if status == 200 else code_of(status, answer)


def code_of(status: int, answer: bytes) -> str:
    """The code of a refusal, or its status where the answer has none."""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return str(json.loads(answer)["code"])
    return f"http_{status}"
