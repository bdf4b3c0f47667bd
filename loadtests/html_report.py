"""The HTML report of a load test: one file that needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from loadtests import figures
from loadtests.report import PERCENTILES, Result, request_row, second_rows
from loadtests.validity import BUSY_PERCENT, process_loads

HTML_FILE = "report.html"
COLOURS = {"met": "#147a68", "missed": "#b3402c", "invalid": "#8a5a00"}
WORDS = {
    "met": "All objectives are met",
    "missed": "Objectives are missed",
    "invalid": "Invalid: the generator, not the system, was measured",
}
VIEWPORT = '<meta name=viewport content="width=device-width">'
STYLE = """
:root { color-scheme: light }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
       background: #fff; color: #1c2330 }
h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid #d8dde6; white-space: nowrap }
th:first-child, td:first-child { text-align: left } .scroll { overflow-x: auto }
.verdict { padding: .7rem 1rem; border-radius: .5rem; color: #fff; font-weight: 600 }
.quiet { color: #5c6778 } .missed { color: #b3402c; font-weight: 600 }
"""


def write_html(result: Result, folder: Path) -> None:
    """Write report.html."""
    rows = list(second_rows(result.recording))
    plan = result.plan
    load = f"{plan.rate:g} visits/s (open)" if plan.rate is not None else f"{plan.users} users (closed)"
    parts = [
        f"<h1>Load test · {escape(load)}</h1>",
        f'<p class="quiet">{result.started:%Y-%m-%d %H:%M:%S} UTC · target {escape(plan.target)} · '
        f"{escape(plan.visit)} · {escape(plan.shape)} · scenario {escape(plan.scenario)} · "
        f"seed {plan.seed} · {result.seconds:.0f} s · {plan.workers} worker{'s' * (plan.workers > 1)}</p>",
        f'<p class="verdict" style="background:{COLOURS[result.verdict]}">{WORDS[result.verdict]}'
        f"{' · cut short, so partial' if result.status == 'partial' else ''}</p>",
        _list(result.invalid),
        "<h2>Objectives</h2>",
        _objectives(result),
        "<h2>Requests</h2>",
        *_request_tables([request_row(result, name, measured) for name, measured in result.rows()]),
        '<p class="quiet">Latencies in ms. <i>Intended</i> counts from the moment at which a request was '
        "meant to be sent, <i>service</i> from when it was sent: what lies between is waiting that a "
        "customer would feel. Requests turned away (429, 503) are in no latency.</p>",
    ]
    if result.orders is not None:
        parts += ["<h2>Orders</h2>", _list(list(result.orders.lines()))]
    if result.claims is not None:
        parts += ["<h2>Promo codes</h2>", _list(list(result.claims.lines()))]
    if rows:
        limit = next(
            (v.limit for v in result.verdicts if (v.subject, v.objective) == ("all", "p95_ms")), None
        )
        parts += ["<h2>Latency</h2>", _plot(figures.latency(rows, limit), first=True)]
        parts += ["<h2>Throughput</h2>", _plot(figures.throughput(rows))]
        if plan.is_open:
            parts += ["<h2>Arrivals</h2>", _visits(result), _plot(figures.visits(rows))]
        parts += ["<h2>Generator</h2>", _generator(result), _plot(figures.generator_cpu(rows, BUSY_PERCENT))]
    head = f"<meta charset=utf-8>{VIEWPORT}<title>Load test</title><style>{STYLE}</style>"
    (folder / HTML_FILE).write_text(
        f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(parts)}</body></html>\n"
    )


def _objectives(result: Result) -> str:
    lines = [
        f'<li class="{"" if verdict.is_met else "missed"}">{"✔" if verdict.is_met else "✘"} '
        f"{escape(verdict.line())}</li>"
        for verdict in result.verdicts
    ]
    return f"<ul style='list-style:none;padding:0'>{''.join(lines)}</ul>" if lines else "<p>None are set.</p>"


def _visits(result: Result) -> str:
    visits = result.recording.total.visits
    return (
        f"<p>{visits.due} visits were due; {visits.waited} waited for a place because earlier ones were "
        f"slow, {visits.late} started late through the generator's own fault, {visits.dropped} never "
        "started.</p>"
    )


def _generator(result: Result) -> str:
    rows = [
        {"process": name, "mean %": f"{load.mean_percent:.0f}", "max %": f"{load.max_percent:.0f}",
         f"seconds above {BUSY_PERCENT:.0f} %": f"{100 * load.busy_share:.0f} %"}
        for name, load in process_loads(result.recording).items()
    ]  # fmt: skip
    return _table(rows)


def _request_tables(rows: Sequence[Mapping[str, object]]) -> tuple[str, str]:
    """The rows of requests.csv as two tables: counts, then latencies, intended start first."""
    latencies = [f"{start}_p{percent}_ms" for start in ("intended", "service") for percent in PERCENTILES]
    counts = [name for name in rows[0] if name not in latencies]
    return _table(_columns(rows, counts)), _table(_columns(rows, ["request", *latencies]))


def _columns(rows: Sequence[Mapping[str, object]], names: Sequence[str]) -> list[dict[str, str]]:
    return [
        {name.removesuffix("_ms").replace("_", " "): _figure(row[name]) for name in names} for row in rows
    ]


def _figure(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:,.1f}" if isinstance(value, float) else str(value)


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(value)}</td>" for value in row.values()) + "</tr>" for row in rows
    )
    return f"<div class=scroll><table><tr>{head}</tr>{body}</table></div>"


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else ""


def _plot(figure: object, *, first: bool = False) -> str:
    html: str = figure.to_html(  # type: ignore[attr-defined]
        full_html=False, include_plotlyjs=first, config={"displayModeBar": False, "responsive": True}
    )
    return html
