"""The plots of code pools and of rewards, from plain values."""

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import plotly.graph_objects as go

from dashboard.charts import BAR_PX, MUTED, PALETTE, lay_out, local_time
from dashboard.reward_data import NEEDY, PoolState, PoolView, RewardDay, Rewards, points_held
from offerloop import money
from offerloop.bonuses.model import BALANCE_SIGN, EntryKind
from offerloop.rewards.model import Totals

STATE_COLOURS = {
    PoolState.OK: PALETTE[0],
    PoolState.SHORT: PALETTE[1],
    PoolState.LOW: PALETTE[6],
    PoolState.EMPTY: PALETTE[8],
    PoolState.PAUSED: MUTED,
}
# Those that change a balance, in the order in which they are stacked.
KIND_COLOURS = {
    EntryKind.ISSUED: PALETTE[0],
    EntryKind.GIVEN_BACK: PALETTE[2],
    EntryKind.REDEEMED: PALETTE[7],
    EntryKind.CLAWED_BACK: PALETTE[6],
    EntryKind.EXPIRED: PALETTE[9],
}
NET_COLOUR = PALETTE[4]
BARS = 12  # pools of which the free codes are drawn; the table has all
LINES = 8  # of which they are drawn over time: the legend has a name for each
LONGEST_NAME = 22  # in signs, on a phone
SPREAD = 50  # times as many codes as the smallest pool has
HALF_DAY = timedelta(hours=12)


def free_now(views: Sequence[PoolView]) -> go.Figure:
    """Free codes of each pool, with the threshold below which it is refilled.

    The number stands beside the pool's name, where no mark of a threshold covers it.
    """
    names = [view.pool.pool_id for view in views]
    free = [view.level.free for view in views]
    thresholds = [view.pool.threshold for view in views]
    figure = go.Figure(
        go.Bar(
            orientation="h",
            name="Free codes",
            x=free,
            y=names,
            marker_color=[STATE_COLOURS[view.state] for view in views],
            showlegend=False,
            hovertemplate="%{y}: %{x:,} free<extra></extra>",
        )
    )
    figure.add_scatter(
        name="Threshold",
        x=thresholds,
        y=names,
        mode="markers",
        marker={"symbol": "line-ns", "size": 22, "line": {"width": 3, "color": MUTED}},
        hovertemplate="%{y}: refilled below %{x:,}<extra></extra>",
    )
    lay_out(figure, height=110 + BAR_PX * max(2, len(views)))
    figure.update_layout(bargap=0.4, showlegend=True)
    figure.update_yaxes(
        autorange="reversed", automargin=True, tickvals=names, ticktext=[_label(view) for view in views]
    )
    figure.update_xaxes(nticks=5, tickformat=",d", **_scale([*free, *thresholds]))
    return figure


def _label(view: PoolView) -> str:
    """A pool's name and its number, in the colour of its state where it has no bar to show that."""
    number = f"<b>{view.level.free:,}</b>"
    if view.state in NEEDY:
        number = f'<span style="color:{STATE_COLOURS[view.state]}">{number}</span>'
    return f"{shortened(view.pool.pool_id)}  {number}"


