"""The bench in words: one line a figure, and the table of earlier runs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from harness.bench.figures import Figure, Verdict, shown
from harness.bench.history import PastRun

TITLE_WIDTH, VALUE_WIDTH, SPREAD_WIDTH, BAR_WIDTH = 40, 12, 30, 10
RUNS_SHOWN = 6
COLOURS = {Verdict.HELD: "green", Verdict.MISSED: "bold red", Verdict.NO_BAR: "dim"}


def line_of(figure: Figure) -> str:
    """Give one figure as a line of rich's markup."""
    value = f"{shown(figure.value)} {figure.unit}".rstrip()
    bar = "" if figure.bar is None else str(figure.bar)
    return (
        f"  {escape(figure.title):<{TITLE_WIDTH}}{value:>{VALUE_WIDTH}}"
        f"  {spread_words(figure):<{SPREAD_WIDTH}}{bar:<{BAR_WIDTH}}"
        f"[{COLOURS[figure.verdict]}]{verdict_words(figure)}[/]"
    )


def spread_words(figure: Figure) -> str:
    """Give the quartiles and the number of rounds; nothing for a figure that needs no rounds."""
    lies = figure.spread
    if lies.rounds == 1:
        return ""
    return f"({shown(lies.low)} – {shown(lies.high)}, {lies.rounds} rounds)"


def verdict_words(figure: Figure) -> str:
    """Give the verdict; of a missed bar with a floor, also whether that holds."""
    if figure.verdict is not Verdict.MISSED or figure.bar is None or figure.bar.floor is None:
        return figure.verdict.value
    held = "held" if figure.bar.holds_floor(figure.value) else "missed too"
    return f"{figure.verdict.value}, floor {shown(figure.bar.floor)} {held}"


def history_table(runs: Sequence[PastRun]) -> Table:
    """Show the last runs, one column each, oldest first, with a line for every figure.

    Args:
        runs: of one machine, oldest first, at least one.
    """
    last = list(runs)[-RUNS_SHOWN:]
    table = Table("figure", box=None, pad_edge=False, header_style="bold")
    for run in last:
        day, _, clock = run.at.partition("T")
        table.add_column(f"{day[5:]} {clock[:5]}\n{run.code[:16]}", justify="right")
    table.add_column("bar")
    names = dict.fromkeys(name for run in last for name in run.figures)
    for name in names:
        newest = next(run.figures[name] for run in reversed(last) if name in run.figures)
        values = [_cell(run.figures.get(name)) for run in last]
        table.add_row(f"{name} [dim]{escape(newest['unit'])}[/]", *values, newest["bar"] or "")
    return table


def _cell(kept: object) -> str:
    if not isinstance(kept, dict):
        return "–"
    text = shown(float(kept["value"]))
    return f"[bold red]{text}[/]" if kept["verdict"] == Verdict.MISSED.value else text
