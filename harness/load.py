"""`make load`: load from generator processes of its own, objectives, a report, and an exit code that tells.

This process never imports Locust, which would patch it; `loadtests.crew` starts those that do.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from rich.console import Console
from rich.table import Table

from harness import lifecycle
from harness.demo import interrupt
from harness.load_settings import (
    objectives_from_environment,
    plan_from_environment,
    refuse_unlimited_aws,
    results_root,
)
from harness.settings import Refusal, settings_from_environment
from harness.system import RunningSystem
from loadtests.claims import ClaimsOutcome, pool_over_http
from loadtests.crew import ENDS_WITHIN_S, Crew
from loadtests.html_report import write_html
from loadtests.objectives import Objectives, judge
from loadtests.orders import FINAL_WITHIN_S, OrdersOutcome, asked_over_http, follow
from loadtests.plan import LoadPlan, VisitKind
from loadtests.recording import FAILED, OUTCOMES, TURNED_AWAY, Recording
from loadtests.report import PERCENTILES, Result, request_row, write_files
from loadtests.validity import invalid_because, process_loads

Say = Callable[[str], None]
EXIT_CODE = {"met": 0, "missed": 1, "invalid": 2}
INTERRUPTED = 130
STARTS_WITHIN_S = 90.0  # generators import, connect and start their users
PROGRESS_EVERY_S = 10.0


def load(say: Say, console: Console) -> int:
    """Run one load test on the running system.

    Returns:
        0; 1 when an objective was missed; 2 when the figures are invalid; 130 after Ctrl-C.
    Raises:
        Refusal, NotRunning: nothing was sent.
    """
    refuse_unlimited_aws()
    system = lifecycle.running(settings_from_environment())
    # A shell starts what runs in the background deaf to SIGINT.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    return load_on(system, say, console)


def load_on(system: RunningSystem, say: Say, console: Console) -> int:
    """Run one load test on a system; returns as `load` does.

    Raises:
        Refusal: nothing was sent, or what was measured finds no place.
    """
    objectives = objectives_from_environment()
    plan = plan_from_environment(system)
    refuse_silent(system)
    folder = new_folder(plan)
    say(words_of(plan))
    try:
        plan.save(folder)
        open_pool(plan, system)
        result = run(plan, objectives, folder, system, say)
        write_files(result, folder)
        write_html(result, folder)
    except OSError as problem:
        reason = problem.strerror or problem
        raise Refusal(f"the run cannot be kept in {folder}: {reason}; RESULTS= names another place") from None
    show(result, folder, say, console)
    return INTERRUPTED if result.status == "partial" else EXIT_CODE[result.verdict]


def run(plan: LoadPlan, objectives: Objectives, folder: Path, system: RunningSystem, say: Say) -> Result:
    """Let the generators run to their end, or to Ctrl-C or SIGTERM."""
    started = datetime.now(UTC)
    recording = Recording(folder)
    status = "complete"
    with Crew(folder, plan.workers, system.environment()) as crew:
        try:
            watch(crew, plan, recording, say)
        except KeyboardInterrupt:
            status = "partial"
            say("ending early; Ctrl-C again ends at once")
            with contextlib.suppress(KeyboardInterrupt):
                crew.interrupt()
                crew.wait(ENDS_WITHIN_S)
        failures = crew.failures()
    recording.update()
    invalid = [*failures, *invalid_because(plan, recording)]
    orders = None
    if plan.sends_orders:
        within_s = FINAL_WITHIN_S if status == "complete" else 0.0
        orders = orders_outcome(recording, system, say, within_s)
    claims = None
    if plan.pool:
        try:
            claims = claims_outcome(plan, recording, system, cut_short=status != "complete")
        except httpx.HTTPError as error:
            invalid.append(f"the pool of promo codes cannot be asked: {error}")
    verdicts = judge(objectives, recording, orders, claims)
    return Result(plan, recording, started, status, verdicts, invalid, orders, claims)


def open_pool(plan: LoadPlan, system: RunningSystem) -> None:
    """Make the pool that a run's visitors claim from, if they do.

    Raises:
        Refusal
    """
    if not plan.pool:
        return
    try:
        with pool_over_http(system.api_url, system.api_key, plan.pool) as pool:
            pool.open(plan.codes)
    except httpx.HTTPError as error:
        raise Refusal(f"the pool of promo codes cannot be made: {error}") from None


def claims_outcome(
    plan: LoadPlan, recording: Recording, system: RunningSystem, *, cut_short: bool
) -> ClaimsOutcome:
    """Close the pool and hold what it gave out against what visitors got.

    Raises:
        httpx.HTTPError
    """
    with pool_over_http(system.api_url, system.api_key, plan.pool) as pool:
        received, given = pool.close()
    return ClaimsOutcome.of(recording.claims, received=received, given=given, cut_short=cut_short)


def orders_outcome(recording: Recording, system: RunningSystem, say: Say, within_s: float) -> OrdersOutcome:
    """Wait for the orders of a run to become final, at most *within_s* seconds or to Ctrl-C."""
    say(f"waiting for {len(recording.orders)} accepted orders to become final")
    with asked_over_http(system.api_url, system.api_key) as ask:
        try:
            return follow(recording.orders, ask, within_s=within_s)
        except KeyboardInterrupt:
            return follow(recording.orders, ask, within_s=0)


def watch(crew: Crew, plan: LoadPlan, recording: Recording, say: Say) -> None:
    """Wait for the end of a run, with a line of figures now and then.

    Raises:
        Refusal: the generators did not end in time.
    """
    gives_up = time.monotonic() + STARTS_WITHIN_S + plan.seconds + ENDS_WITHIN_S
    next_line = time.monotonic() + PROGRESS_EVERY_S
    while crew.directs:
        crew.wait(min(0.5, max(0.0, next_line - time.monotonic())))
        if time.monotonic() > gives_up:
            raise Refusal("the generators did not end in time: see the logs in the run's folder")
        if time.monotonic() >= next_line:
            next_line += PROGRESS_EVERY_S
            say(progress(recording.update()))
    crew.wait(ENDS_WITHIN_S)


def progress(recording: Recording) -> str:
    """The figures so far in one line."""
    seconds = max(recording.seconds, default=-1) + 1
    together = recording.total.all_requests()
    return (
        f"{seconds:4d} s  {together.requests} requests ({together.requests / max(1, seconds):.0f}/s)  "
        f"p95 {together.intended.percentile_ms(95):.0f} ms from the intended start, "
        f"{together.service.percentile_ms(95):.0f} ms from sending  "
        f"{together.count(FAILED)} failed  {together.count(TURNED_AWAY)} turned away"
    )


def words_of(plan: LoadPlan) -> str:
    """A plan in one line."""
    load = f"{plan.rate:g} visits/s, open" if plan.rate is not None else f"{plan.users} users, closed"
    visits = "" if plan.visit is VisitKind.BROWSE else f", {plan.visit}"
    limit = f", at most {plan.max_requests} requests" if plan.max_requests else ""
    return (
        f"{load}{visits}, {plan.shape.value} for {plan.seconds:g} s, scenario {plan.scenario}, "
        f"seed {plan.seed}, {plan.workers} worker{'s' * (plan.workers > 1)}{limit}"
    )


def refuse_silent(system: RunningSystem) -> None:
    """Refuse a system whose address nobody listens on.

    Raises:
        Refusal
    """
    address = urlsplit(system.api_url)
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname or "", port), timeout=5).close()
    except OSError:
        raise Refusal(f"{system.api_url} does not answer: run `make up` first") from None


def new_folder(plan: LoadPlan) -> Path:
    """Make the run's own folder, named by time and load."""
    load = f"{plan.rate:g}-per-second" if plan.rate is not None else f"{plan.users}-users"
    visits = "" if plan.visit is VisitKind.BROWSE else f"{plan.visit}-"
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{visits}{plan.shape.value}-{load}"
    for suffix in ("", *(f"-{number}" for number in range(2, 100))):
        folder = results_root() / f"{name}{suffix}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise Refusal(f"{folder} cannot be made: {error.strerror}") from None
        return folder
    raise Refusal(f"{results_root() / name} exists a hundred times")


