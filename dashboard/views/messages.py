"""Every text message that was kept: what became of it, and what it says."""

from collections import Counter

import streamlit as st

from dashboard import order_charts
from dashboard.data import Source
from dashboard.order_charts import NOTICE_WORDS, sentence, words
from dashboard.order_data import NEWEST_NOTICES, NOT_SENT, Notices, by_kind_and_status, masked
from dashboard.views import frame
from offerloop.orders.notices import Notice, NoticeStatus

REFRESH_S = 5.0


def show(connect: frame.Connect) -> None:
    st.title("Messages")
    st.caption(
        f"The newest {NEWEST_NOTICES} text messages to customers at most, also those that were not sent. "
        "Each is begun once per order and kind, and never sent a second time."
    )
    frame.refreshing(connect, _messages, key="messages", every_s=REFRESH_S)


def _messages(source: Source) -> None:
    view = source.notices()
    if not view.newest:
        frame.no_orders(
            source, "No message yet", "Each order brings one when it is placed and one when it ends."
        )
        return
    _tiles(view)
    st.subheader("By kind")
    frame.plot(
        order_charts.notices(by_kind_and_status(view.newest)),
        key="notices",
        alt="Text messages of each kind by what became of them",
    )
    st.subheader("Latest")
    st.dataframe(
        [_row(notice) for notice in view.newest],
        hide_index=True,
        key="notice-rows",
        column_config={"Status": st.column_config.TextColumn(width="medium")},
        alt="Text messages, newest first",
    )
    _one_message(source, view)


def _tiles(view: Notices) -> None:
    counts = Counter(notice.status for notice in view.newest)
    shown, sent, failed, unsent, unknown = frame.tiles(5)
    shown.metric(
        "Messages shown",
        f"{len(view.newest):,}",
        border=True,
        help=f"The newest {NEWEST_NOTICES}; there may be more" if view.is_cut else "All that there are",
    )
    sent.metric("Sent", f"{counts[NoticeStatus.SENT]:,}", border=True)
    failed.metric("Failed", f"{counts[NoticeStatus.FAILED]:,}", border=True, help="Refused by SNS")
    unsent.metric(
        "Not sent",
        f"{sum(counts[status] for status in NOT_SENT):,}",
        border=True,
        help="No phone given, its owner opted out, the phone's daily limit, or a number not allowed here",
    )
    unknown.metric(
        "Not known",
        f"{counts[NoticeStatus.SENDING]:,}",
        border=True,
        help="Begun; a message that is lost in that moment is not sent again",
    )


def _row(notice: Notice) -> dict[str, str]:
    return {
        "Time (UTC)": frame.date_time(notice.at_ms),
        "Kind": words(notice.kind),
        "Status": NOTICE_WORDS[notice.status],
        "Phone": masked(notice.phone),
        "Customer": notice.customer_id,
        "Order": notice.order_id,
    }


def _label(notice: Notice) -> str:
    """Tells a message from all others: an order has one of each kind."""
    return f"{frame.clock_time(notice.at_ms / 1_000)} · {words(notice.kind)} · {notice.order_id}"


def _one_message(source: Source, view: Notices) -> None:
    st.subheader("One message")
    newest = [_label(notice) for notice in view.newest]
    labels = frame.kept_choices(newest, "messages", source.facts().api_url)
    reading = st.session_state.get("message")
    if reading is not None and reading not in labels:  # newer ones must not take it out of a reader's hands
        labels = [*labels, reading]
    chosen = st.selectbox("Message", labels, key="message", help=f"One of the newest {frame.CHOOSABLE}.")
    notice = next((each for each in view.newest if _label(each) == chosen), None)
    if notice is None:
        st.caption(f"It is no longer among the newest {NEWEST_NOTICES}; its order on the Orders page has it.")
        return
    st.caption(f"{sentence(NOTICE_WORDS[notice.status])} · phone {masked(notice.phone)}")
    with st.container(border=True):
        # As plain text: what a shop's clients write is no markup of ours.
        st.text(notice.text)
