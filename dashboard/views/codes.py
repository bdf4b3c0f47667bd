"""How many codes each pool has left, how fast they go, and what became of its replenishment runs."""

from collections.abc import Iterable

import streamlit as st

from dashboard import reward_charts
from dashboard.data import Source
from dashboard.order_charts import duration, words
from dashboard.reward_data import (
    MOST_POOLS,
    NEEDY,
    NEWEST_RUNS,
    Pools,
    PoolView,
    most_urgent,
    next_empty,
)
from dashboard.views import frame
from offerloop import money
from offerloop.codes.forecast import lead_ms
from offerloop.codes.model import SupplierKind
from offerloop.codes.runs import MAX_ATTEMPTS, Run, RunStatus

REFRESH_S = 5.0  # eleven read units for each pool
LONGEST_FORECAST_MS = 365 * 24 * 3_600_000
LONGEST_PINNED = 20  # signs of a name that leave room for its row on a phone


def show(connect: frame.Connect) -> None:
    st.title("Code pools")
    st.caption(
        "Counts only: a code that is still free is as good as money, so none is shown. Claims are counted "
        "over the last hour, or over as long as the pool's supplier takes, a day at most; the forecast is "
        "that they go on like this and nobody refills the pool."
    )
    frame.refreshing(connect, _pools, key="pools", every_s=REFRESH_S)


def _pools(source: Source) -> None:
    view = source.pools()
    if not view.pools:
        frame.empty("No pool yet", "The sample data has five pools of promo codes.", "make seed")
        return
    _tiles(view)
    _levels(view)
    _table(view)
    _runs(view)
    _failure(source, view)


def _levels(view: Pools) -> None:
    left, right = st.columns(2, gap="medium")
    bars = most_urgent(view.pools, reward_charts.BARS)
    with left:
        st.subheader("Free codes")
        if len(bars) < len(view.pools):
            st.caption(
                f"{len(bars)} of {len(view.pools)}: first those that are short, then those that are empty "
                "soonest. The table below has all."
            )
        figure = reward_charts.free_now(bars)
        frame.plot(figure, key="pools-free", alt="Free codes of each pool and its threshold")
    with right:
        st.subheader("As they went")
        lines = [each for each in bars if len(each.trail) > 1]
        if not lines:
            st.caption("Levels are kept every minute: their course is here from the second on.")
            return
        if len(view.pools) > reward_charts.LINES:
            st.caption(f"The first {min(len(lines), reward_charts.LINES)} of those on the left.")
        figure = reward_charts.free_over_time(lines)
        frame.plot(figure, key="pools-trail", alt="Free codes of each pool over time")


def _tiles(view: Pools) -> None:
    pools, free, given, low, refilling, empty = frame.tiles(6)
    emptying = next_empty(view.pools)
    pools.metric(
        "Pools",
        f"{len(view.pools)}{'+' if view.is_cut else ''}",
        border=True,
        help=f"The first {MOST_POOLS} by id; there are more" if view.is_cut else "All that there are",
    )
    free.metric("Free codes", f"{sum(each.level.free for each in view.pools):,}", border=True)
    given.metric("Given out", f"{sum(each.level.given for each in view.pools):,}", border=True)
    low.metric(
        "Short of codes",
        f"{sum(each.state in NEEDY for each in view.pools)}",
        border=True,
        help="Empty, below the threshold, or empty before the supplier would deliver",
    )
    refilling.metric("Being refilled", f"{sum(run.is_open for run in view.runs)}", border=True)
    empty.metric(
        "Next to be empty",
        "–" if emptying is None else reward_charts.shortened(emptying.pool.pool_id),
        border=True,
        help="Of those that are not empty, if claims go on like this and nobody refills it",
    )


def _table(view: Pools) -> None:
    st.subheader("Pools")
    frame.table(
        [_row(each, view.now_ms) for each in view.pools],
        key="pool-rows",
        columns={"Pool": _name_column(each.pool.pool_id for each in view.pools)},
        alt="Pools with their levels, claims per hour and the forecast of the empty moment",
    )


