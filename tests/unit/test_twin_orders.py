"""Orders in the twin: nothing lost, doubled or left hanging, whatever payments, queues and processors do."""

from collections import Counter
from typing import Any

import pytest

from offerloop.orders.model import IN_PROGRESS, OrderStatus
from simulator.invariants import check_invariants
from simulator.scenario import Scenario, ScenarioError, load_scenario
from simulator.twin import EventKind, ReplicationSummary, Twin
from simulator.twin.plain_loop import record

STORM: dict[str, Any] = {
    "orders.payments": {
        "answer_ms": {"mean": 800, "sigma": 1.0},
        "declined": 0.1,
        "timed_out": 0.15,
        "late": 0.1,
        "twice": 0.1,
        "failing": 0.15,
    },
    "orders.queue": {
        "delay_ms": {"mean": 2_000, "sigma": 1.0},
        "concurrency": 3,
        "step_ms": 100.0,
        "failure_rate": 0.4,
        "duplicate_rate": 0.5,
    },
    "orders.afterwards": {
        "cancelled_share": 0.3,
        "cancelled_after_minutes": 0.05,
        "returned_share": 0.5,
        "returned_after_hours": 2.0,
    },
}
FEW_UNITS = {"orders.products.units": {"low": 3, "high": 8}, "stock.units": {"low": 5, "high": 20}}


class Listed:
    """A sink that keeps every event."""

    def __init__(self) -> None:
        self.events: list[tuple[int, int, int, int, int]] = []

    def event(self, *told: int) -> None:
        self.events.append(told)

    def close(self) -> None:
        pass


def small(**overrides: Any) -> Scenario:
    """The scenario with orders, on one day with few shoppers."""
    keys = {"days": 1, "warm_up_days": 0, "population.users": 150, "population.visits_per_day": 3.0}
    return load_scenario("checkout", {**keys, **overrides})


def run(scenario: Scenario, seed: int = 7) -> tuple[Twin, ReplicationSummary, Listed]:
    sink = Listed()
    twin = Twin(scenario, seed, 0, sink)
    return twin, twin.run(), sink


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_a_storm_every_order_ends_once_and_the_laws_hold(seed):
    twin, summary, _ = run(small(**STORM, **FEW_UNITS), seed)
    totals, orders = summary.totals, twin.system.world.orders

    assert totals.orders_placed == len(orders) > 50
    assert not [order for order in orders.values() if order.status in IN_PROGRESS]
    broken = {each.name: each.detail for each in check_invariants(twin.snapshot()) if not each.holds}
    assert broken == {}
    by_end = Counter(order.status for order in orders.values())
    assert by_end[OrderStatus.FAILED] == totals.orders_failed > 0
    assert by_end[OrderStatus.CANCELLED] == totals.orders_cancelled > 0
    assert totals.orders_placed == totals.orders_completed + totals.orders_failed + totals.orders_cancelled
    assert min(totals.duplicates, totals.retries) > 0


def test_what_the_shop_keeps_is_what_was_taken_less_what_was_given_back():
    twin, summary, _ = run(small(**STORM))

    assert twin.system.orders is not None
    assert twin.system.orders.payments.kept == summary.totals.cents_taken - summary.totals.cents_given_back
    assert summary.totals.cents_given_back > 0


def test_what_is_told_is_what_is_counted():
    _, summary, sink = run(small(**STORM))
    told, totals = Counter(EventKind(kind) for _, kind, *_ in sink.events), summary.totals

    assert {
        EventKind.ORDERED: totals.orders_placed,
        EventKind.ORDER_COMPLETED: totals.orders_completed,
        EventKind.ORDER_FAILED: totals.orders_failed,
        EventKind.ORDER_CANCELLED: totals.orders_cancelled,
        EventKind.ORDER_REFUNDED: totals.orders_refunded,
        EventKind.REDEMPTION: totals.redemptions,
    }.items() <= told.items()
    assert totals.redemptions == totals.orders_completed  # each with one unit of one offer
    cents = sum(value for _, kind, _, _, value in sink.events if kind == EventKind.ORDERED)
    assert cents == totals.cents_ordered


def test_the_same_seed_tells_the_same_and_another_seed_something_else():
    first, again, other = (run(small(**STORM), seed)[2].events for seed in (7, 7, 8))

    assert first == again
    assert first != other


def test_one_processor_at_a_time_lets_orders_wait():
    slow = {"orders.queue": {"step_ms": 20_000.0, "concurrency": 1}}
    wide = {"orders.queue": {"step_ms": 20_000.0, "concurrency": 100}}

    seconds = [
        totals.order_seconds / totals.orders_completed
        for totals in (run(small(**queue))[1].totals for queue in (wide, slow))
    ]

    assert seconds[0] == pytest.approx(80, abs=3)  # four stages of 20 s, and the payment
    assert seconds[1] > 1.2 * seconds[0]


def test_declined_payments_are_failed_orders():
    totals = run(small(**{"orders.payments": {"declined": 0.25}}))[1].totals

    assert totals.orders_failed / totals.orders_placed == pytest.approx(0.25, abs=0.1)


def test_products_that_run_low_are_filled_up():
    restock = {"check_every_hours": 1, "below_units": 5, "lead_time_hours": 1}
    totals = run(small(**FEW_UNITS, **{"stock.restock": restock, "days": 2}))[1].totals

    assert totals.products_restocked > 0


def test_a_plain_loop_has_no_orders():
    with pytest.raises(ValueError, match="checkout has orders"):
        record(small(), 7)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"population.basket": None}, "is needed where there are orders"),
        ({"orders.products.number": 3}, "at least one for each of the 10 categories"),
        ({"orders.payments": {"declined": 0.6, "failing": 0.6}}, "must sum to at most 1"),
    ],
)
def test_orders_that_do_not_fit_the_rest_are_refused(overrides, said):
    with pytest.raises(ScenarioError, match=said):
        small(**overrides)
