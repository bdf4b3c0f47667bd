"""The page of simulation runs: what it lists, tells of one run, and says about two."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import simulation_data
from dashboard.simulation_data import Unreadable, runs, story
from dashboard.views import simulation
from simulator.runs.results import read_run
from simulator.runs.series import read_series
from simulator.runs.statistics import estimate
from tests.simulation_pages import fill


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    fill(folder)
    return folder


@pytest.fixture
def results(filled, monkeypatch):
    monkeypatch.setenv("RESULTS", str(filled))
    return filled


def draw(view):
    view.show(None)


def page():
    app = AppTest.from_function(draw, args=(simulation,), default_timeout=20).run()
    assert not app.exception, app.exception
    return app


def words(app):
    return "\n".join(element.value for kind in ("markdown", "caption", "code") for element in app.get(kind))


def test_without_runs_the_page_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.setenv("RESULTS", str(tmp_path))
    app = page()

    assert "make simulate SCENARIO=baseline" in words(app)
    assert not app.dataframe


def test_runs_are_listed_newest_first_and_partial_ones_marked(results):
    rows = page().dataframe[0].value

    assert list(rows["Replications"]) == ["2 of 5", "1 of 1", "5 of 5", "5 of 5"]
    assert list(rows["State"]) == ["◐ partial", "complete", "complete", "complete"]
    assert list(rows["Seed"]) == ["9", "8", "7", "7"]


def test_a_partial_run_says_so_and_shows_what_was_finished(results):
    app = page()

    assert [warning.value for warning in app.warning] == [
        "cut-short is partial: 2 of 5 replications finished."
    ]
    assert {metric.label for metric in app.metric} == {
        "Sessions",
        "Redemptions",
        "Conversion",
        "Lost sales",
        "Stockouts",
    }


def test_a_single_replication_has_no_interval(results):
    app = page()
    app.selectbox(key="run").set_value("single").run()

    assert not app.exception
    assert [metric.delta for metric in app.metric] == [""] * 5


def test_two_runs_of_one_seed_are_compared_pair_by_pair(results):
    app = page()
    app.selectbox(key="run").set_value("baseline-vs-baseline-7, A").run()
    app.selectbox(key="other").set_value("baseline-vs-baseline-7, B").run()

    assert not app.exception
    assert not app.warning
    assert "more redemptions" in words(app)
    assert "in 5 of 5 replications" in words(app)
    assert "`policies.pivot_boost`: 0 for A, 3 for B" in words(app)
    rows = app.dataframe[1].value.set_index("Metric")
    assert tuple(rows.loc["Redemptions", ["B − A", "Shown"]]) == ("144", "yes")  # 3 in each of 48 hours


def test_runs_of_two_seeds_are_compared_as_independent_ones(results):
    app = page()
    app.selectbox(key="run").set_value("baseline-vs-baseline-7, A").run()
    app.selectbox(key="other").set_value("cut-short").run()

    assert not app.exception
    assert "The seeds differ (7 and 9)" in words(app)


def test_a_story_has_the_mean_of_every_hour_with_its_interval(results):
    run = read_run(results / "baseline-vs-baseline-7" / "a")
    told = story(run)

    assert (told.step_h, len(told.days), told.days[-1]) == (1, 48, 2.0)
    assert sum(told.bands["redemptions"].mean) == pytest.approx(run.estimate("redemptions").mean)
    levels = told.bands["pivots_open"]
    assert (levels.mean, levels.low) == ((0.0, 1.0) * 24, (0.0, 1.0) * 24)


def test_long_runs_are_told_by_the_day(results, monkeypatch):
    monkeypatch.setattr(simulation_data, "HOURLY_UP_TO", 24)
    run = read_run(results / "baseline-vs-baseline-7" / "a")
    told = story(run)

    assert (told.step_h, told.days) == (24, [1.0, 2.0])
    assert sum(told.bands["redemptions"].mean) == pytest.approx(run.estimate("redemptions").mean)
    assert told.bands["sessions"].mean == (960.0, 960.0)
    assert told.bands["pivots_open"].mean == (1.0, 1.0)


def test_hours_that_cannot_be_read_are_told(tmp_path):
    fill(tmp_path)
    [run] = [run for run in runs(tmp_path) if run.name == "single"]
    (run.path / "series.parquet").write_bytes(b"not this")

    with pytest.raises(Unreadable, match="single: its hours cannot be read"):
        story(run)


def test_the_interval_of_an_hour_is_that_of_its_replications(results):
    run = read_run(results / "baseline-vs-baseline-7" / "a")
    drawn = read_series(run.path / "series.parquet", ["redemptions"])["redemptions"]
    known = estimate([float(hours[5]) for hours in drawn])

    band = story(run).bands["redemptions"]
    assert (band.mean[5], band.low[5], band.high[5]) == (known.mean, known.low, known.high)
