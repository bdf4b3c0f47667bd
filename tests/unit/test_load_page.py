"""The dashboard's page on load runs, from folders as `make load` leaves them."""

from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from loadtests.objectives import Verdict
from loadtests.orders import OrdersOutcome
from loadtests.report import Result, write_files
from tests.load_plans import a_plan, recorded

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MET, MISSED = Verdict("all", "p95_ms", 500, 110.0), Verdict("redeem", "p95_ms", 50, 110.0)


def draw():
    from dashboard.views import load

    load.show(lambda: None)


def page():
    app = AppTest.from_function(draw, default_timeout=20).run()
    assert not app.exception, app.exception
    return app


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Leaves a run behind; a later one is newer."""
    monkeypatch.setenv("RESULTS", str(tmp_path))
    started = iter(NOON + timedelta(minutes=n) for n in range(9))

    def leave(name, *, verdicts=(MET,), invalid=(), status="complete", orders=None, **plan):
        folder = tmp_path / name
        folder.mkdir()
        recording = recorded(folder, {"track": [0.1] * 30, "recommend": [0.1] * 10}, due=10, waited=2)
        result = Result(a_plan(**plan), recording, next(started), status, verdicts, invalid, orders)
        write_files(result, folder)
        return folder

    return leave


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


def headings(app):
    return [heading.value for heading in app.subheader]


def test_without_a_run_the_page_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.setenv("RESULTS", str(tmp_path / "none"))

    assert [code.value for code in page().code] == ["make load"]


def test_an_open_run_shows_both_latencies_arrivals_and_the_generator(runs):
    runs("first")

    app = page()

    assert metrics(app) == {
        "Requests a second": "40.0",
        "p95, intended start": "111 ms",
        "p95, from sending": "100 ms",
        "Turned away": "0",
        "Failed": "0",
        "Generator CPU": "20 %",
    }
    assert headings(app) == ["Latency", "Throughput", "Arrivals", "Generator", "Requests", "Objectives"]
    assert app.success[0].value == "All objectives are met: 1 of 1."
    assert any("10 visits were due; 2 waited for a place" in caption.value for caption in app.caption)


def test_a_run_with_orders_says_what_became_of_them(runs):
    runs("first", visit="checkout", orders=OrdersOutcome(accepted=4, lost=("order-1",)))

    app = page()

    assert headings(app)[0] == "Orders"
    assert app.selectbox(key="load-run").options == ["01 Mar 12:00:00 · 10 visits/s, checkout · steady · met"]
    assert "- 4 accepted: none final, 0 still in progress, 1 lost" in [text.value for text in app.markdown]


def test_a_closed_run_has_no_arrivals(runs):
    runs("first", users=20)

    assert "Arrivals" not in headings(page())


def test_the_newest_run_is_shown_first_and_another_may_be_chosen(runs):
    runs("first", rate=5, verdicts=(MET, MISSED))
    runs("second", users=20)
    app = page()
    assert app.selectbox(key="load-run").value == "second"
    assert "All runs" in headings(app)

    app.selectbox(key="load-run").set_value("first").run()

    assert app.error[0].value == (
        "Objectives missed:\n- redeem p95_ms: 110 ms, limit 50 ms: missed by 60 ms (2.20 times the limit)"
    )


def test_an_invalid_and_a_partial_run_say_so(runs):
    runs("first", invalid=["worker 0 used more than 90 % of a core"], status="partial")

    app = page()

    assert app.warning[0].value == (
        "Invalid: the generator, not the system, was measured.\n- worker 0 used more than 90 % of a core"
    )
    assert app.info[0].value == "Cut short: the figures are those up to then."
    assert not app.success


def test_a_run_that_is_still_under_way_is_not_listed(runs):
    folder = runs("first")
    runs("second")
    (folder / "run.json").unlink()

    assert page().selectbox(key="load-run").options == ["01 Mar 12:01:00 · 10 visits/s · steady · met"]


@pytest.mark.parametrize("damage", ["[]", "{}", '{"settings": null}', "[" * 100_000])
def test_a_run_whose_figures_are_damaged_is_not_listed(runs, damage):
    runs("whole")
    (runs("damaged") / "run.json").write_text(damage)

    assert len(page().selectbox(key="load-run").options) == 1


def test_a_run_without_its_files_says_so_and_the_others_can_be_chosen(runs):
    runs("whole")
    (runs("damaged") / "requests.csv").unlink()
    app = page()

    assert "requests.csv" in app.warning[0].value
    assert len(app.selectbox(key="load-run").options) == 2