def show(result: Result, folder: Path, say: Say, console: Console) -> None:
    """Print the figures, the verdict and where the report is."""
    plan = result.plan
    rows = [request_row(result, name, measured) for name, measured in result.rows()]
    console.print(request_table(rows))
    console.print(latency_table(rows))
    visits = result.recording.total.visits
    if plan.is_open:
        say(
            f"visits: {visits.due} due, {visits.waited} waited for a place, "
            f"{visits.late} late through the generator, {visits.dropped} dropped"
        )
    for line in () if result.orders is None else result.orders.lines():
        say(f"orders: {line}")
    for line in () if result.claims is None else result.claims.lines():
        say(f"claims: {line}")
    for process, cpu in process_loads(result.recording).items():
        say(f"generator: {process} used {cpu.mean_percent:.0f} % of a core, {cpu.max_percent:.0f} % at most")
    for verdict in result.verdicts:
        say(f"{'ok    ' if verdict.is_met else 'MISSED'} {verdict.line()}")
    for reason in result.invalid:
        say(f"INVALID {reason}")
    if plan.max_requests:
        spent = result.recording.total.all_requests().requests + result.recording.warm_up_requests
        say(f"budget: {spent} requests answered of at most {plan.max_requests} sent, warm-up included")
    if plan.max_requests and result.status == "complete" and result.seconds < plan.seconds:
        say(f"ended after {result.seconds:.0f} of {plan.seconds:g} s: MAX_REQUESTS are sent")
    if result.status == "partial":
        say("PARTIAL the run was cut short")
    say(f"report {folder / 'report.html'}")


def request_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Requests by name and outcome."""
    table = Table("request", title="Requests", title_justify="left")
    for heading in ("count", "per second", "ok", "refused", "turned away", "failed"):
        table.add_column(heading, justify="right")
    for row in rows:
        counts = (str(row[outcome.replace(" ", "_")]) for outcome in OUTCOMES)
        table.add_row(row["request"], str(row["requests"]), f"{row['per_second']:.1f}", *counts)
    return table


def latency_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Latencies by name, from the intended start and from sending."""
    table = Table(
        "latency, ms", title="Latency from the intended start, and from sending", title_justify="left"
    )
    starts = {"intended": "", "service": " sent"}
    for words in starts.values():
        for percent in PERCENTILES:
            table.add_column(f"p{percent}{words}", justify="right")
    for row in rows:
        values = (row[f"{start}_p{percent}_ms"] for start in starts for percent in PERCENTILES)
        table.add_row(row["request"], *("–" if value is None else f"{value:.0f}" for value in values))
    return table
