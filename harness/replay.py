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

from harness.audit import audit, wait_until_settled
from harness.catalogue import load_catalogue, load_products, offers_as_they_are
from harness.settings import Refusal
from harness.system import NotRunning, RunningSystem, running_system
from offerloop.offers.model import Offer
from offerloop.orders.model import Product
from simulator.replay.backlog import STALLED_AFTER_S, Backlog
from simulator.replay.catalogue import catalogue, goods
from simulator.replay.final import give_back, wait_until_final
from simulator.replay.mapping import InvalidMapping, Mapping, read_mapping
from simulator.replay.ordering import Ordering
from simulator.replay.progress import BoughtBy, CannotResume
from simulator.replay.progress import Progress as RunProgress
from simulator.replay.recording import Recording, fingerprint, record
from simulator.replay.report import (
    order_table,
    reason_table,
    summary_table,
    write_quantities,
    write_unmatched,
)
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
class Job:
    """What a replay was asked for.

    Attributes:
        limit: sessions, None = all.
        bought_by: None = as the mapping says.
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
    bought_by: BoughtBy | None


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
        with _bars("reading rows") as (share,):
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


@dataclass(frozen=True)
class Shelf:
    """What the shop has of a recording: products and, where lines carry them always, offers, by id."""

    products: dict[str, Product]
    offers: dict[str, Offer]


def _load(
    system: RunningSystem, recording: Recording, mapping: Mapping, seed: int, bought_by: BoughtBy
) -> Shelf:
    offers = list(catalogue(recording, mapping, seed, int(time.time())))
    began = time.monotonic()
    with _bars("writing offers", "listing offers") as (written, listed):
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
    with _bars("writing products") as (written,):
        products = load_products(system, wanted, written)
    console.print(f"products   {len(products)}, {time.monotonic() - began:.1f} s")
    always = mapping.orders.use_offers == "always"
    return Shelf(products, offers_as_they_are(system, list(products)) if always else {})


@dataclass
class Run:
    """The replay itself, after everything is read and loaded."""

    system: RunningSystem
    recording: Recording
    mapping: Mapping
    job: Job
    bought_by: BoughtBy
    progress: RunProgress
    shelf: Shelf
    stopping: threading.Event

    def play(self, unmatched_file: Path) -> int | None:
        """Replay and print the summary.

        Returns:
            None when everything is done, else the exit code.
        """
        already, began, cpu_began = self.progress.sessions_done, time.monotonic(), time.process_time()
        if self.job.resume:
            console.print(f"resuming   {already} of {self.recording.session_count} sessions are done")
        code: int | None = None
        workers = self.job.workers
        api = self.system.api_url, self.system.api_key
        with HttpShop(*api, connections=workers, stopping=self.stopping) as shop:
            try:
                code = self._sessions(shop)
                if code is None and self.bought_by is BoughtBy.ORDERS:
                    code = self._orders_end(shop)
            except ShopGone as gone:
                code = 1
                console.print(
                    f"[red]the API stopped answering ({gone}); see `make status` and `make logs`[/]"
                )
        elapsed_s = time.monotonic() - began
        self._show(shop, elapsed_s, (time.process_time() - cpu_began) / max(elapsed_s, 0.001), unmatched_file)
        if code is not None:
            console.print("go on with the same command and RESUME=1 (within 24 hours, on the same system)")
        elif shop.meter.requests and sum(shop.meter.refusals.values()) == shop.meter.requests:
            console.print("[red]every request was refused[/]")
            code = 1
        return code

    def _sessions(self, shop: HttpShop) -> int | None:
        total, streams = self.recording.session_count, Streams(self.job.seed)
        player = SessionPlayer(shop, self.progress.run_id, self.mapping.events, streams, self._ordering(shop))
        with _bars("replaying") as (share,):
            replay = Replay(
                player,
                self.progress,
                workers=self.job.workers,
                pace=Pace(self.job.speed),
                stopping=self.stopping,
                backlog=Backlog(shop) if self.bought_by is BoughtBy.ORDERS else None,
                on_tick=lambda: share(self.progress.outcome.sessions / total),
            )
            return None if replay.play(self.recording.sessions()) else INTERRUPTED

    def _ordering(self, shop: HttpShop) -> Ordering | None:
        if self.mapping.orders is None or self.bought_by is BoughtBy.EVENTS:
            return None
        return Ordering(
            shop,
            self.progress.run_id,
            self.shelf.products,
            self.progress.ledger,
            self.mapping.orders.use_offers,
            self.shelf.offers,
            self.mapping.offers.redemptions_per_user,
        )

    def _orders_end(self, shop: HttpShop) -> int | None:
        """Wait for the orders, then give back what was returned."""
        ledger = self.progress.ledger
        with _bars("orders final", "giving returns back") as (final, returned):
            if not self._wait(shop, final):
                return self._unfinished()
            done = give_back(
                shop,
                ledger,
                self.recording.returns(),
                run_id=self.progress.run_id,
                workers=self.job.workers,
                stopping=self.stopping,
                on_tick=returned,
            )
        return None if done else INTERRUPTED

    def _wait(self, shop: HttpShop, share: Callable[[float], None]) -> bool:
        """Wait until all orders are final; the time that it takes belongs to the run."""
        ledger, began = self.progress.ledger, time.monotonic()
        placed = max(1, ledger.account().orders)
        try:
            return wait_until_final(
                shop,
                ledger,
                workers=self.job.workers,
                stopping=self.stopping,
                on_tick=lambda left: share(1 - left / placed),
            )
        finally:
            self.progress.note(int(time.time()), self.progress.seconds + time.monotonic() - began)

    def _unfinished(self) -> int:
        if self.stopping.is_set():
            return INTERRUPTED
        left = sum(map(len, self.progress.ledger.open_orders().values()))
        console.print(
            f"[red]{left} orders are in progress, and none became final for "
            f"{STALLED_AFTER_S / 60:.0f} minutes: docs/orders.md says how to look for them[/]"
        )
        return 1

    def _show(self, shop: HttpShop, elapsed_s: float, cpu_share: float, unmatched_file: Path) -> None:
        outcome, ledger = self.progress.outcome, self.progress.ledger
        console.print(summary_table(self.recording, self.progress, self.bought_by, cpu_share))
        if self.bought_by is BoughtBy.ORDERS:
            console.print(order_table(self.recording, self.progress))
            account = ledger.account()
            if account.reasons:
                console.print(reason_table(account))
        console.print(request_table(shop.meter, elapsed_s))
        console.print(category_table(dict(outcome.served), dict(outcome.redeemed), SHOWN_CATEGORIES))
        if outcome.refusals:
            console.print(refusal_table(dict(outcome.refusals.most_common())))
        unmatched = write_unmatched(ledger.unmatched(), unmatched_file)
        if unmatched:
            line = f"returns    {unmatched} are in no completed order, or not wholly: {unmatched_file}"
            console.print(line, markup=False, soft_wrap=True)


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
