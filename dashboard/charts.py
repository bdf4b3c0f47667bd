"""The plots of the pages, from plain values. Colours work on light and dark; text follows the theme."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import plotly.graph_objects as go

from dashboard.data import BUCKET_S, ENGAGEMENT_SHOWN_S, ExperimentView, MetricSeries, Pivots
from offerloop.offers.board import category_list
from offerloop.offers.model import Pivot
from offerloop.offers.recommend import RecommendedOffer
from offerloop.offers.trending import TRENDING_FLOOR

TERM_COLOURS = {
    "priority": "#4f7be8",
    "relevance": "#18a58c",
    "urgency": "#eb8f22",
    "inventory": "#9a6fe0",
}
# Apart from each other also for people who tell red from green badly; readable on white and on near-black.
PALETTE = (
    "#18a58c",
    "#c9a227",
    "#3fa7d6",
    "#7aa33a",
    "#d9579b",
    "#9a6fe0",
    "#eb8f22",
    "#4f7be8",
    "#e0604c",
    "#8d7f76",
)
OPEN_COLOUR, CLOSED_COLOUR, MUTED = "#eb8f22", "#8a94a6", "#8a94a6"
# No toolbar over the plots: on a phone it covers them.
CONFIG = {"displayModeBar": False, "scrollZoom": False, "responsive": True}
BAR_PX = 46  # height of one horizontal bar with its gap


def colour_of(category: str) -> str:
    """A category's colour: the same on every page and in every session."""
    return PALETTE[zlib.crc32(category_list(category).encode()) % len(PALETTE)]


def local_time(epoch_s: float) -> datetime:
    """UTC as plots show it."""
    return datetime.fromtimestamp(epoch_s, UTC)


def score_terms(shown: Sequence[RecommendedOffer]) -> go.Figure:
    """One stacked bar per served offer: the four weighted terms, best offer on top."""
    names = [f"<b>{n}. {item.offer.offer_name}</b>" for n, item in enumerate(shown, 1)]
    figure = go.Figure()
    for term, colour in TERM_COLOURS.items():
        points = [getattr(item.terms, term) for item in shown]
        figure.add_bar(
            orientation="h",
            name=term.title(),
            x=points,
            y=names,
            marker_color=colour,
            text=[f"{value:.1f}" if value >= 4 else "" for value in points],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont_color="#ffffff",
            hovertemplate=f"{term.title()}: %{{x:.2f}} points<extra></extra>",
        )
    figure.add_scatter(
        x=[item.score for item in shown],
        y=names,
        mode="text",
        text=[f"  <b>{item.score:.1f}</b>" for item in shown],
        textposition="middle right",
        textfont_size=15,
        showlegend=False,
        hoverinfo="skip",
        cliponaxis=False,
    )
    lay_out(figure, height=110 + 62 * len(shown))
    figure.update_layout(barmode="stack", bargap=0.46, legend={"traceorder": "normal"})
    # Names above their bars: beside them they would leave no room for the bars on a phone.
    figure.update_yaxes(autorange="reversed", showticklabels=False)
    for name in names:
        figure.add_annotation(
            x=0, y=name, yshift=27, xanchor="left", text=name, showarrow=False, font_size=13
        )
    top = max([120.0, *(item.score * 1.12 for item in shown)])
    figure.update_xaxes(range=[0, top], title="points", showgrid=True)
    return figure


def affinities(points: Mapping[str, float]) -> go.Figure:
    """Learned interest per category, strongest on top."""
    return _category_bars(points, "points, decayed to now", "{:.1f}")


def trending(scores: Mapping[str, float]) -> go.Figure:
    """Engagement per category decayed to now, strongest on top, with the floor under which nothing trends."""
    figure = _category_bars(scores, "points, decayed to now", "{:.0f}")
    figure.add_vline(
        x=TRENDING_FLOOR,
        line_dash="dot",
        line_color=MUTED,
        annotation_text="trends from here",
        annotation_position="top right",
        annotation_y=1,
        annotation_yanchor="bottom",
        annotation_font_size=11,
    )
    return figure


def _category_bars(values: Mapping[str, float], unit: str, number: str) -> go.Figure:
    names = list(values)
    figure = go.Figure(
        go.Bar(
            orientation="h",
            x=list(values.values()),
            y=names,
            marker_color=[colour_of(name) for name in names],
            text=[number.format(value) for value in values.values()],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.2f}<extra></extra>",
        )
    )
    lay_out(figure, height=90 + BAR_PX * max(2, len(names)))
    figure.update_layout(showlegend=False, bargap=0.4)
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_xaxes(title=unit, rangemode="tozero", range=[0, 1.15 * max([1.0, *values.values()])])
    return figure


