"""The plots of orders and of texts, from plain values."""

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from dashboard.charts import BAR_PX, MUTED, PALETTE, lay_out, local_time
from dashboard.order_data import Outcome, StageTime
from offerloop.orders.messages import NoticeKind
from offerloop.orders.model import IN_PROGRESS, PAID, OrderStatus, Transition
from offerloop.orders.notices import NoticeStatus

OUTCOME_COLOURS = {
    Outcome.COMPLETED: PALETTE[0],
    Outcome.IN_PROGRESS: PALETTE[7],
    Outcome.FAILED: PALETTE[8],
    Outcome.CANCELLED: MUTED,
}
REFUND_COLOUR = PALETTE[1]
NOTICE_COLOURS = {
    NoticeStatus.SENT: PALETTE[0],
    NoticeStatus.FAILED: PALETTE[8],
    NoticeStatus.SENDING: PALETTE[7],
    NoticeStatus.NO_PHONE: MUTED,
    NoticeStatus.OPTED_OUT: PALETTE[5],
    NoticeStatus.CAPPED: PALETTE[6],
    NoticeStatus.NUMBER_NOT_ALLOWED: PALETTE[2],
}
NOTICE_WORDS = {
    NoticeStatus.SENT: "sent",
    NoticeStatus.FAILED: "failed: refused by SNS",
    NoticeStatus.SENDING: "begun, outcome not known",
    NoticeStatus.NO_PHONE: "not sent: no phone given",
    NoticeStatus.OPTED_OUT: "not sent: opted out",
    NoticeStatus.CAPPED: "not sent: the phone's daily limit",
    NoticeStatus.NUMBER_NOT_ALLOWED: "not sent: number not allowed here",
}
# Milliseconds at which an axis of durations is labelled.
DURATIONS_MS = {
    1: "1 ms",
    10: "10 ms",
    100: "100 ms",
    1_000: "1 s",
    10_000: "10 s",
    60_000: "1 min",
    600_000: "10 min",
    3_600_000: "1 h",
    24 * 3_600_000: "1 d",
}


def words(name: str) -> str:
    """PAYMENT_PROCESSING -> Payment processing."""
    return name.replace("_", " ").capitalize()


def sentence(text: str) -> str:
    """ "not sent" -> "Not sent", and what else is written large stays so."""
    return text[:1].upper() + text[1:]


def funnel(reached: Mapping[OrderStatus, int]) -> go.Figure:
    """How many orders came to each stage, and their share of all."""
    whole = max([1, *reached.values()])
    labels = [f"{count:,} · {100 * count / whole:.0f} %" for count in reached.values()]
    return _bars(reached, labels, [PALETTE[7]] * len(reached))


def standing(counts: Mapping[OrderStatus, int]) -> go.Figure:
    """How many orders have each status now."""
    return _bars(counts, [f"{count:,}" for count in counts.values()], [_colour(status) for status in counts])


def _colour(status: OrderStatus) -> str:
    if status in IN_PROGRESS:
        return OUTCOME_COLOURS[Outcome.IN_PROGRESS]
    if status in PAID:
        return OUTCOME_COLOURS[Outcome.COMPLETED] if status is OrderStatus.COMPLETED else REFUND_COLOUR
    return OUTCOME_COLOURS[Outcome.FAILED if status is OrderStatus.FAILED else Outcome.CANCELLED]


def _bars(counts: Mapping[OrderStatus, int], labels: Sequence[str], colours: Sequence[str]) -> go.Figure:
    figure = go.Figure(
        go.Bar(
            orientation="h",
            x=list(counts.values()),
            y=[words(status) for status in counts],
            marker_color=colours,
            text=labels,
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:,} orders<extra></extra>",
        )
    )
    lay_out(figure, height=90 + BAR_PX * max(2, len(counts)))
    figure.update_layout(showlegend=False, bargap=0.4)
    figure.update_yaxes(autorange="reversed", automargin=True)
    # Room for the labels behind the bars, also on a phone.
    figure.update_xaxes(title="orders", rangemode="tozero", range=[0, 1.45 * max([1, *counts.values()])])
    figure.update_xaxes(nticks=5, tickformat=",d")
    return figure


def stage_times(times: Sequence[StageTime]) -> go.Figure:
    """Median and 95th percentile of the time in each stage, on an axis of powers of ten."""
    names = [words(each.stage) for each in times]
    figure = go.Figure()
    for each, name in zip(times, names, strict=True):
        figure.add_scatter(
            x=[_at_least_1_ms(each.p50_ms), _at_least_1_ms(each.p95_ms)],
            y=[name, name],
            mode="lines",
            line={"color": MUTED, "width": 4},
            showlegend=False,
            hoverinfo="skip",
        )
    for label, colour, symbol, side, values in (
        ("p50", PALETTE[7], "circle", "left", [each.p50_ms for each in times]),
        ("p95", PALETTE[6], "diamond", "right", [each.p95_ms for each in times]),
    ):
        figure.add_scatter(
            name=label,
            x=[_at_least_1_ms(value) for value in values],
            y=names,
            mode="markers+text",
            marker={"color": colour, "size": 13, "symbol": symbol},
            text=[f"  {duration(value)}  " for value in values],
            textposition=f"middle {side}",
            textfont_size=11,
            cliponaxis=False,
            customdata=[[duration(value), each.orders] for value, each in zip(values, times, strict=True)],
            hovertemplate=f"%{{y}}, {label}: %{{customdata[0]}} (%{{customdata[1]:,}} orders)<extra></extra>",
        )
    lay_out(figure, height=110 + BAR_PX * max(2, len(times)))
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_xaxes(
        type="log",
        title="time in the stage",
        range=_decades(times),
        tickvals=list(DURATIONS_MS),
        ticktext=list(DURATIONS_MS.values()),
    )
    return figure


