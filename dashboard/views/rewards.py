"""What bonus points come to, day by day and today so far."""

from datetime import date

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import reward_charts
from dashboard.customer_reads import MOST_ENTRIES
from dashboard.data import Source
from dashboard.reward_data import (
    DAYS_OVER,
    CustomerSum,
    Origin,
    RewardDay,
    Rewards,
    breakage,
    points_held,
)
from dashboard.views import frame
from offerloop import money
from offerloop.bonuses.model import EntryKind
from offerloop.rewards.model import Totals

REFRESH_S = 5.0
ORIGINS = {Origin.FILE: "the day's file", Origin.STREAM: "the stream"}


def show(connect: frame.Connect) -> None:
    st.title("Rewards")
    st.caption(
        f"The last {DAYS_OVER} days from the files of the daily job; today, and what is said of all time, as "
        "the ledger's stream has counted it."
    )
    frame.refreshing(connect, _rewards, key="rewards", every_s=REFRESH_S)


def _rewards(source: Source) -> None:
    view = source.rewards()
    if not view.total.entries and not view.ever.entries:
        frame.no_orders(
            source, "No points yet", "Each completed order earns points, and they are here within seconds."
        )
        return
    _today(view)
    _all_days(view)
    _ever(view)
    if view.total.entries:
        st.subheader("Issued and redeemed")
        figure = reward_charts.issued_and_redeemed(view)
        frame.plot(figure, key="rewards-issued", alt="Points issued and redeemed by day, and the net")
    if reward_charts.moved(view.total):
        st.subheader("What customers hold")
        figure = reward_charts.liability(view)
        frame.plot(figure, key="rewards-liability", alt="What changed the points that customers hold, by day")
    _top(view)
    _table(view)


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
        points_held(totals),
        view,
        f"By how much the points that customers hold grew in these {days} days: issued and given back, less "
        "redeemed, clawed back and expired. What they held before comes on top; pending points do not count",
    )
    _breakage(
        lapsed,
        totals,
        f"Expired in these {days} days, of what was issued in them; what expires was issued long before",
    )


def _ever(view: Rewards) -> None:
    st.subheader("Since the first entry")
    totals = view.ever
    held, issued, redeemed, expired, lapsed = frame.tiles(5, key="tiles-ever")
    _amount(
        held,
        "Liability",
        points_held(totals),
        view,
        "What customers hold now: all that was ever issued and given back, less redeemed, clawed back and "
        "expired. Points in open orders are in it, those owed are taken off, pending ones do not count",
    )
    _amount(issued, "Issued ever", totals.of(EntryKind.ISSUED).amount, view)
    _amount(redeemed, "Redeemed ever", totals.of(EntryKind.REDEEMED).amount, view)
    _amount(expired, "Expired ever", totals.of(EntryKind.EXPIRED).amount, view)
    _breakage(lapsed, totals, "Expired ever, of what was issued ever", label="Breakage ever")
    st.caption(
        f"{totals.entries:,} entries up to {frame.clock_time(view.now_ms / 1_000)} UTC; the stream is a "
        "second or two behind the ledger. `make audit` holds both against each other."
    )


def _breakage(tile: DeltaGenerator, totals: Totals, about: str, label: str = "Breakage") -> None:
    share = breakage(totals)
    tile.metric(label, "–" if share is None else f"{100 * share:.1f} %", border=True, help=about)


def _top(view: Rewards) -> None:
    top = view.top
    if not top.customers:
        return
    st.subheader("Top customers")
    frame.table(
        [_customer_row(each, view) for each in top.customers],
        key="top-customers",
        columns={"Customer": st.column_config.TextColumn(pinned=True, width="medium")},
        alt="Customers who were issued most points",
    )
    st.caption(
        f"By points issued: the first {len(top.customers)} of {top.among:,} customers with entries between "
        f"{frame.date_time(top.since_ms)} and {frame.date_time(top.read_at_ms)} UTC. It goes back over the "
        f"newest days that have {MOST_ENTRIES:,} entries together, at most {DAYS_OVER} and today."
    )


def _customer_row(each: CustomerSum, view: Rewards) -> dict[str, object]:
    def shown(kind: EntryKind) -> str:
        return money.shown(each.totals.of(kind).amount, view.currency)

    return {
        "Customer": each.customer_id,
        "Issued": shown(EntryKind.ISSUED),
        "Redeemed": shown(EntryKind.REDEEMED),
        "Clawed back": shown(EntryKind.CLAWED_BACK),
        "Balance, change": money.shown(points_held(each.totals), view.currency),
        "Entries": each.totals.entries,
    }


def _amount(tile: DeltaGenerator, label: str, amount: int, view: Rewards, about: str | None = None) -> None:
    tile.metric(label, money.shown(amount, view.currency), border=True, help=about)


def _table(view: Rewards) -> None:
    st.subheader("Day by day")
    st.dataframe(
        [_row(each, view) for each in reversed(view.all)],
        hide_index=True,
        height="content",
        key="reward-days",
        column_config={"Day": st.column_config.TextColumn(pinned=True)},
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
