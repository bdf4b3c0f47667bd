"""The folder of a run: what is in it, whole or partial, and read back."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from simulator.runs.canonical import combined
from simulator.runs.metrics import METRICS
from simulator.runs.replication import Job, carry_out
from simulator.runs.results import NoRun, ResultsUnwritable, new_folder, read_run, runs_under
from simulator.runs.run import Plan, carry_out_plans
from simulator.runs.series import SERIES, read_series
from simulator.runs.statistics import estimate
from simulator.scenario import load_scenario
from tests.simulated_runs import small_scenario, tosses

SCENARIO = small_scenario(policies__pivot_boost=3)
STARTED = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)


def here(jobs):
    """Carries jobs out in this process, the last one first."""
    for place in reversed(range(len(jobs))):
        yield place, carry_out(jobs[place])


def a_run(path, replications=3, carry=here, **plan):
    return carry_out_plans([Plan(SCENARIO, 7, replications, path, simulate=tosses, **plan)], carry, STARTED)[
        0
    ]


@pytest.fixture
def run(tmp_path):
    return a_run(tmp_path / "one")


def test_a_run_is_read_back_as_it_was_kept(run):
    outcomes = [carry_out(Job(SCENARIO, 7, number, None, tosses)) for number in range(3)]
    redeemed = [float(outcome.summary.totals.redemptions) for outcome in outcomes]

    assert (run.scenario, run.scenario_digest, run.seed) == ("baseline", SCENARIO.digest, 7)
    assert (run.replications, run.numbers, run.complete, run.started_at) == (3, (0, 1, 2), True, STARTED)
    assert run.hash == combined(outcome.digest for outcome in outcomes)
    assert run.measured["redemptions"] == redeemed
    assert run.estimate("redemptions") == estimate(redeemed)
    assert set(run.measured) == set(METRICS)


def test_the_scenario_is_kept_so_that_it_can_run_again(run):
    assert load_scenario(run.path / "scenario.yaml") == SCENARIO


def test_the_record_tells_which_code_ran(run):
    facts = json.loads((run.path / "run.json").read_text())

    assert {"code_version", "code_digest", "python", "numpy", "seed", "seconds", "hash"} <= set(facts)
    assert all(facts[name] for name in ("code_version", "code_digest", "python", "numpy"))


def test_the_summary_has_metrics_with_intervals_and_totals_per_replication(run):
    summary = json.loads((run.path / "summary.json").read_text())

    known = estimate(run.measured["redemptions"])
    assert summary["metrics"]["redemptions"] == {
        "title": "Redemptions",
        "unit": "",
        "mean": known.mean,
        "low": known.low,
        "high": known.high,
        "values": run.measured["redemptions"],
    }
    assert [told["totals"]["redemptions"] for told in summary["replications"]] == run.measured["redemptions"]


def test_the_series_has_every_count_by_hour(run):
    outcomes = [carry_out(Job(SCENARIO, 7, number, None, tosses)) for number in range(3)]
    series = read_series(run.path / "series.parquet", ["redemptions", "units_left"])

    assert series == {
        "redemptions": [[hour.counts.redemptions for hour in each.summary.hours] for each in outcomes],
        "units_left": [[hour.units_left for hour in each.summary.hours] for each in outcomes],
    }
    table = pq.read_table(run.path / "series.parquet")
    assert table.column_names == ["replication", "hour", *SERIES]
    assert table["hour"].to_pylist() == list(range(24)) * 3


def test_event_files_are_there_unless_they_are_left_out_and_the_hash_is_the_same(run, tmp_path):
    without = a_run(tmp_path / "two", events=False)

    assert sorted(path.name for path in run.path.glob("events-*")) == [
        f"events-{number}.parquet" for number in range(3)
    ]
    assert (list(without.path.glob("events-*")), without.hash) == ([], run.hash)


def test_what_ends_a_run_early_leaves_the_finished_replications_marked_as_partial(tmp_path):
    def interrupted(jobs):
        yield 1, carry_out(jobs[1])
        (jobs[0].events.parent / "events-0.part").write_text("begun")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        a_run(tmp_path / "one", carry=interrupted)

    run = read_run(tmp_path / "one")
    outcome = carry_out(Job(SCENARIO, 7, 1, None, tosses))
    assert (run.status, run.finished, run.numbers) == ("partial", 1, (1,))
    assert run.measured["redemptions"] == [outcome.summary.totals.redemptions]
    assert run.hash == combined([outcome.digest])
    assert len(read_series(run.path / "series.parquet", ["sessions"])["sessions"]) == 1
    assert sorted(path.name for path in run.path.iterdir()) == [
        "events-1.parquet",
        "run.json",
        "scenario.yaml",
        "series.parquet",
        "summary.json",
    ]


def test_a_run_in_which_nothing_was_finished_can_be_read(tmp_path):
    def interrupted(_jobs):
        yield from ()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        a_run(tmp_path / "one", carry=interrupted)

    run = read_run(tmp_path / "one")
    assert (run.status, run.numbers, run.estimate("sessions")) == ("partial", (), None)


def test_a_folder_that_cannot_be_made_is_told_before_anything_runs():
    with pytest.raises(ResultsUnwritable, match="cannot write results to /dev/null/one: Not a directory"):
        carry_out_plans([Plan(SCENARIO, 7, 1, Path("/dev/null/one"))], lambda _jobs: iter(()), STARTED)


def test_runs_that_cannot_begin_leave_nothing(tmp_path):
    """The second folder cannot be made: a file is in its place."""
    (tmp_path / "b").write_text("a file")

    with pytest.raises(ResultsUnwritable):
        carry_out_plans([Plan(SCENARIO, 7, 1, tmp_path / name) for name in "ab"], lambda _: iter(()), STARTED)
    assert list(tmp_path.iterdir()) == [tmp_path / "b"]


def test_a_folder_that_holds_no_run_is_told(tmp_path):
    with pytest.raises(NoRun, match="holds no readable run"):
        read_run(tmp_path)


def test_the_list_has_runs_of_comparisons_too_and_passes_over_what_is_unreadable(tmp_path):
    a_run(tmp_path / "one", replications=1)
    a_run(tmp_path / "compared" / "a", replications=1)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    (a_run(tmp_path / "nested").path / "run.json").write_text("[" * 100_000)
    short = a_run(tmp_path / "short").path / "summary.json"
    told = json.loads(short.read_text())
    told["metrics"]["redemptions"]["values"].pop()
    short.write_text(json.dumps(told))

    listed = [run.path.relative_to(tmp_path).as_posix() for run in runs_under(tmp_path)]
    assert listed == ["compared/a", "one"]  # begun in the same second
    assert list(runs_under(tmp_path / "nowhere")) == []


def test_folders_of_the_same_second_get_numbers(tmp_path):
    """They are made at once, so that two runs that begin together never take the same."""
    first = new_folder(tmp_path, "baseline-7", STARTED)

    assert first.name == "baseline-7-20260302-123000"
    assert new_folder(tmp_path, "baseline-7", STARTED).name == "baseline-7-20260302-123000-1"
