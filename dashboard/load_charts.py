"""The plots of the load page: those of the HTML report, and one over all runs."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.load_data import LoadRun
from loadtests import figures
from loadtests.validity import BUSY_PERCENT

VERDICT_COLOURS = {"met": "#18a58c", "missed": "#e0604c", "invalid": "#c9a227"}


def latency(run: LoadRun) -> go.Figure:
    """Latency over time, both from the intended start and from sending."""
    return figures.latency(run.seconds, run.p95_limit_ms)


def throughput(run: LoadRun) -> go.Figure:
    """Answers a second by outcome."""
    return figures.throughput(run.seconds)


def visits(run: LoadRun) -> go.Figure:
    """Arrivals a second."""
    return figures.visits(run.seconds)


def generator_cpu(run: LoadRun) -> go.Figure:
    """CPU of the busiest generator process."""
    return figures.generator_cpu(run.seconds, BUSY_PERCENT)


def runs(shown: Sequence[LoadRun]) -> go.Figure:
    """p95 from the intended start against the throughput of every run: where the system begins to bend."""
    figure = go.Figure()
    for verdict, colour in VERDICT_COLOURS.items():
        chosen = [run for run in shown if run.facts["verdict"] == verdict]
        if not chosen:
            continue
        figure.add_scatter(
            name=verdict,
            x=[run.facts["requests_per_second"] for run in chosen],
            y=[run.facts["latency_ms"]["intended_p95_ms"] for run in chosen],
            text=[f"{run.started:%d %b %H:%M} · {run.load}" for run in chosen],
            mode="markers",
            marker={"color": colour, "size": 11},
            hovertemplate="%{text}<br>%{x:.0f} requests/s, p95 %{y:,.0f} ms<extra></extra>",
        )
    figures.lay_out(figure, height=260)
    figure.update_layout(showlegend=True)
    figure.update_xaxes(title="requests a second", rangemode="tozero")
    figure.update_yaxes(title="p95, ms", rangemode="tozero")
    return figure