def _scale(counts: Sequence[int]) -> dict[str, object]:
    """A linear axis, or one of powers of ten where small pools would look empty beside the largest."""
    largest = max([1, *counts])
    smallest = min((count for count in counts if count), default=1)
    if largest <= SPREAD * smallest:
        return {"title": "free codes", "range": [0, 1.1 * largest]}
    reach = [math.log10(smallest / 2), math.log10(2 * largest)]
    return {"title": "free codes (powers of ten)", "type": "log", "range": reach, "dtick": 1}


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """A name as far as an axis or a legend has room for it."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def free_over_time(views: Sequence[PoolView]) -> go.Figure:
    """Free codes of the first LINES pools, as far back as their watchers have kept them."""
    figure = go.Figure()
    for view, colour in zip(views[:LINES], PALETTE, strict=False):
        figure.add_scatter(
            name=shortened(view.pool.pool_id),
            x=[local_time(sample.at_ms / 1_000) for sample in view.trail],
            y=[sample.free for sample in view.trail],
            mode="lines+markers",
            line={"color": colour, "width": 2, "shape": "hv"},
            marker_size=4,
            hovertemplate="%{y:,}<extra>" + view.pool.pool_id + "</extra>",
        )
    # On a phone the legend has a line for each two pools.
    lay_out(figure, height=280 + 14 * len(figure.data))
    figure.update_layout(hovermode="x unified", showlegend=True)
    figure.update_xaxes(title="UTC", nticks=5, tickformat="%H:%M\n%d %b", hoverformat="%d %b %H:%M")
    figure.update_yaxes(title="free codes", rangemode="tozero", nticks=5, tickformat=",d")
    return figure


def issued_and_redeemed(view: Rewards) -> go.Figure:
    """Issued beside redeemed day by day, with the net; today, which is not over, hatched."""
    figure = go.Figure()
    for label, colour, kind in (
        ("Issued", KIND_COLOURS[EntryKind.ISSUED], EntryKind.ISSUED),
        ("Redeemed", KIND_COLOURS[EntryKind.REDEEMED], EntryKind.REDEEMED),
    ):
        figure.add_bar(
            name=label,
            **_by_day(view.all, [each.totals.of(kind).amount for each in view.all], view.currency),
            marker={"color": colour, "line_width": 0, "pattern_shape": _hatching(view)},
        )
    _add_line(figure, view, "Net", [each.totals.net for each in view.all])
    figure.update_layout(barmode="group", bargap=0.25)
    return _laid_out(figure, view)


def liability(view: Rewards) -> go.Figure:
    """What raised and what lowered the points that customers hold, day by day, and what it comes to."""
    figure = go.Figure()
    for kind, colour in KIND_COLOURS.items():
        amounts = [BALANCE_SIGN[kind] * each.totals.of(kind).amount for each in view.all]
        if any(amounts):
            figure.add_bar(
                name=kind.value.replace("_", " ").capitalize(),
                **_by_day(view.all, amounts, view.currency),
                marker={"color": colour, "line_width": 0, "pattern_shape": _hatching(view)},
            )
    _add_line(figure, view, "Change", [points_held(each.totals) for each in view.all])
    figure.update_layout(barmode="relative", bargap=0.25)
    return _laid_out(figure, view)


def _add_line(figure: go.Figure, view: Rewards, label: str, amounts: Sequence[int]) -> None:
    figure.add_scatter(
        name=label,
        **_by_day(view.all, amounts, view.currency),
        mode="lines+markers",
        line={"color": NET_COLOUR, "width": 2},
        marker_size=6,
    )


def _by_day(days: Sequence[RewardDay], amounts: Sequence[int], currency: str) -> dict[str, object]:
    """What bars and lines over days have in common."""
    return {
        "x": [each.day for each in days],
        "y": [float(money.to_major(amount)) for amount in amounts],
        "customdata": [money.shown(amount, currency) for amount in amounts],
        "hovertemplate": "%{customdata}",
    }


def _hatching(view: Rewards) -> list[str]:
    return [*("" for _ in view.days), "/"]


def _laid_out(figure: go.Figure, view: Rewards) -> go.Figure:
    lay_out(figure, height=320 + 14 * len(figure.data))
    first, last = _edges([each.day for each in view.all])
    figure.update_layout(hovermode="x unified", showlegend=True, legend_traceorder="normal")
    figure.update_xaxes(range=[first, last], nticks=6, tickformat="%d %b", hoverformat="%d %b %Y")
    figure.update_yaxes(title=view.currency, nticks=6, tickformat=",")
    return figure


def _edges(days: Sequence[date]) -> tuple[str, str]:
    """Half a day before the first and after the last, so that no bar is cut."""
    first, last = (datetime.combine(day, time(), UTC) for day in (days[0], days[-1]))
    return (first - HALF_DAY).isoformat(), (last + HALF_DAY).isoformat()


def moved(totals: Totals) -> bool:
    """Whether there is anything to draw about what customers hold."""
    return any(totals.of(kind).amount for kind in KIND_COLOURS)
