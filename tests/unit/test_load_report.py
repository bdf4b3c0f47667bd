"""A result as files: one set of figures, whether read by a person, a table or the dashboard."""

import csv
import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from loadtests.html_report import write_html
from loadtests.objectives import Verdict
from loadtests.orders import OrdersOutcome
from loadtests.recording import Recorder, Recording
from loadtests.report import MOST_ROWS, Result, second_rows, write_files
from tests.load_plans import a_plan, recorded

STARTED = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
MISSED = Verdict("all", "p95_ms", 50, 110.0)


def a_result(recording, *, plan=None, status="complete", verdicts=(), invalid=(), orders=None):
    return Result(plan or a_plan(), recording, STARTED, status, verdicts, invalid, orders)


def test_run_json_names_settings_verdict_and_both_latencies(tmp_path):
    write_files(a_result(recorded(tmp_path, {"track": [0.1] * 20}), verdicts=[MISSED]), tmp_path)

    run = json.loads((tmp_path / "run.json").read_text())
    assert (run["verdict"], run["valid"], run["status"]) == ("missed", True, "complete")
    assert run["settings"]["rate"] == 10
    assert run["started_at"] == "2026-03-01T12:30:00+00:00"
    assert run["outcomes"] == {"ok": 20, "refused": 0, "turned away": 0, "failed": 0}
    assert run["latency_ms"]["service_p95_ms"] == pytest.approx(100, rel=0.02)
    assert run["latency_ms"]["intended_p95_ms"] == pytest.approx(110, rel=0.02)
    assert run["generator_cpu"] == {"worker 0": {"mean_percent": 20, "max_percent": 20, "busy_share": 0}}
    assert json.loads((tmp_path / "objectives.json").read_text()) == [
        {"subject": "all", "objective": "p95_ms", "limit": 50, "measured": 110.0, "met": False}
    ]


@pytest.mark.parametrize(
    ("verdicts", "invalid", "expected"),
    [
        ([], [], "met"),
        ([MISSED], [], "missed"),
        ([MISSED], ["too slow"], "invalid"),
        ([], ["too slow"], "invalid"),
    ],
)
def test_an_invalid_run_is_neither_met_nor_missed(tmp_path, verdicts, invalid, expected):
    result = a_result(recorded(tmp_path, {"track": [0.1]}), verdicts=verdicts, invalid=invalid)

    assert result.verdict == expected


def test_throughput_counts_the_time_in_which_load_was_sent(tmp_path):
    recorder = Recorder(tmp_path, "worker 0")
    for second in range(13):  # three seconds of last visits behind the ten of the plan
        for _ in range(20 if second < 10 else 1):
            recorder.second.requests["track"].add(0.01, 0.01, "ok", "")
        recorder.flush(second, 10.0, 0)
    result = a_result(Recording(tmp_path).update())

    assert (result.seconds, result.per_second(), result.per_second("track")) == (10, 20, 20)
    assert result.recording.total.all_requests().requests == 203


def test_requests_csv_has_every_request_and_all_together_last(tmp_path):
    recording = recorded(tmp_path, {"track": [0.1] * 3, "redeem": [0.2]})
    write_files(a_result(recording), tmp_path)

    rows = list(csv.DictReader((tmp_path / "requests.csv").open()))

    assert [(row["request"], row["requests"], row["ok"]) for row in rows] == [
        ("redeem", "1", "1"),
        ("track", "3", "3"),
        ("all", "4", "4"),
    ]


def test_a_long_run_is_shown_in_steps_that_lose_no_request(tmp_path):
    recorder = Recorder(tmp_path, "worker 0")
    for second in range(2 * MOST_ROWS + 1):
        recorder.second.requests["track"].add(0.01, 0.01, "ok", "")
        recorder.flush(second, 90.0 if second == 4 else 10.0, second % 7)
    recording = Recording(tmp_path).update()

    rows = list(second_rows(recording))

    assert len(rows) <= MOST_ROWS
    assert sum(row["requests"] for row in rows) == 2 * MOST_ROWS + 1
    steps = [(row["step_s"], row["under_way"], row["cpu_percent_max"]) for row in rows]
    assert steps[:3] == [(3, 2, 10), (3, 5, 90), (3, 1, 10)]  # under way at the end, CPU at its most


def test_the_last_step_of_a_long_run_is_as_long_as_what_is_left(tmp_path):
    recorder = Recorder(tmp_path, "worker 0")
    for second in range(3 * MOST_ROWS + 3):
        recorder.flush(second, 10.0, 5)

    last = list(second_rows(Recording(tmp_path).update()))[-1]

    assert (last["second"], last["step_s"], last["under_way"]) == (3 * MOST_ROWS, 3, 5)


def test_a_second_without_answers_has_no_latency_and_is_no_gap(tmp_path):
    recorder = Recorder(tmp_path, "worker 0")
    for second in (0, 2):
        recorder.second.requests["track"].add(0.01, 0.01, "ok", "")
        recorder.flush(second, 10.0, 0)

    rows = list(second_rows(Recording(tmp_path).update()))

    assert [(row["second"], row["requests"]) for row in rows] == [(0, 1), (1, 0), (2, 1)]
    assert rows[1]["intended_p95_ms"] is None


def test_the_html_report_says_the_verdict_in_words_and_escapes_what_it_shows(tmp_path):
    plan = a_plan(scenario="<script>alert(1)</script>")
    recording = recorded(tmp_path, {"track": [0.1] * 3}, due=40, waited=4, dropped=1)
    write_html(a_result(recording, plan=plan, status="partial", verdicts=[MISSED]), tmp_path)

    report = (tmp_path / "report.html").read_text()

    assert "Objectives are missed · cut short, so partial" in report
    assert "missed by 60 ms (2.20 times the limit)" in report
    assert "40 visits were due; 4 waited for a place" in report
    assert "<script>alert(1)" not in report


def test_what_became_of_the_orders_is_in_the_run_and_in_the_report(tmp_path):
    orders = OrdersOutcome(accepted=3, ended=Counter(COMPLETED=2), lost=("<order-1>",))
    write_files(a_result(recorded(tmp_path, {"place order": [0.1] * 3}), orders=orders), tmp_path)
    write_html(a_result(Recording(tmp_path).update(), orders=orders), tmp_path)

    run = json.loads((tmp_path / "run.json").read_text())
    report = (tmp_path / "report.html").read_text()
    assert (run["orders"]["accepted"], run["orders"]["lost"]) == (3, ["<order-1>"])
    assert "<h2>Orders</h2>" in report
    assert "3 accepted: 2 COMPLETED, 0 still in progress, 1 lost" in report


def test_a_run_without_orders_says_nothing_of_them(tmp_path):
    write_files(a_result(recorded(tmp_path, {"track": [0.1]})), tmp_path)
    write_html(a_result(Recording(tmp_path).update()), tmp_path)

    assert json.loads((tmp_path / "run.json").read_text())["orders"] is None
    assert "<h2>Orders</h2>" not in (tmp_path / "report.html").read_text()


def test_a_run_without_any_answer_still_has_a_report(tmp_path):
    result = a_result(Recording(tmp_path).update(), status="partial", invalid=["no request was answered"])
    write_files(result, tmp_path)
    write_html(result, tmp_path)

    assert json.loads((tmp_path / "run.json").read_text())["verdict"] == "invalid"
    assert "no request was answered" in (tmp_path / "report.html").read_text()
