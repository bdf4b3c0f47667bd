"""Recorded purchases as live traffic: ``make replay DATA=<csv[.gz]> MAP=<yaml>``; see docs/replay.md."""

from __future__ import annotations

import csv
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from harness.audit import audit, wait_until_settled
from harness.catalogue import load_catalogue
from harness.settings import Refusal
from harness.system import NotRunning, RunningSystem, running_system
from simulator.replay.catalogue import catalogue
from simulator.replay.mapping import InvalidMapping, Mapping, read_mapping
from simulator.replay.progress import CannotResume
from simulator.replay.progress import Progress as RunProgress
from simulator.replay.recording import Recording, fingerprint, record
from simulator.replay.rows import UnreadableData
from simulator.replay.run import Pace, Replay
from simulator.replay.sessions import SessionPlayer, ShopGone
from simulator.shoppers.http_shop import HttpShop
from simulator.shoppers.report import category_table, refusal_table, request_table
from simulator.shoppers.streams import Streams

WORKERS = 12
SHOWN_FAULTS = 10
SHOWN_CATEGORIES = 10
SETTLED_WITHIN_S = 600.0
INTERRUPTED = 130  # exit code, as a shell gives it for Ctrl-C

console = Console(highlight=False)


@dataclass(frozen=True)
class Order:
    """What a replay was asked for.

    Attributes:
        limit: sessions, None = all.
        speed: recorded seconds per real second, None = as fast as the system answers.
    """

    data: Path
    mapping_file: Path
    limit: int | None
    speed: float | None
    workers: int
    seed: int
    resume: bool
    audited: bool


def main(
    data: Annotated[Path, typer.Option(envvar="DATA", help="Transactions: a CSV file, plain or gzipped.")],
    map: Annotated[Path, typer.Option(envvar="MAP", help="Mapping: what its columns mean, as YAML.")],
    limit: Annotated[int, typer.Option(envvar="LIMIT", min=0, help="Sessions at most; 0 = all.")] = 0,
    speed: Annotated[
        str, typer.Option(envvar="SPEED", help="Recorded seconds per real second, or max.")
    ] = "max",
    workers: Annotated[
        int, typer.Option(envvar="WORKERS", min=1, max=256, help="Sessions at one time.")
    ] = WORKERS,
    seed: Annotated[
        int, typer.Option(envvar="SEED", min=0, help="For everything that the mapping draws.")
    ] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", envvar="RESUME", help="Go on where it was interrupted.")
    ] = False,
    audited: Annotated[bool, typer.Option("--audit/--no-audit", help="Audit the system at the end.")] = True,
) -> None:
    """Replay a transaction file against the running system."""
    try:
        order = Order(data, map, limit or None, _speed(speed), workers, seed, resume, audited)
        code = replay(running_system(), order)
    except (InvalidMapping, UnreadableData, CannotResume, Refusal, NotRunning, TimeoutError) as refusal:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]{escape(str(refusal))}[/]")
        code = 1
    raise typer.Exit(code)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < 1e9:
        raise Refusal(
            f"SPEED={text}: give recorded seconds per real second (3600 = an hour a second), or max"
        )
    return speed


def replay(system: RunningSystem, order: Order) -> int:
    """Load the recording's catalogue, replay its sessions, print what came of it.

    Returns:
        0; 1 when the API stopped answering, every request was refused or the audit found a breach;
        130 when it was interrupted.
    Raises:
        InvalidMapping, UnreadableData, CannotResume, Refusal, TimeoutError
    """
    mapping = read_mapping(order.mapping_file)
    folder = system.state_dir / "replay"
    name = fingerprint(order.data, order.mapping_file, mapping, order.seed)
    stopping = _stop_on_signals()
    with Recording(_recorded(order, mapping, folder / f"{name}.sqlite"), mapping, order.limit) as recording:
        _report_faults(recording, order.data, folder / f"{name}-left-out.csv")
        if not recording.session_count:
            raise Refusal(f"{order.data}: no usable row, so nothing to replay")
        progress = _progress(system, order, folder / f"{name}-progress.sqlite")
        try:
            _load(system, recording, mapping, order.seed)
            finished = _play(system, recording, mapping, order, progress, stopping)
        finally:
            progress.close()
    if finished is not None:
        return finished
    return _audit(system) if order.audited else 0


def _recorded(order: Order, mapping: Mapping, path: Path) -> Path:
    """The recording's file, made now unless it was made before."""
    if not path.exists():
        with _bars("reading rows") as (share,):
            record(order.data, mapping, order.seed, path, share)
    return path


def _report_faults(recording: Recording, data: Path, report: Path) -> None:
    """Say which rows are left out: the first few here, all in a file."""
    count = 0
    with report.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(("file", "line", "reason", "detail"))
        for count, (file, fault) in enumerate(recording.faults(), start=1):
            place = file or data.name
            writer.writerow((place, fault.line, fault.reason, fault.detail))
            if count <= SHOWN_FAULTS:
                line = f"left out   {place}:{fault.line}  {fault.reason}: {fault.detail}"
                console.print(line, markup=False, soft_wrap=True)
    if count:
        console.print(f"left out   {count} in all: {report}", markup=False, soft_wrap=True)
    else:
        report.unlink()


def _progress(system: RunningSystem, order: Order, path: Path) -> RunProgress:
    begin = RunProgress.resume if order.resume else RunProgress.start
    return begin(path, system.api_url, int(time.time()))


