"""The plots of a load run, from the rows of seconds.csv; the HTML report and the dashboard share them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

Row = Mapping[str, float | None]

# Percentiles from light to heavy; from the intended start solid, from sending dotted.
PERCENTILE_COLOURS = {50: "#18a58c", 95: "#eb8f22", 99: "#d9579b"}
OUTCOME_COLOURS = {"ok": "#18a58c", "refused": "#3fa7d6", "turned_away": "#c9a227", "failed": "#e0604c"}
VISIT_COLOURS = {"visits_waited": "#c9a227", "visits_late": "#9a6fe0", "visits_dropped": "#e0604c"}
MUTED = "#8a94a6"
LIMIT_SHOWN_FROM = 0.4  # of a limit: below it the line would only press the curves to the ground


def latency(rows: Sequence[Row], limit_ms: float | None = None) -> go.Figure:
    """Latency over time, from the intended start and from sending; with p95's limit where it is near."""
    figure = go.Figure()
    for start, dash, words in (("intended", "solid", "intended start"), ("service", "dot", "sending")):
        for percent, colour in PERCENTILE_COLOURS.items():
            figure.add_scatter(
                name=f"p{percent} from {words}",
                x=_times(rows),
                y=[row[f"{start}_p{percent}_ms"] for row in rows],
                mode="lines",
                line={"color": colour, "width": 2.2 if start == "intended" else 1.5, "dash": dash},
                hovertemplate="%{y:,.0f} ms",
            )
    highest = max((row["intended_p99_ms"] or 0 for row in rows), default=0)
    if limit_ms is not None and highest > limit_ms * LIMIT_SHOWN_FROM:
        figure.add_hline(
            y=limit_ms,
            line_dash="dash",
            line_color=MUTED,
            line_width=1,
            annotation_text=f"objective p95 {limit_ms:g} ms",
            annotation_position="top right",
            annotation_font_size=11,
        )
    lay_out(figure, height=380)
    figure.update_yaxes(title="ms", rangemode="tozero")
    return figure


def throughput(rows: Sequence[Row]) -> go.Figure:
    """Answers a second by outcome, stacked, with the visits under way."""
    figure = go.Figure()
    for outcome, colour in OUTCOME_COLOURS.items():
        if outcome != "ok" and not any(row[outcome] for row in rows):
            continue
        figure.add_bar(
            name=outcome.replace("_", " "),
            x=_times(rows),
            y=_per_second(rows, outcome),
            marker={"color": colour, "line_width": 0},
            hovertemplate="%{y:,.1f}/s",
        )
    figure.add_scatter(
        name="visits under way",
        x=_times(rows),
        y=[row["under_way"] for row in rows],
        mode="lines",
        line={"color": MUTED, "width": 1.6},
        hovertemplate="%{y:,.0f}",
    )
    lay_out(figure, height=300)
    figure.update_layout(barmode="stack", bargap=0.08)
    figure.update_yaxes(title="a second", rangemode="tozero")
    return figure


def visits(rows: Sequence[Row]) -> go.Figure:
    """Arrivals a second, and those that started late or never."""
    figure = go.Figure()
    for name, colour in VISIT_COLOURS.items():
        figure.add_bar(
            name=name.removeprefix("visits_"),
            x=_times(rows),
            y=_per_second(rows, name),
            marker={"color": colour, "line_width": 0},
            hovertemplate="%{y:,.1f}/s",
        )
    figure.add_scatter(
        name="due",
        x=_times(rows),
        y=_per_second(rows, "visits_due"),
        mode="lines",
        line={"color": "#4f7be8", "width": 2, "shape": "hv"},
        hovertemplate="%{y:,.1f}/s",
    )
    lay_out(figure, height=300)
    figure.update_layout(barmode="stack", bargap=0.08)
    figure.update_yaxes(title="visits a second", rangemode="tozero")
    return figure


def generator_cpu(rows: Sequence[Row], limit_percent: float) -> go.Figure:
    """CPU of the busiest generator process, with the limit from which a run says nothing."""
    figure = go.Figure(
        go.Scatter(
            name="busiest process",
            x=_times(rows),
            y=[row["cpu_percent_max"] for row in rows],
            mode="lines",
            line={"color": "#4f7be8", "width": 2},
            fill="tozeroy",
            hovertemplate="%{y:.0f} %",
        )
    )
    figure.add_hline(y=limit_percent, line_dash="dash", line_color=MUTED, line_width=1)
    lay_out(figure, height=200)
    figure.update_yaxes(title="% of a core", rangemode="tozero", range=[0, 110])
    return figure


def _times(rows: Sequence[Row]) -> list[float | None]:
    return [row["second"] for row in rows]


def _per_second(rows: Sequence[Row], name: str) -> list[float]:
    return [(row[name] or 0) / (row["step_s"] or 1) for row in rows]


def lay_out(figure: go.Figure, height: int) -> None:
    """What all plots of load runs share."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 16, "t": 34, "b": 8},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="x unified",
        uirevision="kept",
        dragmode=False,
    )
    figure.update_xaxes(title="seconds since the start", showgrid=False, hoverformat=".0f", ticksuffix="")
