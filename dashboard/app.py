"""Navigation of the dashboard; `streamlit run dashboard/app.py`."""

import sys
from collections.abc import Callable
from pathlib import Path

# Streamlit puts this file's own folder on the path, not the repository's.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import streamlit as st

from dashboard.data import Source
from dashboard.live import connect
from dashboard.views import (
    codes,
    experiments,
    frame,
    health,
    load,
    messages,
    orders,
    pivots,
    recommendations,
    rewards,
    simulation,
    trending,
)

ASSETS = Path(__file__).resolve().parent / "assets"
PAGES = (
    (recommendations, "Recommendations", ":material/local_offer:"),
    (pivots, "Pivots", ":material/swap_horiz:"),
    (trending, "Trending", ":material/trending_up:"),
    (experiments, "Experiments", ":material/science:"),
    (orders, "Orders", ":material/shopping_cart:"),
    (messages, "Messages", ":material/sms:"),
    (codes, "Code pools", ":material/confirmation_number:"),
    (rewards, "Rewards", ":material/redeem:"),
    (load, "Load runs", ":material/speed:"),
    (simulation, "Simulation runs", ":material/timeline:"),
    (health, "Health", ":material/monitor_heart:"),
)


def main(connect: Callable[[], Source] = connect) -> None:
    """Draw the page that the address names.

    Args:
        connect: gives the source of all data; called at each refresh, so that it may follow the system.
    """
    st.set_page_config(page_title="Offerloop", page_icon=str(ASSETS / "loop.svg"), layout="wide")
    st.logo(ASSETS / "wordmark.svg", size="large")
    pages = [
        st.Page(
            frame.page(view.show, connect), title=title, icon=icon, url_path=title.lower().replace(" ", "-")
        )
        for view, title, icon in PAGES
    ]
    st.navigation(pages, position="top").run()


if __name__ == "__main__":
    main()
