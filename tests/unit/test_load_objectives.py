"""Objectives: a file says what it may, and a missed one says by how much."""

from pathlib import Path

import pytest

from loadtests.objectives import (
    DEFAULT_OBJECTIVES,
    Objectives,
    ObjectivesError,
    RunObjectives,
    Verdict,
    judge,
    load_objectives,
)
from loadtests.recording import FAILED, REFUSED, TURNED_AWAY
from tests.load_plans import recorded


def written(folder: Path, text: str) -> Path:
    path = folder / "objectives.yaml"
    path.write_text(text)
    return path


def test_the_file_that_ships_is_valid_and_counts_from_the_intended_start():
    assert load_objectives(DEFAULT_OBJECTIVES).latency_from == "intended"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all:\n  p95_ms: 5\n  p90_ms: 5\n", ":3: all.p90_ms: Extra inputs are not permitted"),
        ("all: {p95_ms: 0}", ":1: all.p95_ms: Input should be greater than 0"),
        ("all:\n\n  error_rate: 2\n", ":3: all.error_rate: Input should be less than or equal to 1"),
        ("requests:\n  redemption: {p95_ms: 5}\n", ":1: requests: Value error, no such request: redemption;"),
        ("requests:\n  redeem:\n    p99_ms: .nan\n", ":3: requests.redeem.p99_ms: Input should be a finite"),
        ("latency_from: wish", ":1: latency_from: Input should be 'intended' or 'service'"),
        ("- p95_ms", ":1: must be a mapping: keys and values"),
        ("all: {}\nall: {}", ":2: all: given twice"),
        ("requests: " + "[" * 5000, ":1: nested too deeply"),
        ("all: {p95_ms", ":1: not YAML: "),
    ],
)
def test_what_a_file_may_not_say_is_refused_with_file_line_and_key(tmp_path, text, expected):
    path = written(tmp_path, text)

    with pytest.raises(ObjectivesError) as refused:
        load_objectives(path)

    assert str(refused.value).startswith(f"{path}{expected}")


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ObjectivesError, match=r"none\.yaml: cannot be read"):
        load_objectives(tmp_path / "none.yaml")


def test_a_missed_objective_says_which_and_by_how_much():
    assert [
        Verdict("all", "p95_ms", 100, 250.4).line(),
        Verdict("redeem", "error_rate", 0.01, 0.05).line(),
        Verdict("all", "turned_away_rate", 0, 0.5).line(),
        Verdict("all", "p99_ms", 100, 99).line(),
        Verdict("redeem", "p95_ms", 100, None).line(),
    ] == [
        "all p95_ms: 250 ms, limit 100 ms: missed by 150 ms (2.50 times the limit)",
        "redeem error_rate: 5.00 %, limit 1.00 %: missed by 4.00 % (5.00 times the limit)",
        "all turned_away_rate: 50.00 %, limit 0.00 %: missed by 50.00 % (none is allowed)",
        "all p99_ms: 99 ms, limit 100 ms",
        "redeem p95_ms: nothing measured",
    ]


def test_every_objective_is_held_against_its_requests_and_arrivals(tmp_path):
    objectives = load_objectives(
        written(
            tmp_path,
            "all: {p95_ms: 50, dropped_share: 0.1}\nrequests: {track: {p99_ms: 150}, redeem: {p95_ms: 1}}",
        )
    )
    recording = recorded(tmp_path, {"recommend": [0.02] * 10, "track": [0.1] * 10}, due=20, dropped=5)

    verdicts = judge(objectives, recording)

    assert [(one.subject, one.objective, one.is_met) for one in verdicts] == [
        ("all", "p95_ms", False),
        ("all", "dropped_share", False),
        ("track", "p99_ms", True),
        ("redeem", "p95_ms", True),  # there was none
    ]
    assert [one.measured and round(one.measured, 2) for one in verdicts[1:]] == [
        0.25,
        pytest.approx(110, 0.02),
        None,
    ]


def test_latency_may_be_judged_from_sending(tmp_path):
    recording = recorded(tmp_path, {"track": [0.1] * 10})
    limit = RunObjectives(p95_ms=105)

    assert not judge(Objectives(all=limit), recording)[0].is_met  # 110 ms from the intended start
    assert judge(Objectives(all=limit, latency_from="service"), recording)[0].is_met


@pytest.mark.parametrize(
    ("outcome", "error_rate", "turned_away_rate"),
    [((REFUSED, "out_of_stock"), 0, 0), ((TURNED_AWAY, "busy"), 0, 1), ((FAILED, "http_500"), 1, 0)],
)
def test_a_business_refusal_is_an_answer_429_and_503_are_apart_and_the_rest_are_errors(
    tmp_path, outcome, error_rate, turned_away_rate
):
    recording = recorded(tmp_path, {"redeem": [0.01]}, outcome=outcome)
    limits = RunObjectives(error_rate=0.5, turned_away_rate=0.5)

    assert [one.measured for one in judge(Objectives(all=limits), recording)] == [
        error_rate,
        turned_away_rate,
    ]
