"""What all pages share: regions that refresh by themselves, and words instead of a stack trace."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import charts
from dashboard.data import Source, Unreachable

REFRESH_S = 3.0
CHOOSABLE = 100  # orders, or messages, in a list to choose from
KEPT_CHOICE_S = 30
SCROLLS_FROM = 10  # rows of a table
Connect = Callable[[], Source]

# Streamlit fades what it is about to redraw; in a region that redraws every three seconds that flickers.
_STYLE = """<style>
[data-stale="true"] { opacity: 1 !important; transition: none !important; }
[data-testid="stMainBlockContainer"] { padding-top: 4.5rem; padding-bottom: 2rem; }
[class*="st-key-tiles"] > div { flex: 1 1 9rem !important; min-width: 9rem; width: auto !important; }
[data-testid="stMetricValue"] { font-variant-numeric: tabular-nums; font-size: 1.75rem; }
[data-testid="stMetricValue"], [data-testid="stMetricValue"] * {
  white-space: normal !important; overflow: visible; overflow-wrap: anywhere;
}
@media (max-width: 640px) {
  [data-testid="stMainBlockContainer"] { padding-left: 1rem; padding-right: 1rem; }
  h1 { font-size: 1.7rem !important; }
}
</style>"""


def page(show: Callable[[Connect], None], connect: Connect) -> Callable[[], None]:
    """A page for `st.Page` that draws a view with its source."""

    def draw() -> None:
        st.html(_STYLE)
        show(connect)

    return draw


def refreshing(
    connect: Connect, draw: Callable[[Source], None], *, key: str, every_s: float = REFRESH_S
) -> None:
    """Draw a region now and again every few seconds, without the rest of the page.

    Once the system cannot be read the region says so, and comes back by itself.
    """

    @st.fragment(run_every=every_s, key=key)
    def region() -> None:
        try:
            draw(connect())
        except Unreachable as problem:
            st.warning(str(problem), icon=":material/cloud_off:")

    region()


def empty(title: str, words: str, command: str) -> None:
    """An empty state: what would be here, and the command that brings it."""
    with st.container(border=True):
        st.markdown(f"**{title}**")
        st.caption(words)
        st.code(command, language="bash")


@st.cache_data(ttl=KEPT_CHOICE_S, show_spinner=False)
def kept_choices(_newest: Sequence[str], page: str, identity: str) -> list[str]:
    """The first of *_newest*, kept for a while, so that no list changes under a person who is choosing.

    Args:
        page, identity: of the list, and of the system that it is read from.
    """
    return list(_newest[:CHOOSABLE])


def no_orders(source: Source, title: str, words: str) -> None:
    """The empty state of what begins with an order."""
    empty(title, f"{words} This orders a laptop.", order_command(source.facts().api_url))


def plot(figure: object, *, key: str, alt: str) -> None:
    """A plot that is updated in place: a fixed *key* makes it the same one after a refresh."""
    st.plotly_chart(figure, key=key, config=charts.CONFIG, alt=alt)


def table(
    rows: Sequence[Mapping[str, object]], *, key: str, alt: str, columns: Mapping[str, Any] | None = None
) -> None:
    """Rows as high as they are, up to SCROLLS_FROM; more can be scrolled."""
    st.dataframe(
        rows,
        hide_index=True,
        height="content" if len(rows) < SCROLLS_FROM else "auto",
        key=key,
        column_config=columns,
        alt=alt,
    )


def order_command(api_url: str) -> str:
    """Commands that place an order; the key stays out of the page."""
    return f"""API={api_url}
KEY=$(make -s outputs | python3 -c 'import json, sys; print(json.load(sys.stdin)["api_key"])')
curl -X POST "$API/orders" -H "X-API-Key: $KEY" -H "Content-Type: application/json" -d '{{
  "customerId": "customer123",
  "items": [{{"productId": "LAPTOP001", "name": "Laptop", "quantity": 1, "price": 1299.99}}],
  "totalAmount": 1299.99,
  "customerEmail": "customer@shop.test",
  "customerPhone": "+447700900123",
  "shippingAddress": {{"street": "1 Main Street", "city": "Springfield", "state": "IL",
    "zipCode": "62701", "country": "US"}}
}}'"""


def tiles(count: int, *, key: str = "tiles") -> list[DeltaGenerator]:
    """*count* boxes of the same width, in a row that wraps: two beside each other on a phone."""
    row = st.container(horizontal=True, gap="small", key=key)
    return [row.container() for _ in range(count)]


def clock_time(epoch_s: float) -> str:
    return f"{datetime.fromtimestamp(epoch_s, UTC):%H:%M:%S}"


def date_time(at_ms: int) -> str:
    """UTC to the second, with its day: orders of several days stand in one list."""
    return f"{datetime.fromtimestamp(at_ms / 1_000, UTC):%Y-%m-%d %H:%M:%S}"


def ago(seconds: float) -> str:
    """A span in the largest unit that fits: 45 s, 12 min, 3 h, 2 d."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"
