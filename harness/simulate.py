"""`make simulate`: replications of one scenario, their means with intervals, and the hash of it all."""

from __future__ import annotations

import os

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
from simulator.runs.metrics import METRICS
from simulator.runs.results import Run
from simulator.runs.run import Plan


def simulate(console: Console) -> int:
    """Run what SCENARIO, SEED, REPLICATIONS, WORKERS, CLUSTER, RESULTS and EVENTS say, and print the outcome.

    Returns:
        Exit code: 0, or 130 when it was interrupted.
    Raises:
        Refusal: a setting or a scenario is wrong, results cannot be kept, or a worker died.
    """
    settings = settings_from_environment(events=True)
    scenario = scenario_from(os.environ.get("SCENARIO") or "baseline")
    path = folder_for(settings, scenario.name)
    plan = Plan(scenario, settings.seed, settings.replications, path, settings.events)
    [run], code = carry_out([plan], settings, console)
    for line in _headline(run):
        console.print(line)
    if run.finished:
        console.print(summary_table(run))
    console.print(f"hash    {run.hash}")
    console.print(f"folder  {escape(shown(run.path))}")
    return code


def summary_table(run: Run) -> Table:
    """Give every metric that is not zero throughout: mean and 95 % interval."""
    table = Table("metric", box=None, pad_edge=False)
    table.add_column("mean", justify="right")
    table.add_column("95 % interval", justify="right")
    for name, metric in METRICS.items():
        known = run.estimate(name)
        if known is None or not any(run.measured[name]):
            continue
        unit = f" {metric.unit}" if metric.unit else ""
        decimals = 0 if metric.is_count and abs(known.mean) >= 100 else 2
        interval = "–"
        if known.low is not None and known.high is not None:
            interval = f"{known.low:,.{decimals}f} – {known.high:,.{decimals}f}{unit}"
        table.add_row(metric.title, f"{known.mean:,.{decimals}f}{unit}", interval)
    return table


def _headline(run: Run) -> list[str]:
    sessions = sum(run.measured["sessions"])
    told = f"{run.scenario}, seed {run.seed}: {run.finished} replications, {sessions:,.0f} sessions"
    if run.seconds:
        told += f" in {run.seconds:.1f} s"
    lines = [escape(told)]
    if not run.complete:
        lines.append(f"[yellow]{partial_words(run)}[/]")
    return lines
