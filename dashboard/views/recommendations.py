"""What a user is served and why, term by term."""

import streamlit as st

from dashboard import charts
from dashboard.data import Serving, Source, Unreachable, relevance_reason
from dashboard.views import frame
from offerloop.offers.model import DiscountType, Offer
from offerloop.offers.relevance import KEPT_AFFINITIES, strongest_affinities
from offerloop.offers.scoring import Weights

SHOWN_EVENTS = 12
SHOWN_AFFINITIES = 6


def show(connect: frame.Connect) -> None:
    st.title("Recommendations")
    st.caption("What a shopper is served right now, by the very code behind `POST /offers/recommend`.")
    user_id = st.selectbox(
        "Shopper",
        _known_users(connect),
        key="user",
        accept_new_options=True,
        help="Choose one, or type any id: a user nobody has seen gets the general best three.",
    )
    if user_id:
        frame.refreshing(connect, lambda source: _serving(source.serving(user_id)), key="serving")


@st.cache_data(ttl=30, show_spinner=False)
def _users(_source: Source, identity: str) -> list[str]:
    """Kept for a while, so that the list does not change under a person who is choosing."""
    return list(_source.users())


def _known_users(connect: frame.Connect) -> list[str]:
    try:
        source = connect()
        users = _users(source, source.facts().api_url)
    except Unreachable:
        users = []
    return users or ["USER001", "USER002", "USER003"]


def _serving(serving: Serving) -> None:
    _numbers(serving)
    if not serving.recommendation.offers:
        frame.empty(
            "No offer can be served",
            "None is ACTIVE with stock and before its end, or this shopper dismissed or redeemed them all.",
            "make seed",
        )
    left, right = st.columns([3, 2], gap="medium")
    if serving.recommendation.offers:
        with left:
            st.subheader("Why these offers")
            st.plotly_chart(
                charts.score_terms(serving.recommendation.offers),
                key="terms",
                config=charts.CONFIG,
                alt="Score of each served offer by its four terms",
            )
            st.caption(weights_in_words(serving.recommendation.assignment.weights))
    with right:
        st.subheader("Shopper")
        _profile(serving)
    if serving.recommendation.offers:
        st.subheader("In numbers")
        _offer_table(serving)
    st.subheader("Latest events")
    _events(serving)


def _numbers(serving: Serving) -> None:
    offers = serving.recommendation.offers
    best, available, variant, cost = frame.tiles(4)
    best.metric("Best score", f"{offers[0].score:.1f}" if offers else "–", border=True)
    available.metric("Offers in stock", f"{serving.recommendation.total_available:,}", border=True)
    assignment = serving.recommendation.assignment
    variant.metric(
        "Experiment variant", assignment.variant or "control", border=True, help=assignment.experiment_id
    )
    if serving.cost is not None:
        units = serving.cost.rcu_halves / 2
        cost.metric(
            "Read for this",
            f"{serving.cost.items} items",
            border=True,
            help=f"{serving.cost.calls} calls, {units:g} read units, {serving.cost.took_ms:.1f} ms",
        )


def _offer_table(serving: Serving) -> None:
    rows = [
        {
            "Offer": item.offer.offer_name,
            "Discount": discount(item.offer),
            "Stock": item.offer.inventory_count,
            "Priority": item.offer.priority,
            "Boost": f"+{item.offer.priority_boost}" if item.offer.priority_boost else "–",
            "Relevance": item.relevance,
            "Because": relevance_reason(item.offer.category, serving.shopper, serving.trending, serving.now),
            "Category": item.offer.category,
            "Ends in": frame.ago(item.offer.expires_at - serving.now) if item.offer.expires_at else "never",
        }
        for item in serving.recommendation.offers
    ]
    st.dataframe(
        rows,
        hide_index=True,
        key="offers",
        column_config={
            # Widths are given where the words change from one refresh to the next.
            "Offer": st.column_config.TextColumn(width="medium"),
            "Because": st.column_config.TextColumn(width="medium"),
            "Relevance": st.column_config.ProgressColumn(min_value=0, max_value=100, format="%d"),
            "Boost": st.column_config.TextColumn(help="+20 while a pivot boosts the offer"),
        },
        alt="The served offers with stock, priority, boost and relevance",
    )
    boosted = [item.offer.offer_name for item in serving.recommendation.offers if item.offer.priority_boost]
    if boosted:
        st.caption(f":material/swap_horiz: {', '.join(boosted)} carries the boost of a pivot.")


def weights_in_words(weights: Weights) -> str:
    """The score's formula with the weights that this shopper is served with."""
    shares = (
        (weights.priority_bp, "priority"),
        (weights.relevance_bp, "relevance"),
        (weights.urgency_bp, "urgency"),
        (weights.inventory_bp, "inventory"),
    )
    return "Score = " + " + ".join(f"{share / 100:g} % {term}" for share, term in shares)


def discount(offer: Offer) -> str:
    """A discount as a shopper reads it."""
    value = f"{offer.discount_hundredths / 100:g}"
    return f"{value} %" if offer.discount_type is DiscountType.PERCENTAGE else f"{value} off"


def _profile(serving: Serving) -> None:
    shopper = serving.shopper
    if shopper is None:
        st.caption("Nothing is known about this user yet: the general best three are served.")
        return
    badges = " ".join(f":blue-badge[{category}]" for category in shopper.preferences) or "none"
    engagement = f"engagement **{shopper.engagement_points:,}** points"
    st.markdown(f"Segment **{shopper.segment}** · {engagement}  \nPrefers {badges}")
    learned = strongest_affinities(shopper.affinities, serving.now, KEPT_AFFINITIES)
    if learned:
        st.plotly_chart(
            charts.affinities(dict(list(learned.items())[:SHOWN_AFFINITIES])),
            key="affinities",
            config=charts.CONFIG,
            alt="Learned interest per category",
        )
        st.caption(
            "Learned from what the shopper did; halves every 7 days. The three strongest lift relevance."
        )
    skipped = [offer_id for offer_id, until in shopper.skips.items() if until > serving.now]
    if skipped:
        names = (serving.offers[o].offer_name if o in serving.offers else o for o in sorted(skipped))
        st.caption(f"Not recommended (dismissed or used up): {', '.join(names)}")


def _events(serving: Serving) -> None:
    if not serving.events:
        frame.empty(
            "No events yet", "Shoppers view, click, redeem and dismiss what they are served.", "make shoppers"
        )
        return
    rows = [
        {
            "When": f"{frame.ago(serving.now - event.occurred_at_ms / 1_000)} ago",
            "Event": event.event_type.value.replace("_", " ").lower(),
            "Offer": serving.offers[event.offer_id].offer_name
            if event.offer_id in serving.offers
            else event.offer_id,
            "Category": event.category,
        }
        for event in serving.events[:SHOWN_EVENTS]
    ]
    st.dataframe(rows, hide_index=True, key="events", alt="The shopper's latest events")
