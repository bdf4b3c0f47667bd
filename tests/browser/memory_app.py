"""The dashboard on a system in memory, as `streamlit run` starts it for the browser tests."""

import os

import streamlit as st

from dashboard.app import main
from tests.memory_dashboard import MemoryDashboard


@st.cache_resource
def sample(state: str) -> MemoryDashboard:
    dashboard = MemoryDashboard()
    if state == "busy":
        dashboard.live_through()
    dashboard.down = state == "down"
    return dashboard


main(lambda: sample(os.environ["SAMPLE_STATE"]))
