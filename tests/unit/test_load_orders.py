"""What became of the orders of a run: nobody's answer counts as final, and an order that is lost is named."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from loadtests.objectives import Objectives, OrderObjectives, judge
from loadtests.orders import NoOrder, OrdersOutcome, asked_over_http, follow, kind_of
from tests.load_plans import recorded

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def an_order(
    status: str, *, placed_s: float = 0, took_s: float = 1, reason: str | None = None
) -> dict[str, object]:
    """An order as the API shows it."""
    placed, ended = (NOON + timedelta(seconds=at_s) for at_s in (placed_s, placed_s + took_s))
    history = [{"status": "PENDING", "at": placed.isoformat()}, {"status": status, "at": ended.isoformat()}]
    return {"status": status, "placedAt": placed.isoformat(), "reason": reason, "history": history}


class Hours:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now_s += seconds


def followed(answers, *, within_s=60.0):
    """Follow orders by their rows of answers, of which the last one stays; gives outcome and pauses."""
    hours = Hours()

    def ask(order_id):
        row = answers[order_id]
        return row.pop(0) if len(row) > 1 else row[0]

    outcome = follow(list(answers), ask, within_s=within_s, now_s=lambda: hours.now_s, sleep=hours.sleep)
    return outcome, hours.pauses


def test_orders_are_asked_for_until_each_is_final():
    pending, completed = an_order("PENDING"), an_order("COMPLETED", took_s=2)

    outcome, pauses = followed({"a": [completed], "b": [pending, NoOrder.NO_ANSWER, completed]})

    assert (outcome.accepted, outcome.ended, outcome.unfinished) == (2, {"COMPLETED": 2}, ())
    assert pauses == [0.5, 1.0]
    assert outcome.until_final_ms == pytest.approx((2_000, 2_000), rel=0.02)


def test_what_is_not_final_in_time_is_said_and_not_waited_for():
    outcome, pauses = followed({"a": [an_order("PAYMENT_PROCESSING")], "b": [NoOrder.NO_ANSWER]}, within_s=10)

    assert outcome.unfinished == ("a", "b")
    assert sum(pauses) <= 10
    assert followed({"a": [an_order("PENDING")]}, within_s=0)[1] == []


def test_an_order_that_the_shop_does_not_know_is_lost_at_once():
    outcome, pauses = followed({"a": [NoOrder.UNKNOWN], "b": [an_order("CANCELLED")]})

    assert (outcome.lost, outcome.ended, pauses) == (("a",), {"CANCELLED": 1}, [])
    assert outcome.share(len(outcome.lost)) == 0.5


def test_failures_are_counted_by_their_reason_without_figures_and_ids():
    reasons = [
        "LAPTOP001 is out of stock: 2 ordered, 1 left",
        "COFFEE001 is out of stock: 9 ordered, 0 left",
        "payment declined: insufficient funds",
    ]
    outcome, _ = followed({text: [an_order("FAILED", reason=text)] for text in reasons})

    assert outcome.reasons == {
        "… is out of stock: … ordered, … left": 2,
        "payment declined: insufficient funds": 1,
    }
    assert kind_of("the order could not be processed") == "the order could not be processed"


def test_completed_orders_a_second_count_from_the_first_placed_to_the_last_completed():
    orders = {str(n): [an_order("COMPLETED", placed_s=n, took_s=1)] for n in range(4)}
    outcome, _ = followed(orders | {"late": [an_order("FAILED", placed_s=50)]})

    assert outcome.completed_per_s == 1.0


def test_no_order_at_all_is_no_failure():
    outcome, _ = followed({})

    assert outcome == OrdersOutcome()
    assert list(outcome.lines()) == ["0 accepted: none final, 0 still in progress, 0 lost"]


def test_the_outcome_is_told_in_lines_and_kept_as_json():
    outcome, _ = followed(
        {"a": [an_order("COMPLETED")], "b": [an_order("FAILED", reason="declined")], "c": [NoOrder.UNKNOWN]}
    )

    assert list(outcome.lines()) == [
        "3 accepted: 1 COMPLETED, 1 FAILED, 0 still in progress, 1 lost",
        "1 FAILED: declined",
        "from placed to final: p50 1,008 ms, p95 1,008 ms",
        "1.0 completed a second",
    ]
    kept = json.loads(json.dumps(outcome.to_json()))
    assert (kept["accepted"], kept["lost"], kept["failed_because"]) == (3, ["c"], {"declined": 1})


def test_a_lost_order_is_a_miss_whatever_the_objectives_say(tmp_path):
    recording = recorded(tmp_path, {"place order": [0.1]})

    [verdict] = judge(Objectives(), recording, followed({"a": [NoOrder.UNKNOWN]})[0])

    assert (verdict.subject, verdict.objective, verdict.is_met) == ("orders", "lost_rate", False)
    assert judge(Objectives(), recording) == []


def test_order_objectives_are_held_against_time_failures_and_what_is_unfinished(tmp_path):
    wanted = Objectives(orders=OrderObjectives(final_p95_ms=1_500, failed_rate=0.5, unfinished_rate=0))
    outcome, _ = followed(
        {"a": [an_order("COMPLETED", took_s=2)], "b": [an_order("FAILED")], "c": [an_order("PENDING")]}
    )

    verdicts = judge(wanted, recorded(tmp_path, {}), outcome)

    assert [(each.objective, each.is_met) for each in verdicts] == [
        ("lost_rate", True),
        ("final_p95_ms", False),
        ("failed_rate", True),
        ("unfinished_rate", False),
    ]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(200, json={"status": "PENDING"}), {"status": "PENDING"}),
        (httpx.Response(404, json={"code": "unknown_order"}), NoOrder.UNKNOWN),
        (httpx.Response(503, json={"code": "busy"}), NoOrder.NO_ANSWER),
        (httpx.Response(200, text="<html>"), NoOrder.NO_ANSWER),
        (httpx.ConnectError("refused"), NoOrder.NO_ANSWER),
    ],
)
def test_only_a_404_means_that_there_is_no_order(answer, expected):
    asked = []

    def reply(request):
        asked.append((str(request.url), request.headers["X-API-Key"]))
        if isinstance(answer, Exception):
            raise answer
        return answer

    with asked_over_http("http://shop.test/prod", "the-key", httpx.MockTransport(reply)) as ask:
        assert ask("order-1") == expected
    assert asked == [("http://shop.test/prod/orders/order-1", "the-key")]
