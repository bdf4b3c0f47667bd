"""Load tests that were run: their figures over time, their objectives, and whether they are valid."""

from collections.abc import Mapping

import streamlit as st

from dashboard import charts, load_charts
from dashboard.load_data import LoadRun, load_runs
from dashboard.views import frame
from harness.load_settings import results_root
from loadtests.validity import BUSY_PERCENT

REFRESH_S = 5.0
SHOWN_RUNS = 50


def show(_connect: frame.Connect) -> None:
    st.title("Load runs")
    st.caption(
        "Latency is counted from the moment at which a request was meant to be sent: waiting that a stalled "
        "system causes is in it, also where nothing could be sent meanwhile."
    )
    _page()


@st.fragment(run_every=REFRESH_S, key="load-runs")
def _page() -> None:
    runs = load_runs(results_root())[:SHOWN_RUNS]
    if not runs:
        frame.empty(
            "No load test yet", "Run one against the running system: a minute is enough.", "make load"
        )
        return
    by_name = {run.name: run for run in runs}
    chosen = st.selectbox(
        "Run", list(by_name), format_func=lambda name: _label(by_name[name]), key="load-run"
    )
    run = by_name[chosen]
    try:
        _run(run)
    except (OSError, ValueError, KeyError, TypeError) as problem:  # whatever is wrong in its files
        st.warning(
            f"The files in `{run.folder}` cannot be shown ({type(problem).__name__}: {problem}).",
            icon=":material/warning:",
        )
    if len(runs) > 1:
        _all_runs(runs)


def _run(run: LoadRun) -> None:
    """One run, from its verdict to its tables."""
    _verdict(run)
    _tiles(run)
    _orders(run)
    _over_time(run)
    _tables(run)


def _label(run: LoadRun) -> str:
    return f"{run.started:%d %b %H:%M:%S} · {run.load} · {run.facts['settings']['shape']} · {run.verdict}"


def _verdict(run: LoadRun) -> None:
    """The verdict in one box, with what is missed or wrong."""
    if run.facts["status"] == "partial":
        st.info("Cut short: the figures are those up to then.", icon=":material/content_cut:")
    if not run.facts["valid"]:
        reasons = "\n".join(f"- {reason}" for reason in run.facts["invalid_because"])
        st.warning(
            f"Invalid: the generator, not the system, was measured.\n{reasons}", icon=":material/report:"
        )
        return
    missed = [verdict for verdict in run.verdicts if not verdict.is_met]
    if missed:
        lines = "\n".join(f"- {verdict.line()}" for verdict in missed)
        st.error(f"Objectives missed:\n{lines}", icon=":material/error:")
    else:
        count = len(run.verdicts)
        st.success(f"All objectives are met: {count} of {count}.", icon=":material/verified:")


def _tiles(run: LoadRun) -> None:
    facts = run.facts
    rate, intended, service, refused, failed, cpu = frame.tiles(6)
    rate.metric("Requests a second", f"{facts['requests_per_second']:,.1f}", border=True)
    intended.metric("p95, intended start", _ms(facts["latency_ms"], "intended_p95_ms"), border=True)
    service.metric("p95, from sending", _ms(facts["latency_ms"], "service_p95_ms"), border=True)
    outcomes = facts["outcomes"]
    refused.metric(
        "Turned away",
        f"{outcomes['turned away']:,}",
        border=True,
        help="429 and 503; requests are sent once and never again",
    )
    failed.metric("Failed", f"{outcomes['failed']:,}", border=True)
    cpu.metric("Generator CPU", f"{run.cpu_percent:.0f} %", border=True, help="of one core, busiest process")


def _orders(run: LoadRun) -> None:
    if run.orders:
        st.subheader("Orders")
        st.markdown("\n".join(f"- {line}" for line in run.orders))


def _ms(latencies: Mapping[str, float | None], name: str) -> str:
    value = latencies[name]
    return "–" if value is None else f"{value:,.0f} ms"


def _over_time(run: LoadRun) -> None:
    if not run.seconds:
        return
    st.subheader("Latency")
    _plot("latency", load_charts.latency(run), "Percentiles of latency over time")
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Throughput")
        _plot("throughput", load_charts.throughput(run), "Answers a second by outcome")
    with right:
        if run.is_open:
            _arrivals(run)
        else:
            _generator(run)
    if run.is_open:
        _generator(run)


def _arrivals(run: LoadRun) -> None:
    st.subheader("Arrivals")
    _plot("visits", load_charts.visits(run), "Visits due a second, and those that were late")
    visits = run.facts["visits"]
    st.caption(
        f"{visits['due']:,} visits were due; {visits['waited']:,} waited for a place, "
        f"{visits['late']:,} were late through the generator, {visits['dropped']:,} never started."
    )


def _generator(run: LoadRun) -> None:
    st.subheader("Generator")
    _plot("cpu", load_charts.generator_cpu(run), "CPU of the busiest generator process")
    st.caption(f"From {BUSY_PERCENT:.0f} % of a core on the generator limits what it measures.")


def _plot(key: str, figure: object, alt: str) -> None:
    st.plotly_chart(figure, key=f"load-{key}", config=charts.CONFIG, alt=alt)


def _tables(run: LoadRun) -> None:
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.subheader("Requests")
        st.dataframe(
            [_request(row) for row in run.requests],
            hide_index=True,
            height="content",
            key="load-requests",
            alt="Requests by name with their latencies",
        )
    with right:
        st.subheader("Objectives")
        st.dataframe(
            [
                {
                    "": "✔" if verdict.is_met else "✘",
                    "Objective": f"{verdict.subject} {verdict.objective}",
                    "Limit": verdict.shown(verdict.limit),
                    "Measured": "–" if verdict.measured is None else verdict.shown(verdict.measured),
                }
                for verdict in run.verdicts
            ],
            hide_index=True,
            height="content",
            key="load-objectives",
            alt="Each objective with its limit and what was measured",
        )
    st.caption(f"The report and all figures are in `{run.folder}`.")


def _request(row: Mapping[str, str]) -> dict[str, object]:
    def rounded(name: str) -> float | None:
        return round(float(row[name]), 1) if row[name] else None

    return {
        "Request": row["request"],
        "Count": int(row["requests"]),
        "p50 ms": rounded("intended_p50_ms"),
        "p95 ms": rounded("intended_p95_ms"),
        "p99 ms": rounded("intended_p99_ms"),
        "p95 sent": rounded("service_p95_ms"),
        "Refused": int(row["refused"]),
        "Turned away": int(row["turned_away"]),
        "Failed": int(row["failed"]),
    }


def _all_runs(runs: list[LoadRun]) -> None:
    st.subheader("All runs")
    _plot("runs", load_charts.runs(runs), "p95 against throughput of every run")
    st.dataframe(
        [
            {
                "Started (UTC)": f"{run.started:%Y-%m-%d %H:%M:%S}",
                "Load": run.load,
                "Shape": run.facts["settings"]["shape"],
                "Verdict": run.verdict,
                "Requests/s": run.facts["requests_per_second"],
                "p95": _ms(run.facts["latency_ms"], "intended_p95_ms"),
                "Failed": run.facts["outcomes"]["failed"],
                "Workers": run.facts["settings"]["workers"],
            }
            for run in runs
        ],
        hide_index=True,
        key="load-rows",
        alt="Load runs, newest first",
    )