def _row(view: PoolView, now_ms: int) -> dict[str, object]:
    pool, level, pace = view.pool, view.level, view.pace
    return {
        "Pool": pool.pool_id,
        "State": view.state.value,
        "Free": level.free,
        "Empty (UTC)": empty_moment(view, now_ms),
        "Claims an hour": "–" if pace is None else f"{pace.per_hour:,.3g}",
        "Counted over": "–" if pace is None else frame.ago(pace.span_ms / 1_000),
        "Threshold": pool.threshold,
        "Lead time": "–" if pool.lead_minutes is None else duration(lead_ms(pool)),
        "Last run": words(view.runs[0].status) if view.runs else "–",
        "Given": level.given,
        "Void": level.void,
        "Worth": money.shown(pool.amount, pool.currency),
        "Supplier": "–" if pool.supplier is SupplierKind.NONE else words(pool.supplier),
        "Name": pool.name,
    }


def _name_column(names: Iterable[str]) -> object:
    """The column that stays where it is when a person on a phone looks at the rest of the row."""
    is_long = any(len(name) > LONGEST_PINNED for name in names)
    return st.column_config.TextColumn(pinned=True, width="medium" if is_long else None)


def empty_moment(view: PoolView, now_ms: int) -> str:
    """When the pool will be empty, in words, as far as it can be told."""
    left_ms = view.empty_in_ms
    if left_ms is None:
        return "–"
    if not left_ms:
        return "now"
    if left_ms > LONGEST_FORECAST_MS:
        return "in over a year"
    moment = frame.date_time(now_ms + left_ms).rpartition(":")[0]
    return f"in {frame.ago(left_ms / 1_000)}, {moment}"


def _runs(view: Pools) -> None:
    st.subheader("Replenishment runs")
    st.caption(
        f"The newest {NEWEST_RUNS} of each pool at most. A run asks the pool's supplier for new codes; one "
        f"that fails for the moment is tried again, {MAX_ATTEMPTS} times in all."
    )
    if not view.runs:
        st.caption("None yet: no pool with a supplier has been below its threshold.")
        return
    frame.table(
        [_run_row(run, view.now_ms) for run in view.runs],
        key="run-rows",
        columns={
            "Pool": _name_column(run.pool_id for run in view.runs),
            "Reason": st.column_config.TextColumn(width="large"),
        },
        alt="Replenishment runs, newest first",
    )


def _run_row(run: Run, now_ms: int) -> dict[str, object]:
    took = duration(max(0, (now_ms if run.is_open else run.updated_at_ms) - run.requested_at_ms))
    return {
        "Pool": run.pool_id,
        "Requested (UTC)": frame.date_time(run.requested_at_ms),
        "Status": words(run.status),
        "Attempts": run.attempts,
        "Added": f"{run.added:,} of {run.asked_for:,}" if run.status is RunStatus.DONE else "–",
        "Reason": run.reason or "–",
        "Took": f"{took} so far" if run.is_open else took,
        "Screenshot": "below" if run.screenshot else "–",
    }


def _failure(source: Source, view: Pools) -> None:
    """The screenshot of a failed run, read when somebody asks for it and kept for the refreshes after."""
    failed = {run.run_id: run for run in view.runs if run.screenshot}
    if not failed:
        return
    st.markdown("**What the supplier's site showed**")
    st.caption("A screenshot may show codes that are still good: for eyes only that may see codes.")
    chosen = st.selectbox(
        "Failed run", list(failed), format_func=lambda run_id: _label(failed[run_id]), key="failed-run"
    )
    run = failed[chosen]
    if st.button("Show its screenshot", icon=":material/image:", key="show-screenshot"):
        st.session_state["screenshot"] = run.run_id, source.failure_picture(run.screenshot or "")
    shown: tuple[str, bytes | None] = st.session_state.get("screenshot", ("", None))
    if shown[0] != run.run_id:
        return
    if shown[1] is None:
        st.caption("There is no picture of this run any more.")
    else:
        st.image(shown[1], caption=_label(run), alt=f"Screenshot of the run {run.run_id}")


def _label(run: Run) -> str:
    return f"{frame.date_time(run.requested_at_ms)} · {run.pool_id} · {run.reason or 'no reason given'}"
