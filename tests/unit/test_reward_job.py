"""daily-rewards and reward-totals as Lambda calls them: events in, reports out, runs that go on."""

import importlib
import json
from types import SimpleNamespace
from typing import Any

import pytest

from handlers import wiring, wiring_rewards
from handlers.aws.bonus_rows import entry_item
from handlers.reward_runs import run_as_json, run_of
from offerloop.errors import Busy, InvalidInput
from offerloop.rewards.aggregate_rewards import begin_run, read_on
from offerloop.rewards.days import zone_named
from simulator.memory.rewards import MemoryRunningTotals
from tests.rewards import TODAY, a_world, an_entry, analytics_of

RULE = {"detail-type": "Scheduled Event", "time": "2027-01-16T00:15:00Z"}
ASKED = {"attended": True, "day": "2027-01-15"}


class Context(SimpleNamespace):
    """Of an invocation with so many milliseconds left."""

    def __init__(self, left_ms: int = 900_000) -> None:
        super().__init__(
            function_name="daily-rewards",
            memory_limit_in_mb=1769,
            invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:daily-rewards",
            aws_request_id="request-1",
            get_remaining_time_in_millis=lambda: left_ms,
        )


def function(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function's module; it reads these two when it is loaded."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Offerloop")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "offerloop")
    return importlib.import_module(f"handlers.{name}")


@pytest.fixture
def daily_rewards(monkeypatch: pytest.MonkeyPatch) -> Any:
    return function("aggregate_rewards", monkeypatch)


@pytest.fixture
def analytics(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Seven entries, in pages of two."""
    found = analytics_of(a_world(*(an_entry(number) for number in range(1, 8))), page=2)
    monkeypatch.setattr(wiring_rewards, "reward_analytics", lambda: found)
    return found


@pytest.fixture
def invoked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the function invokes, instead of Lambda."""
    calls: list[dict[str, Any]] = []
    functions = SimpleNamespace(invoke=lambda **request: calls.append(request))
    monkeypatch.setattr(wiring, "client", {"lambda": functions}.__getitem__)
    return calls


def metrics_in(output: str) -> dict[str, Any]:
    """The metrics that were logged."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return {name: value for line in lines if "_aws" in line for name, value in line.items()}


def test_a_rules_event_is_over_the_last_day_that_was_over_then(daily_rewards, analytics):
    analytics.clock.move_on(5 * 86_400)  # a late second try is over the same day

    answer = daily_rewards.handle(RULE, Context())

    assert (answer["date"], answer["total_issued"], answer["entries"]) == ("2027-01-15", 7.0, 7)
    assert analytics.files.read("daily-rewards/2027-01-15.json") is not None


def test_a_person_gets_any_day(daily_rewards, analytics):
    answer = daily_rewards.handle({"attended": True, "day": "2026-12-31"}, Context())

    assert (answer["date"], answer["entries"], answer["metrics_published"]) == ("2026-12-31", 0, False)


def test_a_person_is_told_what_is_refused(daily_rewards, analytics):
    answer = daily_rewards.handle({"attended": True, "day": "2027-01-16"}, Context())

    assert answer == {"code": "day_not_over", "refused": "2027-01-16 is not over yet in UTC"}


@pytest.mark.parametrize("day", ["", "2027-13-01", "yesterday", 20270115, None])
def test_a_day_that_is_none_is_refused(daily_rewards, analytics, day):
    assert daily_rewards.handle({"attended": True, "day": day}, Context())["code"] == "invalid_input"
    with pytest.raises(InvalidInput):
        daily_rewards.handle({"day": day}, Context())


def test_what_nobody_waits_for_fails_so_that_it_is_tried_again(daily_rewards, analytics, monkeypatch):
    def changed(*_: object) -> None:
        raise Busy("written by another run")

    monkeypatch.setattr(analytics.files, "write", changed)

    with pytest.raises(Busy):
        daily_rewards.handle(RULE, Context())


def test_a_part_of_a_day_is_asked_for_by_name(daily_rewards, analytics):
    analytics.clock.move_on(-3_600)  # before the day's end

    answer = daily_rewards.handle({**ASKED, "partial": True}, Context())

    assert answer["key"] == "daily-rewards/2027-01-15-partial.json"
    assert daily_rewards.handle(ASKED, Context())["code"] == "day_not_over"


def test_a_run_without_time_goes_on_by_itself_to_the_same_file(daily_rewards, analytics, invoked):
    event, invocations = RULE, 0
    while True:
        answer = daily_rewards.handle(event, Context(left_ms=1_000))
        invocations += 1
        if "run" not in answer:
            break
        [call] = invoked
        assert (call["FunctionName"], call["InvocationType"]) == ("daily-rewards", "Event")
        event = json.loads(call["Payload"])
        invoked.clear()

    assert (invocations, invoked, answer["entries"]) == (4, [], 7)


def test_a_person_who_waits_carries_the_run_on(daily_rewards, analytics, invoked):
    answer = daily_rewards.handle(ASKED, Context(left_ms=1_000))
    while "run" in answer:
        answer = daily_rewards.handle(json.loads(json.dumps(answer)), Context(left_ms=1_000))

    assert (answer["entries"], invoked) == (7, [])


def test_a_run_comes_back_as_it_was_handed_on(analytics):
    run = read_on(begin_run(TODAY, analytics), analytics, goes_on=lambda: False)

    assert run.cursor is not None
    assert run_of(json.loads(json.dumps(run_as_json(run)))) == run


def test_late_entries_are_logged_and_counted(daily_rewards, analytics, capsys, caplog):
    daily_rewards.handle(ASKED, Context())
    assert metrics_in(capsys.readouterr().out)["LateRewardEntries"] == [0.0]
    analytics.entries._world.entries["carl"] = [an_entry(1, customer_id="carl")]

    daily_rewards.handle(ASKED, Context())

    assert metrics_in(capsys.readouterr().out)["LateRewardEntries"] == [1.0]
    assert "Late reward entries" in caplog.messages


def test_entries_that_are_gone_are_logged(daily_rewards, analytics, caplog):
    daily_rewards.handle(ASKED, Context())
    analytics.entries._world.entries["ann"].pop()

    daily_rewards.handle(ASKED, Context())

    assert "Reward entries are gone" in caplog.messages


def test_the_stream_is_counted_once_under_redelivery(monkeypatch, capsys):
    entries = [an_entry(number) for number in range(1, 4)]
    totals = MemoryRunningTotals(a_world(*entries))
    monkeypatch.setattr(wiring_rewards, "running_totals", lambda: totals)
    monkeypatch.setattr(wiring_rewards, "business_zone", lambda: zone_named("UTC"))
    records = [
        {"dynamodb": {"SequenceNumber": str(entry.number), "NewImage": entry_item(entry)}}
        for entry in entries
    ]
    reward_totals = function("total_rewards", monkeypatch)

    first = reward_totals.handle({"Records": records}, Context())
    again = reward_totals.handle({"Records": records}, Context())

    assert first == again == {"batchItemFailures": []}
    assert totals.of(TODAY).entries == 3
