"""`make bench`: measure the rows one after the other, say what holds, and keep the run."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from harness.bench import history
from harness.bench.figures import Figure, Verdict
from harness.bench.flame_graphs import draw
from harness.bench.machine import Machine, is_busy, load_average
from harness.bench.report import history_table, line_of
from harness.bench.row import Bench, Row
from harness.bench.rows import chosen_rows
from harness.settings import is_set
from simulator.runs.version import code_version


@dataclass
class Measured:
    """What came of the rows; `failed` has the rows that could not be measured, with the reason."""

    figures: list[Figure] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def missed(self) -> list[str]:
        """Names of the figures that miss their bar."""
        return [figure.name for figure in self.figures if figure.verdict is Verdict.MISSED]


def bench(console: Console) -> int:
    """Do what ROWS, QUICK, HISTORY, PROFILE and BENCH_HISTORY ask for.

    Returns:
        Exit code: 0, or 1 when a bar is missed or a row could not be measured.
    Raises:
        Refusal: a row that there is not, or a history file that cannot be used.
    """
    kept = history.history_file()
    if is_set("HISTORY"):
        return show_history(console, kept)
    rows = chosen_rows(os.environ.get("ROWS", ""))
    earlier = history.read(kept)
    with bench_at_work(console, quick=is_set("QUICK")) as at_work:
        if is_set("PROFILE"):
            return draw(at_work)
        return measure_and_keep(console, at_work, rows, kept, earlier)


@contextmanager
def bench_at_work(console: Console, *, quick: bool) -> Iterator[Bench]:
    """Give a bench with a folder; at the end everything that it started is stopped and the folder gone.

    SIGTERM ends it in the same way as Ctrl-C does.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    folder = Path(tempfile.mkdtemp(prefix="offerloop-bench-"))
    at_work = Bench(folder, quick, lambda line: console.print(f"  {escape(line)}"))
    try:
        yield at_work
    finally:
        at_work.close()
        shutil.rmtree(folder, ignore_errors=True)
        signal.signal(signal.SIGTERM, before)


def measure_and_keep(
    console: Console, at_work: Bench, rows: Sequence[Row], kept: Path, earlier: Sequence[history.PastRun]
) -> int:
    """Measure, print, and append the run to the history; gives the exit code."""
    machine, load, began = Machine.at_hand(), load_average(), datetime.now(UTC)
    console.print(f"{escape(str(machine))}; {escape(code_version())}")
    console.print(load_words(load, machine))
    measured = measure_rows(console, at_work, rows)
    run = history.past_run(
        began, code_version(), machine, load, at_work.quick, measured.figures, measured.failed
    )
    history.append(kept, run)
    same = history.on_machine(earlier, machine)
    for figure in measured.figures:
        worse = history.regression(figure, same)
        if worse is not None:
            console.print(f"[yellow]{escape(worse)}[/]")
    console.print(summary_of(measured, (datetime.now(UTC) - began).total_seconds()))
    console.print(f"kept in {escape(str(kept))}; `make bench HISTORY=1` shows the last runs")
    return 1 if measured.missed or measured.failed else 0


def measure_rows(console: Console, at_work: Bench, rows: Sequence[Row]) -> Measured:
    """Measure every row; one that cannot be measured says why and leaves the others."""
    measured = Measured()
    for row in rows:
        console.print(f"[bold]{row.name}[/]  {escape(row.title)}")
        began = time.monotonic()
        try:
            for figure in row.measure(at_work):
                measured.figures.append(figure)
                console.print(line_of(figure))
        except Exception as error:  # whatever went wrong in one row, the others are still worth having
            measured.failed[row.name] = f"{type(error).__name__}: {error}"
            console.print(f"  [bold red]FAILED[/] {escape(measured.failed[row.name])}")
        at_work.say(f"({time.monotonic() - began:.0f} s)")
    return measured


def load_words(load: float | None, machine: Machine) -> str:
    """Say how busy the machine was before."""
    if load is None:
        return "load average unknown"
    words = f"load average {load:.2f} before"
    if is_busy(load, machine.cores):
        words += ": [yellow]other programs are at work, absolute figures and those of two cores say little[/]"
    return words


def summary_of(measured: Measured, seconds: float) -> str:
    """Say in one line what came of it."""
    bars = [figure for figure in measured.figures if figure.bar is not None]
    held = len(bars) - len(measured.missed)
    words = f"{held} of {len(bars)} bars held in {seconds:.0f} s"
    if measured.missed:
        words += f"; [bold red]missed: {escape(', '.join(measured.missed))}[/]"
    if measured.failed:
        words += f"; [bold red]not measured: {escape(', '.join(measured.failed))}[/]"
    return words


def show_history(console: Console, kept: Path) -> int:
    """Print the last runs on this machine."""
    machine = Machine.at_hand()
    runs = history.on_machine(history.read(kept), machine)
    if not runs:
        console.print(f"no run on this machine in {escape(str(kept))}: `make bench` makes one")
        return 0
    console.print(f"{escape(str(machine))}; runs kept in {escape(str(kept))}: {len(runs)}")
    console.print(history_table(runs))
    return 0
