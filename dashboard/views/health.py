"""Where the system runs, whether its loop turns, and whether its books balance."""

import re
from collections.abc import Sequence

import streamlit as st

from dashboard import charts
from dashboard.data import Health, Source, SystemFacts, Unreachable
from dashboard.views import frame
from simulator.findings import InvariantResult


def show(connect: frame.Connect) -> None:
    st.title("Health")
    frame.refreshing(connect, _health, key="health", every_s=5.0)
    st.subheader("Audit")
    st.caption(
        "Checks the conservation laws on everything stored: stock, redemptions, pivots, boosts, events, "
        "counters and derived keys. The same as `make audit`."
    )
    _audit(connect)


def _health(source: Source) -> None:
    health = source.health()
    _where(source.facts())
    _counts(health)
    _verdicts(health)
    if health.metrics:
        st.subheader("Metrics, last hour")
        for number, series in enumerate(health.metrics):
            if number % 3 == 0:
                columns = st.columns(3)
            with columns[number % 3]:
                st.markdown(f"**{_words(series.name)}** {series.unit}")
                st.plotly_chart(
                    charts.metric(series),
                    key=f"metric-{series.name}",
                    config=charts.CONFIG,
                )


def _words(name: str) -> str:
    """EventsTracked -> Events tracked."""
    return re.sub(r"(?<!^)[A-Z]", lambda letter: f" {letter[0].lower()}", name)


def _where(facts: SystemFacts) -> None:
    words = f"Target **{facts.target}** · `{facts.endpoint_url}` · {facts.region}  \nAPI `{facts.api_url}`"
    st.markdown(words + (f" · [API documentation]({facts.docs_url})" if facts.docs_url else ""))


def _counts(health: Health) -> None:
    offers, available, pivots, outbox, dead = frame.tiles(5)
    offers.metric("Offers", "–" if health.offers is None else f"{health.offers:,}", border=True)
    available.metric("In stock", f"{health.available:,}", border=True)
    pivots.metric("Open pivots", f"{health.open_pivots:,}", border=True)
    outbox.metric(
        "Outbox waiting",
        f"{health.outbox_waiting:,}",
        border=True,
        help="Events stored and not yet published. A handful is normal under load; a growing number is not.",
    )
    dead.metric("Dead letters", f"{sum(health.dead_letters.values()):,}", border=True)


def _verdicts(health: Health) -> None:
    full = {name: count for name, count in health.dead_letters.items() if count}
    if full:
        listed = ", ".join(f"`{name}` ({count})" for name, count in full.items())
        st.error(
            f"Messages that no consumer could handle wait in {listed}: see `make logs`.",
            icon=":material/error:",
        )
    if health.offers == 0:
        frame.empty("No offers", "The tables are there and empty.", "make seed")


def _audit(connect: frame.Connect) -> None:
    if st.button("Run the audit", icon=":material/fact_check:"):
        try:
            with st.spinner("Reading every row …"):
                st.session_state["audit"] = list(connect().audit())
        except Unreachable as problem:
            st.warning(str(problem), icon=":material/cloud_off:")
    results: Sequence[InvariantResult] | None = st.session_state.get("audit")
    if results is None:
        return
    broken = sum(not result.holds for result in results)
    if broken:
        st.error(f"{broken} of {len(results)} laws are broken.", icon=":material/error:")
    else:
        st.success(f"All {len(results)} laws hold.", icon=":material/verified:")
    st.dataframe(
        [
            {
                "": "✔" if result.holds else "✘",
                "Law": result.name,
                "Checked": result.checked,
                "Breaches": result.detail or "–",
            }
            for result in results
        ],
        hide_index=True,
        height="content",
        key="audit-rows",
        column_config={"Checked": st.column_config.NumberColumn(format="localized")},
        alt="Each law with what was checked and its breaches",
    )
