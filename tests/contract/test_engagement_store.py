"""`EngagementStore`: each event counts once; also with trending in a real Redis."""

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from handlers.aws.engagement_store import EngagementLedger
from handlers.aws.redis_trends import RedisEngagementStore
from offerloop.offers.experiments import Tally
from offerloop.offers.model import EngagementEvent, EventType, Shopper
from offerloop.offers.trending import TRENDING_HALF_LIFE_S
from simulator.memory.world import MemoryWorld
from tests import needed
from tests.contract.conftest import NO_WAITING, Stores, dynamo_stores, memory_stores
from tests.factories import NOON, NOON_MS, FixedClock, a_tracked, an_event, an_offer
from tests.template_tables import create_tables


@pytest.fixture(scope="module")
def redis_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a Redis server that this module starts on a socket file of its own."""
    program = needed.redis_server()
    folder = tmp_path_factory.mktemp("redis")
    socket = Path("/tmp") / f"offerloop-redis-{os.getpid()}.sock"  # a socket's path is short: 107 bytes
    arguments = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)]
    with subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL) as server:
        try:
            client = redis.Redis(unix_socket_path=str(socket))
            _await_answer(client)
            yield client
        finally:
            server.terminate()
            server.wait(timeout=10)


def _await_answer(client: Any) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            client.ping()
            return
        except redis.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@pytest.fixture(params=["memory", "dynamodb", "redis"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        return memory_stores(MemoryWorld(FixedClock()))
    client = request.getfixturevalue("dynamodb")
    tables = create_tables(client)
    stores = dynamo_stores(client, tables)
    if request.param == "redis":
        redis_server = request.getfixturevalue("redis_client")
        redis_server.flushall()
        ledger = EngagementLedger(client, tables, NO_WAITING)
        stores = replace(stores, engagement=RedisEngagementStore(redis_server, ledger))
    return stores


def stored(stores: Stores, *events: EngagementEvent) -> list[EngagementEvent]:
    """The same events, recorded as if each came from a user of its own."""
    stores.put_offer(an_offer(inventory_count=1_000))
    for event in events:
        stores.activity.record(a_tracked(event, shopper_before=Shopper(event.user_id)))
    return list(events)


def clicks(count: int, category: str = "electronics", at_ms: int = NOON_MS) -> list[EngagementEvent]:
    return [
        an_event(
            f"{category}-{at_ms}-{number}",
            user_id=f"{category}-{at_ms}-{number}",
            category=category,
            event_type=EventType.CLICK,
            occurred_at_ms=at_ms,
        )
        for number in range(count)
    ]


def shown(stores: Stores, now: int, limit: int = 10) -> dict[str, float]:
    return {trend.category: trend.score for trend in stores.engagement.trending(now, limit)}


def test_nothing_is_trending_at_first(stores):
    assert stores.engagement.trending(NOON, 10) == ()
    assert stores.engagement.tallies("exp-1") == {}


def test_an_event_counts_once_however_often_it_comes(stores):
    events = stored(stores, *clicks(6))

    counted = [stores.engagement.count(events, NOON) for _ in range(3)]
    counted.append(
        stores.engagement.count([events[0], *stored(stores, an_event("new", user_id="new"))], NOON)
    )

    assert counted == [6, 0, 0, 1]
    assert shown(stores, NOON) == {"electronics": pytest.approx(6 * 2 + 1)}


def test_more_events_than_one_transaction_holds_are_all_counted(stores):
    events = stored(stores, *clicks(50))

    assert stores.engagement.count(events, NOON) == 50
    assert shown(stores, NOON) == {"electronics": pytest.approx(100)}


def test_scores_halve_with_every_half_life(stores):
    stores.engagement.count(stored(stores, *clicks(20)), NOON)

    assert shown(stores, NOON + TRENDING_HALF_LIFE_S) == {"electronics": pytest.approx(20)}
    assert shown(stores, NOON + 2 * TRENDING_HALF_LIFE_S) == {"electronics": pytest.approx(10)}
    assert shown(stores, NOON + 3 * TRENDING_HALF_LIFE_S) == {}


def test_a_late_event_counts_as_faded_from_when_it_happened(stores):
    late = clicks(20, at_ms=NOON_MS - TRENDING_HALF_LIFE_S * 1_000)

    stores.engagement.count(stored(stores, *late), NOON)

    assert shown(stores, NOON) == {"electronics": pytest.approx(20)}


def test_scores_gained_at_different_times_add_up_faded(stores):
    later = NOON + 2 * TRENDING_HALF_LIFE_S
    stores.engagement.count(stored(stores, *clicks(20)), NOON)
    stores.engagement.count(stored(stores, *clicks(10, at_ms=later * 1_000)), later)

    assert shown(stores, later) == {"electronics": pytest.approx(40 / 4 + 20)}


def test_a_quiet_week_leaves_nothing_behind(stores):
    week_later = NOON + 7 * 24 * 3_600
    stores.engagement.count(stored(stores, *clicks(10, "fashion")), NOON)
    stores.engagement.count(stored(stores, *clicks(10, at_ms=week_later * 1_000)), week_later)

    assert shown(stores, week_later) == {"electronics": pytest.approx(20)}


def test_strongest_first_ties_by_name_and_no_more_than_asked(stores):
    events = [*clicks(9, "toys"), *clicks(7, "books"), *clicks(9, "garden"), *clicks(4, "quiet")]

    stores.engagement.count(stored(stores, *events), NOON)

    assert list(shown(stores, NOON)) == ["garden", "toys", "books"]
    assert list(shown(stores, NOON, limit=2)) == ["garden", "toys"]


def test_a_dismissal_is_counted_and_raises_nothing(stores):
    dismissals = [replace(event, event_type=EventType.DISMISS) for event in clicks(20)]

    assert stores.engagement.count(stored(stores, *dismissals), NOON) == 20
    assert shown(stores, NOON) == {}


def test_tallies_count_each_first_exposure_and_conversion_once(stores):
    arm = {"experiment_id": "exp-1", "variant": "urgent"}
    events = stored(
        stores,
        an_event("e1", user_id="ann", first_exposure=True, **arm),
        an_event("e2", user_id="bob", first_exposure=True, first_conversion=True, **arm),
        an_event("e3", user_id="cid", first_exposure=True, experiment_id="exp-1", variant="control"),
        an_event("e4", user_id="dan", first_exposure=True, experiment_id="exp-2", variant="control"),
        an_event("e5", user_id="eva", **arm),
    )

    for _ in range(2):
        stores.engagement.count(events, NOON)

    assert stores.engagement.tallies("exp-1") == {"urgent": Tally(2, 1), "control": Tally(1, 0)}
    assert stores.engagement.tallies("exp-2") == {"control": Tally(1, 0)}


def test_an_event_that_was_never_stored_is_not_counted(stores):
    never = an_event("never", experiment_id="exp-1", variant="urgent", first_exposure=True)

    assert stores.engagement.count([never], NOON) == 0
    assert stores.engagement.tallies("exp-1") == {}
