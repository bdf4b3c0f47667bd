"""A run of the bench: rows stand for themselves, the exit code tells, the run is kept."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from harness.bench import cold_start, history
from harness.bench.figures import Bar, Figure
from harness.bench.machine import Machine, is_busy
from harness.bench.other_pythons import SUPPORTED, other_interpreters
from harness.bench.row import Bench, Row
from harness.bench.rows import ROWS, chosen_rows
from harness.bench.run import bench, measure_and_keep, show_history
from harness.bench.same_hash import SCENARIOS
from harness.bench.twin import BASELINE, FEW_SHOPPERS, SHORT, TILL, orders_s, session
from harness.bench.twin_runs import in_own_process, twin_alone, twin_and_plain_loop
from harness.settings import Refusal
from harness.stacks import TemplateLoader
from harness.system import REPOSITORY
from simulator.scenario import parse_scenario_argument


def a_row(name: str, value: float, bar: Bar | None = None) -> Row:
    return Row(name, "a row", lambda _: [Figure(f"{name}.value", "a value", "s", (value,), bar)])


def a_broken_row(_: Bench) -> list[Figure]:
    raise ConnectionError("nobody answered")


class Screen:
    """What a run prints, and the file that it keeps itself in."""

    def __init__(self, folder: Path) -> None:
        self._printed = io.StringIO()
        self.console = Console(file=self._printed, width=200, highlight=False)
        self.folder, self.kept = folder, folder / "bench.jsonl"

    def measure(self, *rows: Row) -> int:
        at_work = Bench(self.folder, True, self.console.print)
        return measure_and_keep(self.console, at_work, rows, self.kept, history.read(self.kept))

    @property
    def text(self) -> str:
        return self._printed.getvalue()


@pytest.fixture
def screen(tmp_path: Path) -> Screen:
    return Screen(tmp_path)


def test_bars_that_hold_end_in_zero_and_one_missed_in_one(screen: Screen) -> None:
    at_most_two = Bar("≤", 2)

    codes = [
        screen.measure(a_row("up", 1.5, at_most_two), a_row("capacity", 90.0)),
        screen.measure(a_row("up", 1.5, at_most_two), a_row("twin", 3.0, at_most_two)),
    ]

    assert codes == [0, 1]
    assert "1 of 1 bars held" in screen.text
    assert "1 of 2 bars held" in screen.text
    assert "missed: twin.value" in screen.text


def test_a_row_that_fails_says_why_and_leaves_the_others(screen: Screen) -> None:
    code = screen.measure(Row("race", "broken", a_broken_row), a_row("up", 1.5, Bar("≤", 2)))

    [run] = history.read(screen.kept)
    assert code == 1
    assert "FAILED ConnectionError: nobody answered" in screen.text
    assert (run.failed, run.value("up.value")) == ({"race": "ConnectionError: nobody answered"}, 1.5)


def test_what_got_worse_against_earlier_runs_is_said(screen: Screen) -> None:
    for seconds in (1.0, 1.1, 1.0, 1.1):
        screen.measure(a_row("up", seconds))
    assert "got worse" not in screen.text

    screen.measure(a_row("up", 2.0))

    assert "up.value got worse: 2 s, the last 4 runs had 1 to 1.10" in screen.text


def test_the_history_shows_the_last_runs_side_by_side(screen: Screen) -> None:
    for seconds in (1.25, 1.75):
        screen.measure(a_row("up", seconds, Bar("≤", 2)))

    assert show_history(screen.console, screen.kept) == 0

    [line] = [line for line in screen.text.splitlines() if line.startswith("up.value")]
    assert line.split() == ["up.value", "s", "1.25", "1.75", "≤", "2"]


def test_without_a_run_the_history_says_how_to_make_one(screen: Screen) -> None:
    assert show_history(screen.console, screen.kept) == 0
    assert "`make bench` makes one" in screen.text


def test_rows_are_chosen_by_name_and_keep_their_order() -> None:
    assert [row.name for row in chosen_rows("twin, up")] == ["up", "twin"]
    assert chosen_rows("") == list(ROWS)


def test_an_unknown_row_is_refused_before_anything_is_measured(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWS", "up,speed")
    monkeypatch.setenv("BENCH_HISTORY", str(screen.kept))

    with pytest.raises(Refusal, match=r"no row 'speed'; rows are up, cold-start, .*capacity"):
        bench(screen.console)

    assert not screen.kept.exists()


def test_quick_means_a_third_of_the_rounds_and_never_fewer_than_three(tmp_path: Path) -> None:
    def rounds(quick: bool) -> Callable[[int], int]:
        return Bench(tmp_path, quick, print).rounds

    assert [rounds(quick)(wanted) for quick in (False, True) for wanted in (20, 5)] == [20, 5, 6, 3]


def test_a_machine_with_other_work_to_do_is_busy() -> None:
    assert [is_busy(load, 2) for load in (None, 1.5, 1.6)] == [False, False, True]
    assert Machine.at_hand().cores >= 1


def test_cold_starts_are_measured_for_every_function_behind_the_api_and_no_other() -> None:
    template = TemplateLoader((REPOSITORY / "template.yaml").read_text()).get_single_data()

    modules = cold_start.api_modules(template)

    assert {"handlers.recommend_offers", "handlers.track_event"} <= set(modules)
    assert "handlers.watch_inventory" not in modules


def test_every_scenario_that_is_measured_can_be_read() -> None:
    for text in (BASELINE, SHORT, TILL, FEW_SHOPPERS.format(days=4), *SCENARIOS):
        assert parse_scenario_argument(text).warm_up_days in (0, 1)


def test_a_run_in_its_own_process_counts_what_one_here_counts() -> None:
    scenario = "baseline:population.users=200,days=1,warm_up_days=0"

    there, here = in_own_process(twin_alone, scenario, 7), twin_alone(scenario, 7)

    assert (there.counts, there.calls_per_session) == (here.counts, here.calls_per_session)
    assert (there.sessions_per_s > 0, there.peak_bytes > 0) == (True, True)


def test_a_session_of_the_baseline_is_as_rich_as_the_bar_demands() -> None:
    run = twin_alone("baseline:population.users=500,days=1,warm_up_days=0", 7)

    assert [figure.verdict.value for figure in session(run) if figure.bar] == ["held", "held"]


def test_the_scenario_with_a_till_places_orders() -> None:
    run = twin_alone(f"{TILL},population.users=500", 7)

    assert orders_s(run) == pytest.approx(10_000 * run.seconds / run.counts.orders_placed)
    assert run.counts.orders_completed > 0


def test_twin_and_plain_loop_are_timed_in_turns() -> None:
    measured = in_own_process(
        twin_and_plain_loop, "baseline:population.users=100,days=1,warm_up_days=0", 7, 2
    )

    assert [len(turn) for turn in measured] == [2, 2]
    assert min(min(turn) for turn in measured) > 0


def test_other_pythons_are_of_the_supported_versions_and_not_this_one() -> None:
    found = [interpreter.version for interpreter in other_interpreters()]

    assert set(found) <= set(SUPPORTED) - {f"{sys.version_info.major}.{sys.version_info.minor}"}