def engagement(by_category: Mapping[str, Mapping[int, int]], now: int) -> go.Figure:
    """Events a minute per category over the last minutes, stacked."""
    newest = now // BUCKET_S * BUCKET_S
    buckets = list(range(newest - ENGAGEMENT_SHOWN_S + BUCKET_S, newest, BUCKET_S))
    figure = go.Figure()
    for category, counts in by_category.items():
        figure.add_bar(
            name=category,
            x=[local_time(bucket) for bucket in buckets],
            y=[counts.get(bucket, 0) * 60 / BUCKET_S for bucket in buckets],
            marker={"color": colour_of(category), "line_width": 0},
            hovertemplate="%{y:.0f} a minute<extra>" + category + "</extra>",
        )
    lay_out(figure, height=340)
    figure.update_layout(barmode="stack", bargap=0.12, hovermode="x unified", legend_traceorder="normal")
    figure.update_xaxes(range=[local_time(buckets[0]), local_time(newest)], tickformat="%H:%M")
    figure.update_yaxes(title="events a minute", rangemode="tozero")
    return figure


def pivot_timeline(view: Pivots) -> go.Figure:
    """One line per pivot from its opening to its end, or to now while it is open."""
    figure = go.Figure()
    shown = sorted(view.pivots, key=lambda pivot: pivot.opened_at, reverse=True)
    for is_open, label, colour in ((True, "Open", OPEN_COLOUR), (False, "Undone", CLOSED_COLOUR)):
        for number, pivot in enumerate(pivot for pivot in shown if pivot.is_open is is_open):
            figure.add_scatter(
                name=label,
                legendgroup=label,
                showlegend=number == 0,
                x=[local_time(pivot.opened_at), local_time(pivot.undone_at or view.now)],
                y=[pivot.pivot_id] * 2,
                mode="lines+markers",
                line={"color": colour, "width": 7},
                marker={
                    "color": colour,
                    "size": 12,
                    "symbol": ["circle", "circle" if pivot.undone_at else "triangle-right"],
                },
                hovertemplate=_pivot_words(pivot, view) + "<br>%{x|%H:%M:%S}<extra></extra>",
            )
    for pivot in shown:
        figure.add_annotation(
            x=0,
            xref="paper",
            y=pivot.pivot_id,
            yshift=17,
            xanchor="left",
            showarrow=False,
            font_size=12,
            text=_pivot_words(pivot, view),
        )
    lay_out(figure, height=100 + 50 * len(shown))
    figure.update_yaxes(
        showticklabels=False, categoryorder="array", categoryarray=[pivot.pivot_id for pivot in shown][::-1]
    )
    figure.update_xaxes(title="UTC")
    return figure


def _pivot_words(pivot: Pivot, view: Pivots) -> str:
    """The sold-out offer and each that took over, the present one last."""
    earlier = [view.name_of(offer_id) for offer_id in (pivot.from_offer, *pivot.moved_from)]
    return " → ".join([*earlier, f"<b>{view.name_of(pivot.to_offer)}</b>"])


def conversions(view: ExperimentView) -> go.Figure:
    """Conversion per variant in per cent with its 95 % interval."""
    variants = view.result.variants
    figure = go.Figure(
        go.Scatter(
            x=[100 * variant.conversion for variant in variants],
            y=[variant.name for variant in variants],
            mode="markers",
            marker={"size": 14, "color": [PALETTE[7 - n] for n in range(len(variants))]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [100 * (variant.high - variant.conversion) for variant in variants],
                "arrayminus": [100 * (variant.conversion - variant.low) for variant in variants],
                "thickness": 2.5,
                "width": 9,
                "color": MUTED,
            },
            hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
        )
    )
    lay_out(figure, height=110 + 56 * len(variants))
    figure.update_yaxes(autorange="reversed", automargin=True)
    top = max([5.0, *(110 * variant.high for variant in variants if variant.exposed)])
    figure.update_xaxes(title="users who redeemed, %", range=[0, min(102.0, top)])
    return figure


def metric(series: MetricSeries) -> go.Figure:
    """One CloudWatch metric over the last hour."""
    figure = go.Figure(
        go.Scatter(
            x=[local_time(at) for at, _ in series.points],
            y=[value for _, value in series.points],
            mode="lines+markers",
            line={"color": PALETTE[7], "width": 2},
            marker_size=4,
            fill="tozeroy",
            hovertemplate="%{x|%H:%M}: %{y:,.1f}<extra></extra>",
        )
    )
    lay_out(figure, height=200)
    figure.update_xaxes(tickformat="%H:%M", nticks=5)
    figure.update_yaxes(rangemode="tozero", nticks=4)
    return figure


def lay_out(figure: go.Figure, height: int) -> None:
    """What all plots share. The fixed `uirevision` keeps a person's zoom and hover over a refresh."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 24, "t": 34 if len(figure.data) > 1 else 20, "b": 8},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "xanchor": "left", "title": None},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        uirevision="kept",
        dragmode=False,
    )
