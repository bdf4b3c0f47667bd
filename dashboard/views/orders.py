"""How orders go on their way, where they fail, and everything about one of them."""

import streamlit as st

from dashboard import order_charts
from dashboard.data import Source
from dashboard.order_charts import NOTICE_WORDS, duration, words
from dashboard.order_data import (
    NEWEST_ORDERS,
    STAGES,
    OrderDetails,
    Orders,
    average_value,
    failures,
    masked,
    orders_per_hour,
    placed_over_time,
    reached,
    stage_times,
    standing,
    success_rate,
)
from dashboard.views import frame
from offerloop import money
from offerloop.orders.model import IN_PROGRESS, Order, OrderLine

REFRESH_S = 5.0  # some 200 read units each time
STANDS_STILL_S = 60


def show(connect: frame.Connect) -> None:
    st.title("Orders")
    st.caption(
        f"The newest {NEWEST_ORDERS} orders at most, found by the text message that each begins with. Every "
        "figure is of these alone; the metrics in CloudWatch count them all."
    )
    frame.refreshing(connect, _orders, key="orders", every_s=REFRESH_S)


def _orders(source: Source) -> None:
    view = source.orders()
    if not view.newest:
        frame.no_orders(source, "No order yet", "What follows on one is here within seconds.")
        return
    _tiles(view)
    _progress(view)
    _failures(view)
    _standing_still(view)
    _one_order(source, view)


def _tiles(view: Orders) -> None:
    shown, hourly, success, value, progress, oldest = frame.tiles(6)
    rate, counted_s = orders_per_hour(view)
    succeeded, mean = success_rate(view.newest), average_value(view.newest)
    shown.metric(
        "Orders shown",
        f"{len(view.newest):,}",
        border=True,
        help=f"The newest {NEWEST_ORDERS}; there are more" if view.is_cut else "All that there are",
    )
    hourly.metric(
        "Orders per hour",
        f"{rate:,.0f}",
        border=True,
        help=f"Placed within the last {duration(1_000 * counted_s)}, as many an hour",
    )
    success.metric(
        "Success rate",
        "–" if succeeded is None else f"{100 * succeeded:.1f} %",
        border=True,
        help="Completed, of those that completed or failed; cancelled ones are not counted",
    )
    value.metric(
        "Average order value",
        "–" if mean is None else money.shown(*mean),
        border=True,
        help="Of completed orders, as ordered: without what was refunded later",
    )
    progress.metric("In progress", f"{view.in_progress:,}{'+' if view.more_in_progress else ''}", border=True)
    oldest.metric(
        "Oldest in progress",
        "–" if view.oldest_placed_at_ms is None else duration(max(0, view.now_ms - view.oldest_placed_at_ms)),
        border=True,
        help="Since it was placed",
    )


def _progress(view: Orders) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Stages reached")
        frame.plot(
            order_charts.funnel(reached(view.newest)),
            key="orders-funnel",
            alt="Orders that reached each stage",
        )
    with right:
        st.subheader("Where they stand now")
        frame.plot(
            order_charts.standing(standing(view.newest)),
            key="orders-standing",
            alt="Orders by their status now",
        )
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Time per stage")
        times = stage_times(view.newest)
        if times:
            frame.plot(
                order_charts.stage_times(times),
                key="orders-stage-times",
                alt="p50 and p95 of the time in each stage",
            )
        else:
            st.caption("No order has left a stage yet.")
    with right:
        st.subheader("Orders placed")
        bucket_s, counts = placed_over_time(view)
        frame.plot(
            order_charts.placed(counts, bucket_s),
            key="orders-placed",
            alt="Orders placed over time by their outcome",
        )


def _failures(view: Orders) -> None:
    st.subheader("Failures")
    groups = failures(view.newest)
    if not groups:
        st.caption("None of these orders failed.")
        return
    st.dataframe(
        [
            {
                "Orders": group.orders,
                "Reason": group.reason,
                "Failed in": words(group.stage) if group.stage else "–",
                "Share": f"{100 * group.orders / len(view.newest):.1f} %",
                "Latest (UTC)": frame.date_time(group.latest.updated_at_ms),
                "Latest order": group.latest.order_id,
            }
            for group in groups
        ],
        hide_index=True,
        height="content" if len(groups) < 10 else "auto",
        key="failures",
        column_config={"Reason": st.column_config.TextColumn(width="large")},
        alt="Failed orders by reason, the most frequent first",
    )


