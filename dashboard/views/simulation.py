"""What `make simulate` and `make compare` left: a run's story over time, and two runs against each other."""

from collections.abc import Sequence

import streamlit as st

from dashboard import charts, simulation_charts
from dashboard.simulation_data import Story, Unreadable, comparison, runs, runs_folder, story
from dashboard.views import frame
from simulator.runs.compare import Comparison, Incomparable, number
from simulator.runs.metrics import METRICS
from simulator.runs.results import Run

TILES = ("sessions", "redemptions", "conversion", "lost_sales", "stockouts")
NOBODY = "no other run"


def show(_connect: frame.Connect) -> None:
    """Draw the page; runs lie in folders, whether or not a system is running."""
    st.title("Simulation runs")
    st.caption(
        "Scenarios run on the digital twin: the same use cases as the functions, on a virtual clock. Lines "
        "are means over replications, bands their 95 % intervals."
    )
    found = runs(runs_folder())
    if not found:
        frame.empty(
            "No run yet",
            "A week of the baseline scenario, ten times over, takes about two minutes on two cores.",
            "make simulate SCENARIO=baseline",
        )
        return
    st.dataframe(_rows(found), hide_index=True, key="runs", alt="Runs, newest first")
    left, right = st.columns(2, gap="medium")
    by_label = {_label(run): run for run in found}
    chosen = by_label[left.selectbox("Run (A)", list(by_label), key="run")]
    others = [NOBODY, *(label for label in by_label if label != _label(chosen))]
    other = by_label.get(right.selectbox("Compared with (B)", others, key="other"))
    try:
        _run(chosen, other)
    except Unreadable as problem:
        st.warning(str(problem), icon=":material/warning:")


def _rows(found: Sequence[Run]) -> list[dict[str, str]]:
    return [
        {
            "Started (UTC)": f"{run.started_at:%Y-%m-%d %H:%M:%S}",
            "Run": _label(run),
            "Seed": str(run.seed),
            "Replications": f"{run.finished} of {run.replications}",
            "State": "complete" if run.complete else "◐ partial",
            "Sessions": f"{sum(run.measured['sessions']):,.0f}",
            "Took": frame.ago(run.seconds),
            "Hash": run.hash[:12],
            "Version": run.code_version,
        }
        for run in found
    ]


def _label(run: Run) -> str:
    """A run's name; of a comparison's two, with the letter."""
    return run.name if len(run.name) > 1 else f"{run.path.parent.name}, {run.name.upper()}"


def _run(run: Run, other: Run | None) -> None:
    for each in (run, other):
        if each is not None and not each.complete:
            st.warning(
                f"{_label(each)} is partial: {each.finished} of {each.replications} replications finished.",
                icon=":material/hourglass_bottom:",
            )
    if not run.finished or (other is not None and not other.finished):
        return
    stories = {"A" if other else _label(run): story(run)}
    if other is None:
        _tiles(run)
    else:
        _comparison(run, other)
        stories["B"] = story(other)
    _story(stories)


def _tiles(run: Run) -> None:
    for tile, name in zip(frame.tiles(len(TILES)), TILES, strict=True):
        known, metric = run.estimate(name), METRICS[name]
        if known is None:
            continue
        unit = f" {metric.unit}" if metric.unit else ""
        spread = "" if known.half_width is None else f"± {number(known.half_width)}{unit}"
        tile.metric(
            metric.title,
            f"{number(known.mean)}{unit}",
            border=True,
            delta=spread or None,
            delta_color="off",
            delta_arrow="off",
            help="mean per replication, ± half of its 95 % interval",
        )


def _story(stories: dict[str, Story]) -> None:
    per = "a day" if next(iter(stories.values())).step_h > 1 else "an hour"
    plots = [
        (f"Sessions {per}", "sessions", f"sessions {per}"),
        (f"Redemptions {per}", "redemptions", f"redemptions {per}"),
        ("Stock", "units_left", "units left, all offers"),
        ("Offers in stock", "offers_in_stock", "offers"),
    ]
    for first, second in (plots[:2], plots[2:]):
        for column, (title, name, unit) in zip(st.columns(2, gap="medium"), (first, second), strict=True):
            with column:
                st.subheader(title)
                st.plotly_chart(
                    simulation_charts.over_time(stories, name, unit),
                    key=name,
                    config=charts.CONFIG,
                    alt=f"{title} over simulated days",
                )
    for column, (label, told) in zip(st.columns(2, gap="medium"), stories.items(), strict=False):
        with column:
            st.subheader("Stockouts and pivots" + (f", {label}" if len(stories) > 1 else ""))
            st.plotly_chart(
                simulation_charts.stockouts_and_pivots(told),
                key=f"pivots-{label}",
                config=charts.CONFIG,
                alt="Stockouts, pivots opened and pivots open over simulated days",
            )


def _comparison(a: Run, b: Run) -> None:
    named = st.selectbox(
        "Main metric",
        list(METRICS),
        index=list(METRICS).index("redemptions"),
        format_func=lambda name: METRICS[name].title,
        key="metric",
        help="Choose it before looking: among twenty metrics one differs by chance alone.",
    )
    try:
        found = comparison(a, b, named)
    except Incomparable as problem:
        st.warning(str(problem), icon=":material/compare_arrows:")
        return
    st.markdown(f"#### {found.verdict}")
    for key, (of_a, of_b) in found.differing.items():
        st.markdown(f"- `{key}`: {of_a} for A, {of_b} for B")
    for note in found.notes:
        st.caption(note)
    main = found.differences[named]
    others = [each for name, each in found.differences.items() if name != named]
    shown = [each for each in (main, *others) if each.mean_a]
    left, right = st.columns(2, gap="medium")
    if shown:
        left.plotly_chart(
            simulation_charts.differences(shown, named),
            key="differences",
            config=charts.CONFIG,
            alt="B against A in per cent with 95 % intervals",
        )
    right.dataframe(
        _difference_rows(found, named),
        hide_index=True,
        key="difference-rows",
        alt="Means of both runs and their difference with its interval",
    )
    right.caption("All but the first are exploratory: among twenty, one differs by chance alone.")


def _difference_rows(found: Comparison, main: str) -> list[dict[str, str]]:
    names = [main, *(name for name in found.differences if name != main)]
    rows = []
    for each in (found.differences[name] for name in names):
        if not (each.mean_a or each.mean_b):
            continue
        known = each.difference
        bounds = (
            "–" if known.low is None or known.high is None else f"{number(known.low)} to {number(known.high)}"
        )
        rows.append(
            {
                "Metric": each.metric.title + (f" ({each.metric.unit})" if each.metric.unit else ""),
                "A": number(each.mean_a),
                "B": number(each.mean_b),
                "B − A": number(known.mean),
                "95 % interval": bounds,
                "Shown": "yes" if known.excludes_zero else "no",
            }
        )
    return rows
