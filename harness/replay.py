"""Recorded purchases as live traffic: ``make replay DATA=<csv[.gz]> MAP=<yaml>``; see docs/replay.md."""

from __future__ import annotations

import csv
import os
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from harness.audit import audit, wait_until_settled
from harness.catalogue import load_catalogue, load_products, offers_as_they_are
from harness.replay_bars import bars, console
from harness.replay_run import INTERRUPTED, Job, Run, Shelf
from harness.settings import Refusal
from harness.system import NotRunning, RunningSystem, running_system
from simulator.replay.catalogue import catalogue, goods
from simulator.replay.mapping import InvalidMapping, Mapping, read_mapping
from simulator.replay.progress import BoughtBy, CannotResume
from simulator.replay.progress import Progress as RunProgress
from simulator.replay.recorder import fingerprint, record
from simulator.replay.recording import Recording
from simulator.replay.report import write_quantities
from simulator.replay.rows import UnreadableData

WORKERS = 12
SHOWN_FAULTS = 10
SETTLED_WITHIN_S = 600.0


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
    bought_by: Annotated[
        BoughtBy | None,
        typer.Option("--baskets", envvar="BASKETS", help="What baskets become; default: the mapping's."),
    ] = None,
) -> None:
    """Replay a transaction file against the running system."""
    try:
        job = Job(data, map, limit or None, _speed(speed), workers, seed, resume, audited, bought_by)
        code = replay(running_system(), job)
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


def replay(system: RunningSystem, job: Job) -> int:
    """Load the recording's catalogue, replay its sessions, print what came of it.

    Returns:
        0; 1 when the API stopped answering, every request was refused or the audit found a breach;
        130 when it was interrupted.
    Raises:
        InvalidMapping, UnreadableData, CannotResume, Refusal, TimeoutError
    """
    mapping = read_mapping(job.mapping_file)
    bought_by = _bought_by(job, mapping)
    folder = system.state_dir / "replay"
    name = fingerprint(job.data, job.mapping_file, mapping, job.seed)
    stopping = _stop_on_signals()
    with Recording(_recorded(job, mapping, folder / f"{name}.sqlite"), mapping, job.limit) as recording:
        _report_faults(recording, job.data, folder / f"{name}-left-out.csv")
        if bought_by is BoughtBy.ORDERS:
            _report_quantities(recording, folder / f"{name}-quantities.csv")
        if not recording.session_count:
            raise Refusal(f"{job.data}: no usable row, so nothing to replay")
        progress = _progress(system, job, bought_by, folder / f"{name}-progress.sqlite")
        try:
            shelf = _load(system, recording, mapping, job.seed, bought_by)
            run = Run(system, recording, mapping, job, bought_by, progress, shelf, stopping)
            finished = run.play(folder / f"{name}-returns.csv")
        finally:
            progress.close()
    if finished is not None:
        return finished
    return _audit(system) if job.audited else 0


def _bought_by(job: Job, mapping: Mapping) -> BoughtBy:
    """What baskets become.

    Raises:
        Refusal: orders are asked for and cannot be made.
    """
    can_order = mapping.orders is not None and mapping.has_prices
    if job.bought_by is BoughtBy.ORDERS and not can_order:
        lacking = "`orders: null`" if mapping.orders is None else "its value is a constant 0"
        raise Refusal(
            f"BASKETS=orders: {job.mapping_file} cannot say what a unit costs or is sold as: {lacking}"
        )
    return job.bought_by or (BoughtBy.ORDERS if can_order else BoughtBy.EVENTS)


def _recorded(job: Job, mapping: Mapping, path: Path) -> Path:
    """The recording's file, made now unless it was made before."""
    if not path.exists():
        with bars("reading rows") as (share,):
            record(job.data, mapping, job.seed, path, share)
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


def _report_quantities(recording: Recording, report: Path) -> None:
    """Say which rows' quantities are no counts of units: how many here, all in a file."""
    count = write_quantities(recording.odd_quantities(), report)
    if count:
        line = f"quantities {count} rows have none that is a count of units: {report}"
        console.print(line, markup=False, soft_wrap=True)


def _progress(system: RunningSystem, job: Job, bought_by: BoughtBy, path: Path) -> RunProgress:
    begin = RunProgress.resume if job.resume else RunProgress.start
    return begin(path, system.api_url, int(time.time()), bought_by)


def _load(
    system: RunningSystem, recording: Recording, mapping: Mapping, seed: int, bought_by: BoughtBy
) -> Shelf:
    offers = list(catalogue(recording, mapping, seed, int(time.time())))
    began = time.monotonic()
    with bars("writing offers", "listing offers") as (written, listed):
        new = load_catalogue(system, offers, written, listed)
    categories = len({offer.category for offer in offers})
    console.print(
        f"catalogue  {len(offers)} offers in {categories} categories, {new} of them new, "
        f"{time.monotonic() - began:.1f} s"
    )
    if mapping.orders is None or bought_by is BoughtBy.EVENTS:
        return Shelf({}, {})
    wanted = list(goods(recording, mapping.orders))
    began = time.monotonic()
    with bars("writing products") as (written,):
        products = load_products(system, wanted, written)
    console.print(f"products   {len(products)}, {time.monotonic() - began:.1f} s")
    always = mapping.orders.use_offers == "always"
    return Shelf(products, offers_as_they_are(system, list(products)) if always else {})


def _audit(system: RunningSystem) -> int:
    with console.status("waiting for the consumers, and for what follows from the orders"):
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


if __name__ == "__main__":
    typer.run(main)