def _standing_still(view: Orders) -> None:
    still = [order for order in view.waiting if view.now_ms - order.updated_at_ms > STANDS_STILL_S * 1_000]
    if not still:
        return
    st.subheader("Standing still")
    st.caption(
        "In progress without a step for over a minute. In payment processing, the payment service gives no "
        "answer and the queue tries again; docs/orders.md, “A stuck order”, has the steps."
    )
    st.dataframe(
        [
            {
                "Order": order.order_id,
                "Status": words(order.status),
                "For": frame.ago((view.now_ms - order.updated_at_ms) / 1_000),
                "Placed (UTC)": frame.date_time(order.placed_at_ms),
                "Customer": order.customer_id,
                "Total": money.shown(order.total, order.currency),
            }
            for order in still
        ],
        hide_index=True,
        height="content",
        key="standing-still",
        alt="Orders in progress that stand still, the longest first",
    )


def _one_order(source: Source, view: Orders) -> None:
    st.subheader("One order")
    order_id = st.selectbox(
        "Order",
        frame.kept_choices([story.order.order_id for story in view.newest], "orders", source.facts().api_url),
        key="order",
        accept_new_options=True,
        help=f"Choose one of the newest {frame.CHOOSABLE}, or type the id of any order.",
    )
    if not order_id:
        return
    details = source.order(order_id.strip())
    if details is None:
        st.caption("There is no order of this id.")
        return
    _summary(details.order)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown("**History**")
        _history(details, view.now_ms)
    with right:
        st.markdown("**Time in each stage**")
        timed = details.transitions[: len(STAGES)]
        if timed:
            frame.plot(
                order_charts.timeline(timed, view.now_ms),
                key="orders-timeline",
                alt="The order's stages over time",
            )
    st.markdown("**Lines**")
    _lines(details.order)
    st.markdown("**Messages**")
    _messages(details)


def _summary(order: Order) -> None:
    status, total, refunded, tracking = frame.tiles(4, key="tiles-order")
    status.metric("Status", words(order.status), border=True)
    total.metric("Total", money.shown(order.total, order.currency), border=True)
    refunded.metric("Refunded", money.shown(order.refunded, order.currency), border=True)
    shipment = order.tracking
    tracking.metric(
        "Tracking",
        "–" if shipment is None else shipment.number,
        border=True,
        help=None
        if shipment is None
        else f"{shipment.carrier}, {words(shipment.status)}, {frame.date_time(shipment.updated_at_ms)} UTC",
    )
    # As plain text: what customers and payment services write is no markup of ours.
    st.text(f"Customer {order.customer_id}, phone {masked(order.phone)}")
    if order.reason:
        st.text(f"Reason: {order.reason}")


def _history(details: OrderDetails, now_ms: int) -> None:
    rows = []
    for each, after in zip(details.transitions, [*details.transitions[1:], None], strict=True):
        is_last = after is None and each.after not in IN_PROGRESS
        lasted_ms = max(0, (after.at_ms if after else now_ms) - each.at_ms)
        rows.append(
            {
                "Status": words(each.after),
                "Time (UTC)": f"{frame.date_time(each.at_ms)}.{each.at_ms % 1_000:03}",
                "Lasted": "–" if is_last else duration(lasted_ms) + ("" if after else " so far"),
                "Detail": each.detail or "–",
            }
        )
    frame.table(rows, key="history", alt="The order's transitions, oldest first")
    if details.is_cut:
        st.caption(f"The first {len(rows)} of {details.order.version:,} transitions.")


def _lines(order: Order) -> None:
    frame.table(
        [_line(line, order.currency) for line in order.lines],
        key="lines",
        alt="The order's lines with discounts and refunds",
    )


def _line(line: OrderLine, currency: str) -> dict[str, object]:
    return {
        "Product": line.product_id,
        "Name": line.name,
        "Units": line.quantity,
        "Unit price": money.shown(line.unit_price, currency),
        "Discount a unit": money.shown(-line.unit_discount, currency) if line.unit_discount else "–",
        "Offer": line.offer_id or "–",
        "Amount": money.shown(line.amount, currency),
        "Refunded": f"{line.refunded:,} × {money.shown(line.unit_paid, currency)}" if line.refunded else "–",
    }


def _messages(details: OrderDetails) -> None:
    if not details.notices:
        st.caption("None yet.")
        return
    st.dataframe(
        [
            {
                "Time (UTC)": frame.date_time(notice.at_ms),
                "Kind": words(notice.kind),
                "Status": NOTICE_WORDS[notice.status],
                "Phone": masked(notice.phone),
                "Text": " · ".join(notice.text.splitlines()),
            }
            for notice in details.notices
        ],
        hide_index=True,
        height="content",
        key="order-messages",
        alt="Text messages about the order",
    )
