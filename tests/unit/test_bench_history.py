"""Earlier runs of the bench: kept in one file outside of the repository, compared on one machine only."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.bench import history
from harness.bench.figures import Bar, Figure
from harness.bench.history import PastRun
from harness.bench.machine import Machine
from harness.settings import Refusal

LAPTOP = Machine("a processor", 2, "Linux", "3.11")
NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)


def a_run(*figures: Figure, machine: Machine = LAPTOP) -> PastRun:
    return history.past_run(NOON, "v1-3-gabcdef", machine, 0.25, False, figures, {"race": "no answer"})


def a_time(*samples: float) -> Figure:
    return Figure("up.fresh_s", "make up", "s", samples, Bar("≤", 6))


def a_speed(*samples: float) -> Figure:
    return Figure("twin.sessions_per_s", "sessions", "/s", samples, Bar("≥", 10_000, floor=4_200))


def test_what_is_appended_is_read_back_whole_and_in_order(tmp_path: Path) -> None:
    file = tmp_path / "deep/bench.jsonl"
    runs = [a_run(a_time(4.0, 5.0, 6.0)), a_run(a_speed(9_000.0))]

    for run in runs:
        history.append(file, run)

    assert history.read(file) == runs


def test_a_kept_run_has_every_figure_with_its_spread_bar_and_verdict() -> None:
    assert a_run(a_time(4.0, 5.0, 9.0)).figures == {
        "up.fresh_s": {
            "value": 5.0,
            "low": 4.5,
            "high": 7.0,
            "rounds": 3,
            "unit": "s",
            "bar": "≤ 6",
            "verdict": "held",
        }
    }


def test_a_line_cut_short_by_a_full_disk_costs_that_run_only(tmp_path: Path) -> None:
    file = tmp_path / "bench.jsonl"
    history.append(file, a_run(a_time(4.0)))
    with file.open("a") as broken:
        broken.write('{"at": "2027-01-15T12:\n[]\n')
    history.append(file, a_run(a_time(5.0)))

    assert [run.value("up.fresh_s") for run in history.read(file)] == [4.0, 5.0]


def test_there_is_no_history_before_the_first_run(tmp_path: Path) -> None:
    assert history.read(tmp_path / "none.jsonl") == []


def test_a_file_that_cannot_be_written_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Refusal, match="BENCH_HISTORY= names another file"):
        history.append(tmp_path / "file/bench.jsonl", a_run(a_time(4.0)))


def test_the_file_is_where_programs_of_the_user_keep_their_state_or_where_he_says() -> None:
    files = [
        history.history_file({"XDG_STATE_HOME": "/state"}),
        history.history_file({}),
        history.history_file({"XDG_STATE_HOME": "/state", "BENCH_HISTORY": "/kept/mine.jsonl"}),
    ]

    assert files == [
        Path("/state/offerloop/bench.jsonl"),
        Path.home() / ".local/state/offerloop/bench.jsonl",
        Path("/kept/mine.jsonl"),
    ]


def test_figures_of_another_machine_are_not_compared() -> None:
    here, there = a_run(a_time(4.0)), a_run(a_time(1.0), machine=replace(LAPTOP, cores=64))

    assert history.on_machine([here, there], LAPTOP) == [here]


def test_a_time_a_fifth_above_the_upper_quartile_got_worse() -> None:
    earlier = [a_run(a_time(seconds)) for seconds in (4.0, 4.0, 5.0, 5.0, 5.0)]  # quartiles 4 and 5

    assert history.regression(a_time(6.0), earlier) is None
    assert history.regression(a_time(6.1), earlier) == (
        "up.fresh_s got worse: 6.10 s, the last 5 runs had 4 to 5"
    )


def test_a_speed_a_fifth_below_the_lower_quartile_got_worse_and_a_better_one_never_does() -> None:
    earlier = [a_run(a_speed(speed)) for speed in (10_000.0, 10_000.0, 12_000.0, 12_000.0)]

    verdicts = [
        history.regression(a_speed(speed), earlier) is not None for speed in (7_900.0, 8_000.0, 50_000.0)
    ]

    assert verdicts == [True, False, False]


def test_three_runs_are_too_few_to_call_anything_worse() -> None:
    assert history.regression(a_time(600.0), [a_run(a_time(4.0))] * 3) is None


def test_only_the_last_twenty_runs_count() -> None:
    slow_long_ago = [a_run(a_time(60.0))] * 30 + [a_run(a_time(4.0))] * 20

    assert history.regression(a_time(6.0), slow_long_ago) is not None


def test_runs_that_left_the_row_out_do_not_count() -> None:
    earlier = [a_run(a_time(4.0))] * 4 + [a_run(a_speed(9_000.0))] * 20

    assert history.regression(a_time(6.0), earlier) is not None
