"""`make compare`: two scenarios under common random numbers, and a verdict in words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.replications import (
    carry_out,
    folder_for,
    partial_words,
    scenario_from,
    settings_from_environment,
    shown,
)
from harness.settings import Refusal
from simulator.runs.compare import (
    Comparison,
    Difference,
    Incomparable,
    check_times,
    compare,
    differing_keys,
    number,
)
from simulator.runs.metrics import DEFAULT_METRIC, METRICS
from simulator.runs.results import COMPARISON_FILE, ResultsUnwritable, unwritable, write_json
from simulator.runs.run import Plan
from simulator.scenario import Scenario

TABLE_WIDTH = 160  # no table is wider


def compare_scenarios(console: Console) -> int:
    """Run A and B as SEED, REPLICATIONS, WORKERS, CLUSTER, RESULTS and EVENTS say; compare by METRIC.

    Returns:
        Exit code: 0, or 130 when it was interrupted.
    Raises:
        Refusal: a setting or a scenario is wrong, the two cannot be compared, results cannot be kept …
    """
    settings = settings_from_environment(events=False)
    metric = os.environ.get("METRIC") or DEFAULT_METRIC
    if metric not in METRICS:
        raise Refusal(f"METRIC={metric} is unknown: use one of {', '.join(METRICS)}")
    a, b = (_asked_for(letter) for letter in "AB")
    try:
        check_times(differing_keys(a, b))
    except Incomparable as problem:
        raise Refusal(str(problem)) from None
    path = folder_for(settings, f"{a.name}-vs-{b.name}")
    plans = [
        Plan(scenario, settings.seed, settings.replications, path / letter, settings.events)
        for scenario, letter in ((a, "a"), (b, "b"))
    ]
    (run_a, run_b), code = carry_out(plans, settings, console)
    for letter, run in (("A", run_a), ("B", run_b)):
        if not run.complete:
            console.print(f"[yellow]{letter} {partial_words(run)}[/]")
    try:
        comparison = compare(run_a, run_b, scenarios=(a, b), main=metric)
    except Incomparable as problem:
        if code:
            console.print(escape(f"nothing to compare: {problem}"))
            return code
        raise Refusal(str(problem)) from None
    keep(comparison, path)
    show(comparison, console)
    console.print(f"folder  {escape(shown(path))}")
    return code


def _asked_for(letter: str) -> Scenario:
    text = os.environ.get(letter)
    if not text:
        raise Refusal(
            "give both scenarios, for example A=flash-sale B=flash-sale:policies.pivot_boost=0 "
            f"({letter}= is missing)"
        )
    return scenario_from(text)


def keep(comparison: Comparison, path: Path) -> None:
    """Write comparison.json.

    Raises:
        Refusal: it cannot be written.
    """
    try:
        write_json(path / COMPARISON_FILE, as_json(comparison))
    except OSError as problem:
        refusal: ResultsUnwritable = unwritable(path, problem)
        raise Refusal(str(refusal)) from problem


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Give everything that a comparison knows as plain values."""
    return {
        "verdict": comparison.verdict,
        "main_metric": comparison.main,
        "common_random_numbers": comparison.paired,
        "differing": {key: list(pair) for key, pair in comparison.differing.items()},
        "notes": list(comparison.notes),
        "metrics": {name: _difference(each) for name, each in comparison.differences.items()},
    }


def _difference(each: Difference) -> dict[str, Any]:
    return {
        "mean_a": each.mean_a,
        "mean_b": each.mean_b,
        "difference": each.difference.mean,
        "low": each.difference.low,
        "high": each.difference.high,
        "replications": each.difference.n,
        "b_ahead": each.ahead,
        "b_behind": each.behind,
        "variance_against_unpaired": each.noise_left,
    }


def show(comparison: Comparison, console: Console) -> None:
    """Print what differs, the table over all metrics and the verdict on the main one."""
    for letter, run in (("A", comparison.a), ("B", comparison.b)):
        console.print(escape(f"{letter}  {run.scenario}, seed {run.seed}, {run.finished} replications"))
    if not comparison.differing:
        console.print("   A and B say the same")
    for key, (of_a, of_b) in comparison.differing.items():
        console.print(escape(f"   {key}: {of_a} for A, {of_b} for B"))
    # Wider than the screen if need be: lines that the terminal wraps are better than figures cut short.
    console.print(difference_table(comparison), width=max(console.width, TABLE_WIDTH))
    console.print("[dim]All but the first are exploratory: among twenty, one is shown by chance alone.[/]")
    main = comparison.differences[comparison.main]
    if main.noise_left is not None:
        left = number(100 * main.noise_left)
        console.print(f"Pairing leaves {left} % of the variance that independent runs would have.")
    for note in comparison.notes:
        console.print(f"[yellow]{escape(note)}[/]")
    console.print(f"[bold]{escape(comparison.verdict)}[/]")


def difference_table(comparison: Comparison) -> Table:
    """Give all metrics, the main one first; the others are exploratory."""
    table = Table(box=None, pad_edge=False)
    table.add_column("metric", no_wrap=True)
    for title in ("A", "B", "B − A", "95 % interval", "shown"):
        table.add_column(title, justify="right", no_wrap=True)
    others = [name for name in comparison.differences if name != comparison.main]
    for name in (comparison.main, *others):
        each = comparison.differences[name]
        if not (each.mean_a or each.mean_b):
            continue
        style = "bold" if name == comparison.main else None
        table.add_row(*_row(each), style=style, end_section=name == comparison.main)
    return table


def _row(each: Difference) -> list[str]:
    known = each.difference
    interval = "–"
    if known.low is not None and known.high is not None:
        interval = f"{number(known.low)} to {number(known.high)}"
    unit = f" ({each.metric.unit})" if each.metric.unit else ""
    return [
        f"{each.metric.title}{unit}",
        number(each.mean_a),
        number(each.mean_b),
        number(known.mean),
        interval,
        "yes" if known.excludes_zero else "no",
    ]
