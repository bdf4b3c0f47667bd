"""What shoppers are drawn to right now."""

import streamlit as st

from dashboard import charts
from dashboard.data import ENGAGEMENT_SHOWN_S, Trends
from dashboard.views import frame
from offerloop.offers.model import EventType
from offerloop.offers.relevance import TRENDING_LIFT
from offerloop.offers.trending import TRENDING_HALF_LIFE_S

SHOWN_CATEGORIES = 12


def show(connect: frame.Connect) -> None:
    st.title("Trending")
    st.caption(
        f"Engagement per category, halved every {TRENDING_HALF_LIFE_S // 60} minutes: a view counts 1, a "
        "click 2, a cart 3, a redemption 5. The three strongest lift the relevance of their offers by "
        f"{TRENDING_LIFT} for everyone."
    )
    frame.refreshing(connect, lambda source: _trends(source.trends()), key="trends")


def _trends(view: Trends) -> None:
    by_type = view.engagement.by_type()
    lifted = [trend.category for trend in view.lifted]
    first, events, redemptions, dismissals = frame.tiles(4)
    first.metric("Strongest now", lifted[0] if lifted else "–", border=True)
    events.metric(f"Events, {ENGAGEMENT_SHOWN_S // 60} min", f"{sum(by_type.values()):,}", border=True)
    redemptions.metric("Redemptions", f"{by_type.get(EventType.REDEMPTION, 0):,}", border=True)
    dismissals.metric("Dismissals", f"{by_type.get(EventType.DISMISS, 0):,}", border=True)
    if not view.scores and not by_type:
        frame.empty("Nothing is trending", "No engagement within the last minutes.", "make shoppers")
        return
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.subheader("Now")
        if view.scores:
            st.plotly_chart(
                charts.trending(dict(list(view.scores.items())[:SHOWN_CATEGORIES])),
                key="scores",
                config=charts.CONFIG,
                alt="Decayed engagement per category",
            )
        st.caption(
            f"Lifted: {', '.join(lifted)}" if lifted else "No category is strong enough to lift relevance."
        )
    with right:
        st.subheader(f"The last {ENGAGEMENT_SHOWN_S // 60} minutes")
        busiest = dict(list(view.engagement.by_category().items())[:SHOWN_CATEGORIES])
        if busiest:
            st.plotly_chart(
                charts.engagement(busiest, view.now),
                key="engagement",
                config=charts.CONFIG,
                alt="Events a minute per category",
            )
        st.caption("Read from the engagement stream, as its consumers read it.")
