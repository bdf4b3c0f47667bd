"""What bonus points come to, day by day and today so far."""

from datetime import date

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import charts, reward_charts
from dashboard.data import Source
from dashboard.reward_data import DAYS_OVER, Origin, RewardDay, Rewards, breakage, liability_change
from dashboard.views import frame
from offerloop import money
from offerloop.bonuses.model import EntryKind

REFRESH_S = 5.0
ORIGINS = {Origin.FILE: "the day's file", Origin.STREAM: "the stream"}


def show(connect: frame.Connect) -> None:
    st.title("Rewards")
    st.caption(
        f"The last {DAYS_OVER} days from the files of the daily job, and today so far as the ledger's stream "
        "counts it. Every figure covers these days alone; what came before is in none of them."
    )
    frame.refreshing(connect, _rewards, key="rewards", every_s=REFRESH_S)


def _rewards(source: Source) -> None:
    view = source.rewards()
    if not view.total.entries:
        frame.empty(
            "No points in these days",
            "Each completed order earns points, and they are here within seconds. This orders a laptop.",
            frame.order_command(source.facts().api_url),
        )
        return
    _today(view)
    _all_days(view)
    st.subheader("Issued and redeemed")
    _plot("issued", reward_charts.issued_and_redeemed(view), "Points issued and redeemed by day, and the net")
    if reward_charts.moved(view.total):
        st.subheader("What customers hold")
        _plot(
            "liability", reward_charts.liability(view), "What changed the points that customers hold, by day"
        )
    _table(view)


def _plot(key: str, figure: object, alt: str) -> None:
    st.plotly_chart(figure, key=f"rewards-{key}", config=charts.CONFIG, alt=alt)


def _today(view: Rewards) -> None:
    st.subheader(f"Today so far, {view.today.day}")
    totals = view.today.totals
    issued, redeemed, net, entries = frame.tiles(4, key="tiles-today")
    _amount(issued, "Issued today", totals.of(EntryKind.ISSUED).amount, view)
    _amount(redeemed, "Redeemed today", totals.of(EntryKind.REDEEMED).amount, view)
    _amount(net, "Net today", totals.net, view, "Issued less redeemed; nothing else is netted")
    entries.metric("Entries today", f"{totals.entries:,}", border=True, help="Of the ledger, of all kinds")


def _all_days(view: Rewards) -> None:
    days, totals = len(view.all), view.total
    st.subheader(f"{days} days, today included")
    issued, redeemed, net, change, lapsed = frame.tiles(5, key="tiles-days")
    _amount(issued, "Issued", totals.of(EntryKind.ISSUED).amount, view)
    _amount(redeemed, "Redeemed", totals.of(EntryKind.REDEEMED).amount, view)
    _amount(net, "Net", totals.net, view, "Issued less redeemed; nothing else is netted")
    _amount(
        change,
        "Liability, change",
        liability_change(totals),
        view,
        f"By how much the points that customers hold grew in these {days} days: issued and given back, less "
        "redeemed, clawed back and expired. What they held before comes on top; pending points do not count",
    )
    share = breakage(totals)
    lapsed.metric(
        "Breakage",
        "–" if share is None else f"{100 * share:.1f} %",
        border=True,
        help=f"Expired in these {days} days, of what was issued in them; what expires was issued long before",
    )


def _amount(tile: DeltaGenerator, label: str, amount: int, view: Rewards, about: str | None = None) -> None:
    tile.metric(label, money.shown(amount, view.currency), border=True, help=about)


def _table(view: Rewards) -> None:
    st.subheader("Day by day")
    st.dataframe(
        [_row(each, view) for each in reversed(view.all)],
        hide_index=True,
        height="content",
        key="reward-days",
        alt="Figures of each day, the newest first",
    )
    if view.without_file:
        missing = ", ".join(day.isoformat() for day in view.without_file)
        st.caption(f"No file yet, so from the stream: {missing}. {_remedy(view.without_file)}")
    st.caption(f"Days of the time zone {view.time_zone}. Points that are pending are in no balance.")


def _remedy(missing: list[date]) -> str:
    first, last = missing[0], missing[-1]
    days = f"DAY={first}" if first == last else f"FROM={first} TO={last}"
    return f"`make rewards {days}` writes what is missing."


def _row(each: RewardDay, view: Rewards) -> dict[str, object]:
    def shown(kind: EntryKind) -> str:
        return money.shown(each.totals.of(kind).amount, view.currency)

    return {
        "Day": f"{each.day}, so far" if each is view.today else each.day.isoformat(),
        "Issued": shown(EntryKind.ISSUED),
        "Redeemed": shown(EntryKind.REDEEMED),
        "Net": money.shown(each.totals.net, view.currency),
        "Given back": shown(EntryKind.GIVEN_BACK),
        "Clawed back": shown(EntryKind.CLAWED_BACK),
        "Expired": shown(EntryKind.EXPIRED),
        "Became pending": shown(EntryKind.PENDED),
        "Pending no more": shown(EntryKind.DROPPED),
        "Entries": each.totals.entries,
        "From": ORIGINS[each.origin],
    }
