"""One replay, after everything is read and loaded: its sessions, the ends of its orders, its summary."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.replay_bars import bars, console
from harness.system import RunningSystem
from offerloop.offers.model import Offer
from offerloop.orders.model import Product
from simulator.replay.backlog import STALLED_AFTER_S, Backlog
from simulator.replay.final import give_back, wait_until_final
from simulator.replay.mapping import Mapping
from simulator.replay.ordering import Ordering
from simulator.replay.progress import BoughtBy, Progress
from simulator.replay.recording import Recording
from simulator.replay.report import order_table, reason_table, summary_table, write_unmatched
from simulator.replay.run import Pace, Replay
from simulator.replay.sessions import SessionPlayer, ShopGone
from simulator.shoppers.http_shop import HttpShop
from simulator.shoppers.report import category_table, refusal_table, request_table
from simulator.shoppers.streams import Streams

SHOWN_CATEGORIES = 10
INTERRUPTED = 130  # exit code, as a shell gives it for Ctrl-C


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


@dataclass(frozen=True)
class Shelf:
    """What the shop has of a recording: products and, where lines carry them always, offers, by id."""

    products: dict[str, Product]
    offers: dict[str, Offer]


@dataclass
class Run:
    """The replay itself, after everything is read and loaded."""

    system: RunningSystem
    recording: Recording
    mapping: Mapping
    job: Job
    bought_by: BoughtBy
    progress: Progress
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
        # One connection more than workers: whoever starts their sessions asks about open orders.
        with HttpShop(*api, connections=workers + 1, stopping=self.stopping) as shop:
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
        with bars("replaying") as (share,):
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
        with bars("orders final", "giving returns back") as (final, returned):
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