def _decades(times: Sequence[StageTime]) -> tuple[float, float]:
    """The ends of the axis as powers of ten: whole decades, with room for the labels on both sides."""
    lowest = min(_at_least_1_ms(each.p50_ms) for each in times)
    highest = max(_at_least_1_ms(each.p95_ms) for each in times)
    low, high = math.floor(math.log10(lowest)), math.ceil(math.log10(highest))
    return low - 0.6, max(low + 1, high) + 0.6


def _at_least_1_ms(value_ms: float) -> float:
    """A stage that took no whole millisecond has a place on the axis too."""
    return max(1.0, value_ms)


def placed(counts: Mapping[Outcome, Mapping[int, int]], bucket_s: int) -> go.Figure:
    """Orders by when they were placed, stacked by what has become of them."""
    figure = go.Figure()
    for outcome, of in counts.items():
        figure.add_bar(
            name=outcome.value.capitalize(),
            x=[local_time(start + bucket_s / 2) for start in of],
            y=list(of.values()),
            width=[900 * bucket_s] * len(of),  # of 1,000 milliseconds a second
            marker={"color": OUTCOME_COLOURS[outcome], "line_width": 0},
            hovertemplate="%{y:,}<extra>" + outcome.value + "</extra>",
        )
    lay_out(figure, height=300)
    figure.update_layout(barmode="stack", hovermode="x unified", legend_traceorder="normal", showlegend=True)
    figure.update_xaxes(title="UTC", nticks=6)
    figure.update_yaxes(title=f"orders in {duration(1_000 * bucket_s)}", rangemode="tozero", nticks=5)
    figure.update_yaxes(tickformat=",d")
    return figure


def timeline(transitions: Sequence[Transition], now_ms: int) -> go.Figure:
    """One bar for each stage of one order, from its placing to its end, or to now while it is on its way.

    Refunds come hours later and are left out.
    """
    started_ms = transitions[0].at_ms
    rows = [
        (words(each.after), each.at_ms - started_ms, (after.at_ms if after else now_ms) - each.at_ms)
        for each, after in zip(transitions, [*transitions[1:], None], strict=True)
        if each.after in IN_PROGRESS
    ]
    figure = go.Figure(
        go.Bar(
            orientation="h",
            base=[start / 1_000 for _, start, _ in rows],
            x=[took / 1_000 for _, _, took in rows],
            y=[name for name, _, _ in rows],
            marker_color=PALETTE[7],
            text=[duration(took) for _, _, took in rows],
            textposition="outside",
            cliponaxis=False,
            customdata=[[duration(start), duration(took)] for _, start, took in rows],
            hovertemplate="%{y}: %{customdata[1]}, from %{customdata[0]} on<extra></extra>",
        )
    )
    lay_out(figure, height=90 + 36 * max(2, len(rows)))
    figure.update_layout(showlegend=False, bargap=0.45)
    figure.update_yaxes(autorange="reversed", automargin=True)
    whole_s = max(0.001, *((start + took) / 1_000 for _, start, took in rows))
    figure.update_xaxes(title="seconds since it was placed", range=[0, 1.3 * whole_s], nticks=6)
    return figure


def notices(counts: Mapping[tuple[str, NoticeStatus], int]) -> go.Figure:
    """Texts of each kind, stacked by what became of them."""
    kinds = [kind.value for kind in NoticeKind]
    figure = go.Figure()
    for status, colour in NOTICE_COLOURS.items():
        of = [counts.get((kind, status), 0) for kind in kinds]
        if any(of):
            figure.add_bar(
                orientation="h",
                name=sentence(NOTICE_WORDS[status]),
                x=of,
                y=[words(kind) for kind in kinds],
                marker={"color": colour, "line_width": 0},
                hovertemplate="%{y}: %{x:,}<extra>" + NOTICE_WORDS[status] + "</extra>",
            )
    # On a phone the legend has a line for each status.
    lay_out(figure, height=120 + BAR_PX * len(kinds) + 14 * len(figure.data))
    figure.update_layout(barmode="stack", bargap=0.4, legend_traceorder="normal", showlegend=True)
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_xaxes(title="text messages", rangemode="tozero", nticks=5, tickformat=",d")
    return figure


def duration(took_ms: float) -> str:
    """A span of time with up to three digits: 380 ms, 12.5 s, 4.2 min, 3.05 h, 2.1 d."""
    if took_ms < 1_000:
        return f"{took_ms:.0f} ms"
    for unit, size_ms, limit in (("s", 1_000, 60), ("min", 60_000, 60), ("h", 3_600_000, 24)):
        if took_ms < limit * size_ms:
            return f"{took_ms / size_ms:.3g} {unit}"
    return f"{took_ms / 86_400_000:,.1f} d"
