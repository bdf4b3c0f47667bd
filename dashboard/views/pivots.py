"""Stockouts and the offers that took over."""

import streamlit as st

from dashboard import charts
from dashboard.data import Pivots
from dashboard.views import frame

SHOWN_PIVOTS = 15


def show(connect: frame.Connect) -> None:
    st.title("Pivots")
    st.caption(
        "When an offer sells out, the next best of its category gets +20 priority. The boost moves on when "
        "that one ends, and is taken back when the first is restocked."
    )
    frame.refreshing(connect, lambda source: _pivots(source.pivots()), key="pivots")


def _pivots(view: Pivots) -> None:
    opened, total, undone, waiting = frame.tiles(4)
    opened.metric("Open", f"{len(view.open):,}", border=True)
    total.metric("Total, 7 days", f"{len(view.pivots):,}", border=True)
    undone.metric("Undone", f"{len(view.pivots) - len(view.open):,}", border=True)
    waiting.metric(
        "No candidate",
        f"{sum(pivot.to_offer is None for pivot in view.open):,}",
        border=True,
        help="Open pivots whose category has no other offer to boost",
    )
    if not view.pivots:
        frame.empty(
            "No stockout yet",
            "Live shoppers sell an offer out within a minute or two; or set a stock to 0 in the table.",
            "make shoppers",
        )
        return
    st.subheader("Timeline")
    st.plotly_chart(
        charts.pivot_timeline(Pivots(view.now, view.pivots[:SHOWN_PIVOTS], view.offers)),
        key="timeline",
        config=charts.CONFIG,
        alt="Each pivot from its stockout to its end",
    )
    st.subheader("Latest")
    st.dataframe(
        [_row(view, number) for number in range(min(len(view.pivots), 100))],
        hide_index=True,
        key="pivot-rows",
        alt="Pivots, newest first",
    )


def _row(view: Pivots, number: int) -> dict[str, str]:
    pivot = view.pivots[number]
    lasted = (pivot.undone_at or view.now) - pivot.opened_at
    return {
        "State": "● open" if pivot.is_open else "undone",
        "Sold out": view.name_of(pivot.from_offer),
        "Took over": view.name_of(pivot.to_offer),
        "Boost": f"+{pivot.boost}" if pivot.to_offer else "–",
        "Category": pivot.category,
        "Moved on from": ", ".join(view.name_of(offer_id) for offer_id in pivot.moved_from) or "–",
        "Opened (UTC)": frame.clock_time(pivot.opened_at),
        "Undone (UTC)": frame.clock_time(pivot.undone_at) if pivot.undone_at else "–",
        "Lasted": frame.ago(lasted),
    }
