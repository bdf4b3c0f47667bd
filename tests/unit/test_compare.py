"""Two runs compared: what common random numbers are worth, and what a verdict may say."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.system import REPOSITORY
from simulator.runs.compare import Incomparable, compare, differing_keys
from simulator.runs.metrics import METRICS
from simulator.runs.replication import carry_out
from simulator.runs.results import Run
from simulator.runs.run import Plan, carry_out_plans
from tests.simulated_runs import small_scenario

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def a_run(redemptions, **facts):
    """A run with these redemptions; everything else happened 100 times, shares are 50 %."""
    n = len(redemptions)
    measured = {name: [100.0 if metric.is_count else 50.0] * n for name, metric in METRICS.items()}
    run = Run(
        path=Path("here"),
        scenario="baseline",
        scenario_digest="d",
        seed=7,
        replications=n,
        started_at=NOON,
        seconds=1.0,
        status="complete",
        hash="h",
        code_version="v1",
        numbers=tuple(range(n)),
        measured=measured | {"redemptions": [float(value) for value in redemptions]},
    )
    return replace(run, **facts)


def test_a_shown_difference_is_told_with_its_interval_and_how_often_it_was_seen():
    """Differences 5, 10, 15, 10: mean 10, standard error 2.04, t(3) = 3.18, so 10 ± 6.50; A's mean is 115."""
    found = compare(a_run([100, 110, 120, 130]), a_run([105, 120, 135, 140]))

    assert found.verdict == "B has 8.70 % more redemptions (95 %: 3.05 to 14.34 %), in 4 of 4 replications."
    assert compare(found.b, found.a).verdict == (
        "B has 8.00 % fewer redemptions (95 %: 2.80 to 13.20 %), in 4 of 4 replications."
    )


def test_no_shown_difference_says_what_would_have_shown():
    """Differences 3, -2, -1, 3: 0.75 ± 3.18 x 1.32; shown four times in five: (3.18 + 0.98) x 1.32."""
    found = compare(a_run([100, 110, 120, 130]), a_run([103, 108, 119, 133]))

    assert found.verdict == (
        "No difference in redemptions is shown: +0.65 % (95 %: -2.99 to 4.29 %). With 4 replications the "
        "smallest effect that would have shown (four times in five) is 4.76 %."
    )


def test_runs_that_came_out_the_same_are_told_to():
    assert compare(a_run([100, 110]), a_run([100, 110])).verdict == (
        "No difference: redemptions came out the same in all 2 replications."
    )


def test_one_replication_allows_no_verdict():
    assert compare(a_run([100]), a_run([120])).verdict == (
        "One replication allows no interval: redemptions 100 for A and 120 for B. REPLICATIONS=10 or more "
        "give one."
    )


def test_shares_are_compared_in_percentage_points():
    """Differences 1, 1.2, 0.8: 1 ± 4.30 x 0.115."""
    a = a_run([1, 1, 1])
    b = replace(a, measured={**a.measured, "conversion": [51.0, 51.2, 50.8]})

    assert compare(a, b, main="conversion").verdict == (
        "Conversion is 1.000 percentage points higher with B (95 %: 0.503 to 1.497 percentage points), "
        "in 3 of 3 replications."
    )


def test_only_replications_that_both_have_are_compared_and_partial_runs_are_named():
    partial = a_run([999, 120, 135], numbers=(3, 1, 2), status="partial")
    found = compare(a_run([100, 110, 120]), partial)

    assert (found.differences["redemptions"].mean_b, found.differences["redemptions"].difference.n) == (
        127.5,
        2,
    )
    assert found.notes == ("B partial: only finished replications are compared.",)


