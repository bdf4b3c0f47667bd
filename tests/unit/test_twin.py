"""The twin as a whole: the same run again, the business's laws at its end, other policies, other days."""

import tracemalloc
from collections import Counter
from typing import Any

import pytest

from offerloop.errors import TooManyRequests
from offerloop.offers.model import EventType
from simulator.invariants import check_invariants
from simulator.scenario import Scenario, load_scenario
from simulator.scenario.load import shipped_names
from simulator.twin import EventKind, ReplicationSummary, Twin, run_replication
from simulator.twin.plain_loop import PlainLoop, record
from simulator.twin.summary import REFUSAL_CODES

Event = tuple[int, int, int, int, int]


class Listed:
    """A sink that keeps every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def event(self, at_ms: int, kind: int, user: int, offer: int, value: int) -> None:
        self.events.append((at_ms, kind, user, offer, value))

    def close(self) -> None:
        pass


def small(name: str = "baseline", **overrides: Any) -> Scenario:
    """A shipped scenario with few shoppers; a double underscore stands for the dot in a key."""
    keys = {"days": 1, "warm_up_days": 0, "population.users": 150, "population.visits_per_day": 3.0}
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    return load_scenario(name, {**keys, **given})


def told(scenario: Scenario, seed: int = 7, replication: int = 0) -> tuple[list[Event], ReplicationSummary]:
    sink = Listed()
    return sink.events, run_replication(scenario, seed, replication, sink)


def broken_laws(twin: Twin) -> dict[str, str]:
    return {result.name: result.detail for result in check_invariants(twin.snapshot()) if not result.holds}


def test_the_same_seed_tells_the_same_events_and_another_seed_or_replication_others():
    runs = [told(small(), seed, replication) for seed, replication in ((7, 0), (7, 0), (8, 0), (7, 1))]

    assert runs[0] == runs[1]
    assert len({tuple(events) for events, _ in runs}) == 3


def test_what_is_told_is_what_is_counted():
    events, summary = told(small("bad-weather", weather__throttle_per_second=0.2))
    kinds = Counter(EventKind(kind) for _, kind, *_ in events)
    totals = summary.totals

    assert [at_ms for at_ms, *_ in events] == sorted(at_ms for at_ms, *_ in events)
    assert summary.events == len(events)
    counted = {
        EventKind.VIEW: totals.views,
        EventKind.CLICK: totals.clicks,
        EventKind.ADD_TO_CART: totals.carts,
        EventKind.REDEMPTION: totals.redemptions,
        EventKind.DISMISS: totals.dismissals,
        EventKind.RECOMMENDED: totals.recommendations,
        EventKind.ARRIVED: totals.shoppers_arrived,
        EventKind.OFFER_CREATED: totals.offers_created,
    }
    assert {kind: kinds[kind] for kind in counted} == counted
    refused = Counter(REFUSAL_CODES[value] for _, kind, _, _, value in events if kind == EventKind.REFUSED)
    assert refused[TooManyRequests.code] == totals.refused_too_many_requests == totals.throttled > 0
    assert sum(summary.sold) == totals.redemptions


@pytest.mark.parametrize("name", shipped_names())
def test_every_law_of_the_business_holds_at_the_end_of_every_shipped_scenario(name):
    scenario = load_scenario(name)
    sales = [sale for sale in scenario.arrivals.flash_sales if sale.day == 0]
    days = 1 if scenario.stock.shock is None else scenario.stock.shock.day + 1
    twin = Twin(
        small(name, days=days, arrivals__flash_sales=[sale.model_dump() for sale in sales]), 7, 0, None
    )
    summary = twin.run()

    assert summary.totals.sessions > 100
    assert broken_laws(twin) == {}


STREAMS = ("offers_stream", "outbox_stream", "engagement_stream")
EFFECTS: dict[str, dict[str, Any]] = {
    "delay": {"delay_ms": {"mean": 20_000, "sigma": 1.5}},
    "window": {"batch_window_ms": 30_000},
    "small batches": {"batch_size": 1, "batch_window_ms": 5_000},
    "failures": {"failure_rate": 0.6},
    "duplicates": {"duplicate_rate": 0.5},
    "reordering": {"reorder_rate": 0.5},
    "all": {
        "delay_ms": {"mean": 5_000, "sigma": 1.0},
        "batch_window_ms": 2_000,
        "batch_size": 7,
        "failure_rate": 0.4,
        "duplicate_rate": 0.3,
        "reorder_rate": 0.3,
    },
}


@pytest.mark.parametrize("effect", EFFECTS)
def test_each_effect_of_the_weather_alone_leaves_every_law_intact(effect):
    weather: dict[str, Any] = {f"weather.{stream}": EFFECTS[effect] for stream in STREAMS}
    scarce = {"stock.units": {"low": 1, "high": 12}, "stock.restock.check_every_hours": 1}
    twin = Twin(small(**weather, **scarce, weather__functions=None), 3, 0, None)
    totals = twin.run().totals

    assert totals.stockouts > 0 < totals.pivots_opened
    happened = {
        "failures": totals.retries,
        "duplicates": totals.duplicates,
        "all": totals.retries * totals.duplicates,
    }
    assert happened.get(effect, 1) > 0
    assert broken_laws(twin) == {}


def test_functions_that_take_time_start_cold_and_leave_every_law_intact():
    functions = {"concurrency": 2, "cold_start_ms": 3_000, "warm_ms": 1_500, "idle_minutes": 2}
    twin = Twin(small(weather__functions=functions), 7, 0, None)
    totals = twin.run().totals

    assert totals.cold_starts > 0
    assert totals.throttled > 0 < totals.refused_too_many_requests
    assert broken_laws(twin) == {}


def test_good_weather_delivers_at_once_and_calls_take_no_time():
    calm = {f"weather.{stream}": None for stream in STREAMS}
    twin = Twin(small(**calm), 7, 0, None)
    totals = twin.run().totals

    assert (totals.throttled, totals.cold_starts, totals.retries, totals.duplicates) == (0, 0, 0, 0)
    assert totals.calls_count == totals.views + totals.clicks + totals.carts + totals.redemptions + (
        totals.dismissals
    )
    assert broken_laws(twin) == {}


def test_two_policies_meet_the_same_shoppers_at_the_same_first_visits():
    first_visits = []
    for boost in (0, 100):
        events, _ = told(small(policies__pivot_boost=boost, stock__units={"low": 1, "high": 9}))
        arrived = {
            user: (at_ms, value) for at_ms, kind, user, _, value in events if kind == EventKind.ARRIVED
        }
        first_visits.append({user: arrived[user] for user in range(150) if user in arrived})

    assert len(first_visits[0]) > 80
    assert first_visits[0] == first_visits[1]


def test_policies_reach_the_business():
    only_priority = {"priority_bp": 9_000, "relevance_bp": 0, "urgency_bp": 0, "inventory_bp": 1_000}
    twin = Twin(small(policies__weights=only_priority, policies__pivot_boost=33), 7, 0, None)
    twin.run()

    assert twin.system.world.weights.priority_bp == 9_000
    scarce = Twin(small(policies__pivot_boost=33, stock__units={"low": 1, "high": 9}), 7, 0, None)
    scarce.run()
    boosts = {pivot.boost for pivot in scarce.system.world.pivots.values()}
    assert boosts == {33}


def test_an_experiment_runs_from_the_first_moment_and_counts_users_by_variant():
    weights = {"priority_bp": 4_000, "relevance_bp": 3_000, "urgency_bp": 2_000, "inventory_bp": 1_000}
    variants = [
        {"name": "control", "share_bp": 5_000, "weights": weights},
        {"name": "keen", "share_bp": 5_000, "weights": {**weights, "priority_bp": 0, "relevance_bp": 7_000}},
    ]
    twin = Twin(small(policies__experiment={"id": "exp", "variants": variants}), 7, 0, None)
    summary = twin.run()

    assert set(summary.exposed) == {"control", "keen"}
    assert all(30 < users < 120 for users in summary.exposed.values())
    assert all(0 < summary.converted[name] <= users for name, users in summary.exposed.items())
    assert broken_laws(twin) == {}


def test_the_warm_up_is_told_but_not_counted():
    events, summary = told(small(days=1, warm_up_days=1))
    counted = [event for event in events if event[0] >= summary.counted_from_ms]

    assert len(summary.hours) == 24
    views = [event for event in counted if event[1] == EventKind.VIEW]
    assert summary.totals.views == len(views) < sum(event[1] == EventKind.VIEW for event in events)
    assert summary.totals.as_dict() == {
        name: sum(hour.counts.as_dict()[name] for hour in summary.hours) for name in summary.totals.as_dict()
    }


def test_where_counting_begins_changes_nothing_that_happens():
    """It begins at noon, and deliveries that are under way then stay under way."""
    slow = {f"weather.{stream}": {"delay_ms": {"mean": 3_600_000}} for stream in STREAMS}
    scarce = {
        "stock.units": {"low": 1, "high": 1},
        "stock.restock": {"check_every_hours": 1, "below_units": 1, "lead_time_hours": 0},
    }
    noon = {"arrivals.starts_at_hour": 12}
    told_events = [
        told(small(**slow, **scarce, **noon, days=2 - warm_up_days, warm_up_days=warm_up_days))[0]
        for warm_up_days in (0, 1)
    ]

    assert told_events[0] == told_events[1]


def test_the_same_calls_in_a_plain_loop_end_in_the_same_world():
    recording = record(small("bad-weather"), 7)
    plain = PlainLoop(recording)
    plain.play()

    assert recording.sessions > 100
    for part in ("offers", "shoppers", "pivots", "trend", "boards", "events", "redemptions", "outbox"):
        assert getattr(plain.world, part) == getattr(recording.world, part), part


def test_memory_does_not_grow_with_the_number_of_sessions():
    """Four times the days: what the world holds of events, and all memory in use, stays where it was."""
    held, events = [], []
    for days in (1, 4):
        frequent = {
            "population.visits_per_day": 30.0,
            "population.fruitless_visits": 0,
        }
        tracemalloc.start()
        twin = Twin(
            small(days=days, **frequent, population__users=20, catalogue__redemptions_per_user=0), 7, 0, None
        )
        tracemalloc.reset_peak()
        twin.run()
        held.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        events.append((twin.tally.events, len(twin.system.world.events)))

    assert events[1][0] > 3 * events[0][0]
    assert events[1][1] < 2 * max(events[0][1], 200)
    assert held[1] < 1.5 * held[0]


def test_tracked_events_reach_trending_through_both_streams():
    twin = Twin(small(), 7, 0, None)
    totals = twin.run().totals

    assert totals.calls_publish > 0 < totals.calls_count
    assert not twin.system.world.outbox
    assert {event.event_id for event in twin.system.world.events.values()} == set(
        twin.system.world.counted_at
    )
    assert EventType.VIEW in {event.event_type for event in twin.system.world.events.values()}
