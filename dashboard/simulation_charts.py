"""The plots of simulation runs, from plain values."""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import plotly.graph_objects as go

from dashboard.charts import MUTED, PALETTE, lay_out
from dashboard.simulation_data import Band, Story
from simulator.runs.compare import Difference

RUN_COLOURS = (PALETTE[7], PALETTE[6])  # of the run and of the one it is compared with
STOCKOUT_LINE = {"color": PALETTE[8], "width": 3}
PIVOT_LINE = {"color": PALETTE[6], "width": 2, "dash": "dot"}
OPEN_LINE = {"color": MUTED, "width": 1, "shape": "hv"}
PLOT_PX = 300


def over_time(stories: Mapping[str, Story], figure_name: str, unit: str) -> go.Figure:
    """One figure of one or two runs over simulated days: mean as a line, 95 % interval as a band."""
    figure = go.Figure()
    for (label, told), colour in zip(stories.items(), RUN_COLOURS, strict=False):
        _add_band(figure, label, told.days, told.bands[figure_name], colour)
    lay_out(figure, height=PLOT_PX)
    figure.update_layout(showlegend=len(stories) > 1, hovermode="x unified", legend_traceorder="normal")
    _days(figure, stories)
    figure.update_yaxes(title=unit, rangemode="tozero")
    return figure


def stockouts_and_pivots(told: Story) -> go.Figure:
    """Stockouts and opened pivots so far, and the pivots that are open, means over replications."""
    figure = go.Figure()
    for name, label, values, line in (
        ("stockouts", "Stockouts so far", list(accumulate(told.bands["stockouts"].mean)), STOCKOUT_LINE),
        ("pivots_opened", "Pivots so far", list(accumulate(told.bands["pivots_opened"].mean)), PIVOT_LINE),
        ("pivots_open", "Pivots open", told.bands["pivots_open"].mean, OPEN_LINE),
    ):
        figure.add_scatter(
            name=label,
            x=told.days,
            y=values,
            mode="lines",
            line=line,
            fill="tozeroy" if name == "pivots_open" else "none",
            fillcolor=_faint(MUTED),
            hovertemplate="%{y:.1f}<extra>" + label.lower() + "</extra>",
        )
    lay_out(figure, height=PLOT_PX)
    figure.update_layout(hovermode="x unified", legend_traceorder="normal")
    _days(figure, {"": told})
    figure.update_yaxes(title="per replication", rangemode="tozero")
    return figure


def differences(shown: Sequence[Difference], main: str) -> go.Figure:
    """B against A in per cent of A's mean with 95 % intervals, one row per metric, the main one on top."""
    names = [each.metric.title for each in shown]
    figure = go.Figure(
        go.Scatter(
            x=[_per_cent(each, each.difference.mean) for each in shown],
            y=names,
            mode="markers",
            marker={
                "size": [14 if each.metric.name == main else 9 for each in shown],
                "color": [RUN_COLOURS[1] if each.difference.excludes_zero else MUTED for each in shown],
            },
            error_x={
                "type": "data",
                "array": [_per_cent(each, each.difference.half_width or 0.0) for each in shown],
                "thickness": 2.5,
                "width": 8,
                "color": MUTED,
            },
            hovertemplate="%{y}: %{x:+.2f} %<extra></extra>",
        )
    )
    lay_out(figure, height=90 + 36 * max(2, len(shown)))
    figure.add_vline(x=0, line_dash="dot", line_color=MUTED)
    figure.update_layout(showlegend=False)
    figure.update_yaxes(autorange="reversed", automargin=True)
    reach = _reach(shown, main)
    figure.update_xaxes(title="B against A, % of A's mean", zeroline=False, range=[-reach, reach])
    for each in shown:
        value = _per_cent(each, each.difference.mean)
        if abs(value) > reach:
            figure.add_annotation(
                x=reach if value > 0 else -reach,
                y=each.metric.title,
                xanchor="right" if value > 0 else "left",
                text=f"{value:+.0f} % ▸" if value > 0 else f"◂ {value:+.0f} %",
                yshift=11,
                showarrow=False,
                font_size=12,
            )
    return figure


def _reach(shown: Sequence[Difference], main: str) -> float:
    """How far the axis goes to both sides: a rare event's wide interval must not hide the main metric's."""
    widths = {
        each.metric.name: abs(_per_cent(each, each.difference.mean))
        + _per_cent(each, each.difference.half_width or 0.0)
        for each in shown
    }
    widest = max(widths.values())
    return 1.1 * min(widest, max(5.0, 4 * widths.get(main, widest))) or 1.0


def _per_cent(each: Difference, value: float) -> float:
    return 100 * value / abs(each.mean_a)


def _add_band(figure: go.Figure, label: str, days: Sequence[float], band: Band, colour: str) -> None:
    edge = {
        "mode": "lines",
        "line": {"width": 0, "color": colour},
        "showlegend": False,
        "hoverinfo": "skip",
        "x": days,
    }
    figure.add_scatter(y=band.high, **edge)
    # Nothing here can be negative, though an interval of few replications reaches below 0.
    figure.add_scatter(
        y=[max(0.0, low) for low in band.low], fill="tonexty", fillcolor=_faint(colour), **edge
    )
    figure.add_scatter(
        name=label,
        x=days,
        y=band.mean,
        mode="lines",
        line={"color": colour, "width": 2},
        customdata=list(zip(band.low, band.high, strict=True)),
        hovertemplate="%{y:,.1f} (95 %: %{customdata[0]:,.1f} – %{customdata[1]:,.1f})<extra>"
        + label
        + "</extra>",
    )


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.22)"


def _days(figure: go.Figure, stories: Mapping[str, Story]) -> None:
    last = max([1.0, *(told.days[-1] for told in stories.values() if told.days)])
    step = 1 if last <= 14 else None
    figure.update_xaxes(title="simulated day", range=[0, last], dtick=step, showgrid=True)