def test_runs_of_two_seeds_are_compared_as_independent_ones():
    """Welch's interval for these two samples is 10 ± 22.3; nothing can be said of single replications."""
    found = compare(a_run([100, 110, 120, 130]), a_run([110, 120, 130, 140], seed=8))

    known = found.differences["redemptions"]
    assert not found.paired
    assert (known.difference.mean, known.difference.half_width) == pytest.approx((10, 22.3369), abs=1e-3)
    assert (known.ahead, known.behind, known.noise_left) == (0, 0, None)
    assert "The seeds differ (7 and 8)" in found.notes[0]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (small_scenario(days=2), "A and B differ in days"),
        (small_scenario(warm_up_days=1), "A and B differ in warm_up_days"),
    ],
)
def test_different_times_are_not_compared(other, words):
    with pytest.raises(Incomparable, match=words):
        compare(a_run([1]), a_run([1]), scenarios=(small_scenario(), other))


def test_runs_without_a_common_replication_and_unknown_metrics_are_refused():
    with pytest.raises(Incomparable, match="no replication is finished in both"):
        compare(a_run([1]), a_run([1], numbers=(4,)))
    with pytest.raises(Incomparable, match="METRIC=profit is unknown: use one of sessions, "):
        compare(a_run([1]), a_run([1]), main="profit")


def test_what_differs_is_named_by_its_key():
    other = small_scenario(policies__pivot_boost=0, population__users=50, name="another")

    assert differing_keys(small_scenario(), other) == {
        "policies.pivot_boost": (20, 0),
        "population.users": (40, 50),
    }
    found = compare(a_run([1]), a_run([1]), scenarios=(small_scenario(), other))
    assert "differ in who comes or when (population.users)" in found.notes[0]


def here(jobs):
    for place, job in enumerate(jobs):
        yield place, carry_out(job)


def test_common_random_numbers_make_differences_of_policies_less_noisy(tmp_path):
    """The twin itself: the same shoppers under two score weights."""
    a, b = (
        small_scenario(
            population__users=60,
            policies__weights={
                "priority_bp": priority_bp,
                "relevance_bp": 7_000 - priority_bp,
                "urgency_bp": 2_000,
                "inventory_bp": 1_000,
            },
        )
        for priority_bp in (4_000, 3_000)
    )
    plans = [Plan(scenario, 7, 8, tmp_path / name, events=False) for scenario, name in ((a, "a"), (b, "b"))]
    found = compare(*carry_out_plans(plans, here, NOON), scenarios=(a, b))

    sessions, redemptions = (found.differences[name] for name in ("sessions", "redemptions"))
    assert redemptions.difference.standard_error > 0
    assert redemptions.noise_left < 0.5
    assert sessions.noise_left < 0.2


def command(folder, **settings):
    return subprocess.run(
        [sys.executable, "-m", "harness", "compare"],
        cwd=REPOSITORY,
        env={"PATH": "/usr/bin:/bin", "RESULTS": str(folder), "COLUMNS": "110", **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_prints_what_differs_the_table_and_the_verdict_and_keeps_both_runs(tmp_path):
    same = "baseline:population.users=40,days=1,warm_up_days=0"
    done = command(tmp_path, A=same, B=f"{same},policies.pivot_boost=0", REPLICATIONS="2", SEED="7")

    assert done.returncode == 0, done.stderr
    assert "policies.pivot_boost: 20 for A, 0 for B" in done.stdout
    [folder] = tmp_path.iterdir()
    kept = json.loads((folder / "comparison.json").read_text())
    assert kept["verdict"] in done.stdout
    assert (kept["main_metric"], kept["common_random_numbers"]) == ("redemptions", True)
    assert kept["differing"] == {"policies.pivot_boost": [20, 0]}
    assert kept["metrics"]["sessions"]["replications"] == 2
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b", "comparison.json"]
    assert not list(folder.glob("*/events-*"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"A": "baseline"}, "B= is missing"),
        ({"A": "baseline", "B": "baseline:days=3"}, "A and B differ in days"),
        ({"A": "baseline", "B": "baseline", "METRIC": "profit"}, "METRIC=profit is unknown"),
        ({"A": "baseline", "B": "baseline:policies.pivot_bost=3"}, "policies.pivot_bost"),
    ],
)
def test_a_wrong_request_is_one_line_and_nothing_runs(tmp_path, settings, words):
    done = command(tmp_path, **settings)

    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert list(tmp_path.iterdir()) == []