def _load(system: RunningSystem, recording: Recording, mapping: Mapping, seed: int) -> None:
    offers = list(catalogue(recording, mapping, seed, int(time.time())))
    began = time.monotonic()
    with _bars("writing offers", "listing offers") as (written, listed):
        new = load_catalogue(system, offers, written, listed)
    categories = len({offer.category for offer in offers})
    console.print(
        f"catalogue  {len(offers)} offers in {categories} categories, {new} of them new, "
        f"{time.monotonic() - began:.1f} s"
    )


def _play(
    system: RunningSystem,
    recording: Recording,
    mapping: Mapping,
    order: Order,
    progress: RunProgress,
    stopping: threading.Event,
) -> int | None:
    """Replay and print the summary.

    Returns:
        None when all sessions are done, else the exit code.
    """
    already, began, cpu_began = progress.sessions_done, time.monotonic(), time.process_time()
    if order.resume:
        console.print(f"resuming   {already} of {recording.session_count} sessions are done")
    code: int | None = None
    with (
        HttpShop(system.api_url, system.api_key, connections=order.workers, stopping=stopping) as shop,
        _bars("replaying") as (share,),
    ):
        total = recording.session_count

        def tick() -> None:
            share(progress.outcome.sessions / total)

        run = Replay(
            SessionPlayer(shop, progress.run_id, mapping.events, Streams(order.seed)),
            progress,
            workers=order.workers,
            pace=Pace(order.speed),
            stopping=stopping,
            on_tick=tick,
        )
        try:
            if not run.play(recording.sessions()):
                code = INTERRUPTED
        except ShopGone as gone:
            code = 1
            console.print(f"[red]the API stopped answering ({gone}); see `make status` and `make logs`[/]")
    elapsed_s = time.monotonic() - began
    _print_summary(recording, progress, shop, elapsed_s, time.process_time() - cpu_began)
    if code is not None:
        console.print("go on with the same command and RESUME=1 (within 24 hours, on the same system)")
    elif shop.meter.requests and sum(shop.meter.refusals.values()) == shop.meter.requests:
        console.print("[red]every request was refused[/]")
        code = 1
    return code


def _print_summary(
    recording: Recording, progress: RunProgress, shop: HttpShop, elapsed_s: float, cpu_s: float
) -> None:
    outcome = progress.outcome
    faults = recording.fault_counts()
    requests = sum(outcome.requests.values())
    table = Table("what", "count", title="Replay", title_justify="left")
    table.add_row("rows read", str(recording.rows))
    table.add_row("rows left out", str(faults.total()))
    for reason, count in faults.most_common():
        table.add_row(f"  {reason}", str(count))
    table.add_row("sessions", f"{outcome.sessions} of {recording.session_count}")
    table.add_row("requests", str(requests))
    table.add_row("redemptions stored", f"{outcome.redeemed.total()} of {recording.purchase_count}")
    table.add_row("sessions that bought a category they were served", str(outcome.matched))
    table.add_row("seconds", f"{progress.seconds:.1f}")
    table.add_row("requests per second", f"{requests / max(progress.seconds, 0.001):.1f}")
    table.add_row(
        "this client's processor, share of one core", f"{100 * cpu_s / max(elapsed_s, 0.001):.0f} %"
    )
    console.print(table)
    console.print(request_table(shop.meter, elapsed_s))
    console.print(category_table(dict(outcome.served), dict(outcome.redeemed), SHOWN_CATEGORIES))
    if outcome.refusals:
        console.print(refusal_table(dict(outcome.refusals.most_common())))


def _audit(system: RunningSystem) -> int:
    with console.status("waiting for the consumers"):
        settled = wait_until_settled(system, SETTLED_WITHIN_S)
    if not settled:
        console.print("the consumers are still busy; the audit looks at a system at work")
    report = audit(system)
    for line in report.lines():
        console.print(escape(line))
    return 0 if report.clean else 1


def _stop_on_signals() -> threading.Event:
    """Let SIGINT and SIGTERM end the replay between two sessions.

    One Ctrl-C may arrive as both, from the terminal and from the command that started this one; a second
    SIGINT ends the process where it is, which resuming mends.
    """
    interrupts = 0
    stopping = threading.Event()

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal interrupts
        interrupts += number == signal.SIGINT
        if interrupts > 1:
            os._exit(INTERRUPTED)
        # The second signal may interrupt the thread that the first one woke, while it holds the event's lock.
        if not stopping.is_set():
            stopping.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    return stopping


@contextmanager
def _bars(*names: str) -> Iterator[list[Callable[[float], None]]]:
    """Show progress bars on a terminal, and elsewhere a line for each tenth.

    Yields:
        Per name what takes the share done, 0..1.
    """
    if not console.is_terminal:
        yield [_tenths(name) for name in names]
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as bars:
        yield [_filling(bars, bars.add_task(name, total=1.0)) for name in names]


def _filling(bars: Progress, task: TaskID) -> Callable[[float], None]:
    return lambda share: bars.update(task, completed=share)


def _tenths(what: str) -> Callable[[float], None]:
    shown = 0

    def share(done: float) -> None:
        nonlocal shown
        if int(done * 10) > shown:
            shown = int(done * 10)
            console.print(f"{what}  {shown * 10} %")

    return share


if __name__ == "__main__":
    typer.run(main)
