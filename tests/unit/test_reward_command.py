"""`make rewards`: the days that are asked for, and what is said about them."""

import io
import json
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from harness.rewards import days_asked_for, line_of, remarks, rewards, table_of
from harness.settings import Refusal
from offerloop.rewards.model import NOTHING

REPORT = {
    "date": "2026-11-20",
    "key": "daily-rewards/2026-11-20.json",
    "entries": 23,
    "total_issued": 1500.0,
    "total_redeemed": 750.0,
    "net_rewards": 750.0,
    "rewritten": True,
    "more_entries": None,
}


class Functions:
    """A function that answers a list, one after the other; keeps what it was asked."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:
        assert FunctionName == "test-daily-rewards"
        self.asked.append(json.loads(Payload))
        answer = self.answers.pop(0)
        failed = {"FunctionError": "Unhandled"} if "errorMessage" in answer else {}
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), **failed}


def run(monkeypatch: pytest.MonkeyPatch, functions: Functions, **variables: str) -> tuple[int, str]:
    """The exit code and the output of the command."""
    for name in ("DAY", "FROM", "TO", "PARTIAL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    today = date(2026, 11, 22), NOTHING.plus([("ISSUED", 150_050), ("REDEEMED", 5)])
    monkeypatch.setattr("harness.rewards.today_so_far", lambda *_: today)
    output = io.StringIO()
    system = SimpleNamespace(client=lambda service, **config: functions, named=lambda name: f"test-{name}")
    return rewards(system, Console(file=output, width=200)), output.getvalue()  # type: ignore[arg-type]


def test_one_day_is_asked_for():
    assert days_asked_for({"DAY": "2026-11-20"}.get) == [date(2026, 11, 20)]


def test_without_a_day_it_is_the_last_that_is_over_where_the_business_is(monkeypatch):
    functions = Functions(REPORT)

    code, output = run(monkeypatch, functions)

    assert (code, "2026-11-20" in output) == (0, True)
    [asked] = functions.asked
    assert "day" not in asked
    assert asked["time"].endswith("+00:00")


def test_a_month_has_all_its_days():
    days = days_asked_for({"FROM": "2026-10-01", "TO": "2026-10-31"}.get)

    assert (len(days), days[0], days[-1]) == (31, date(2026, 10, 1), date(2026, 10, 31))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"DAY": "2026-11-31"}, "is no day"),
        ({"DAY": "20.11.2026"}, "is no day"),
        ({"FROM": "2026-10-01"}, "together"),
        ({"TO": "2026-10-01"}, "together"),
        ({"DAY": "2026-10-01", "TO": "2026-10-02"}, "not both"),
        ({"FROM": "2026-10-02", "TO": "2026-10-01"}, "give 1 to"),
        ({"FROM": "0001-01-01", "TO": "2026-10-01"}, "give 1 to"),
    ],
)
def test_days_that_cannot_be_meant_are_refused(given, words):
    with pytest.raises(Refusal, match=words):
        days_asked_for(given.get)


def test_a_run_that_is_not_done_is_carried_on(monkeypatch):
    unfinished = {"run": {"lists_read": 3}, "attended": True}
    functions = Functions(unfinished, REPORT)

    code, _ = run(monkeypatch, functions, DAY="2026-11-20")

    assert code == 0
    assert functions.asked == [{"attended": True, "partial": False, "day": "2026-11-20"}, unfinished]


def test_a_day_that_another_run_wrote_meanwhile_is_run_again(monkeypatch):
    functions = Functions({"code": "busy", "refused": "written by another run"}, REPORT)

    assert run(monkeypatch, functions, DAY="2026-11-20")[0] == 0
    assert functions.answers == []


def test_a_refused_day_is_told_and_leaves_the_others(monkeypatch):
    refused = {"code": "day_not_over", "refused": "2026-11-21 is not over yet in UTC"}
    functions = Functions(REPORT, refused, {"errorMessage": "broken"})

    code, output = run(monkeypatch, functions, FROM="2026-11-20", TO="2026-11-22")

    assert code == 1
    assert "1,500.00" in output
    assert "2026-11-21 is not over yet in UTC" in output
    assert "the function failed: broken" in output


def test_a_part_of_a_day_is_asked_for_only_by_name(monkeypatch):
    functions = Functions(REPORT)

    run(monkeypatch, functions, DAY="2026-11-20", PARTIAL="1")

    assert functions.asked[0]["partial"] is True


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "written"),
        ({"rewritten": False}, "unchanged"),
        ({"key": "daily-rewards/2026-11-20-partial.json"}, "written, so far"),
    ],
)
def test_it_is_said_what_became_of_a_days_file(changes, words):
    table = table_of([{**REPORT, **changes}])

    assert list(table.columns[-1].cells) == [words]


def test_today_is_told_as_the_stream_has_counted_it(monkeypatch):
    _, output = run(monkeypatch, Functions(REPORT), DAY="2026-11-20")

    assert "issued 1,500.50, redeemed 0.05, 2 entries" in output
    assert "issued 0.00, redeemed 0.00, 0 entries" in line_of(date(2026, 11, 22), NOTHING)


@pytest.mark.parametrize(("more", "words"), [(3, "3 entries came late"), (-1, "1 entries are gone")])
def test_what_somebody_should_know_is_said(more, words):
    [line] = remarks({**REPORT, "more_entries": more})

    assert words in line


@pytest.mark.parametrize("more", [None, 0])
def test_a_day_as_it_should_be_needs_no_words(more):
    assert list(remarks({**REPORT, "more_entries": more})) == []
