"""Codes that customers claim from the sample pools, which are refilled, and a fortnight of points."""

import random
import struct
import zlib
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, timedelta

from dashboard.customer_reads import Booked
from offerloop.bonuses.model import Entry, EntryKind
from offerloop.codes.model import Level, Pool, SupplierKind
from offerloop.codes.replenish_pool import Replenishing, replenish_pool
from offerloop.codes.runs import Run
from offerloop.codes.watch_pools import Watching, watch_pools
from offerloop.errors import PoolEmpty, SupplierChanged, SupplierUnavailable
from offerloop.rewards.count_rewards import count_rewards
from offerloop.rewards.days import Span, day_at, starts_ms
from simulator.memory.code_runs import MemoryCodeFiles, MemoryRunStore
from simulator.memory.codes import MemoryCodeStore
from simulator.memory.ids import SeededIds
from simulator.memory.rewards import MemoryRunningTotals
from simulator.memory.world import MemoryWorld
from tests.codes import a_claim
from tests.rewards import analytics_of, put_entries, sum_up

CUSTOMERS = ("ann", "ben", "cem", "dora", "eve", "finn", "gus", "hana", "ivo", "jana", "kim", "lou")
CHANGED_SITE = "bonus-200"  # of which the supplier shows another page than it used to
SLOW_SUPPLIER = "bonus-300"
POINTS = {
    EntryKind.ISSUED: (9, 4_000, 30_000),
    EntryKind.REDEEMED: (5, 2_000, 20_000),
    EntryKind.GIVEN_BACK: (1, 500, 4_000),
    EntryKind.CLAWED_BACK: (1, 500, 6_000),
    EntryKind.EXPIRED: (2, 300, 9_000),
}  # entries on a day, and the least and the most of one


def a_picture(width: int = 640, height: int = 400) -> bytes:
    """A PNG of one colour."""
    rows = (b"\x00" + b"\xe9\xec\xf2" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


class Supplier:
    """Gives codes that follow from the run; one pool's page is not what it was, another's needs two tries."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def fetch(self, pool: Pool, count: int, batch: str) -> Sequence[str]:
        if pool.pool_id == CHANGED_SITE:
            raise SupplierChanged("scrape: the list of codes is missing (table#codes)", a_picture())
        if pool.supplier is SupplierKind.BROWSER and batch not in self.asked:
            self.asked.add(batch)
            raise SupplierUnavailable("log in: the site did not answer within 15 s")
        return [f"{pool.pool_id[:3].upper()}{batch[-8:].upper()}N{number:03d}" for number in range(count)]


class Giveaway:
    """Claims from the pools of a world, and what follows them."""

    def __init__(self, world: MemoryWorld, seed: int = 3) -> None:
        self.codes, self.runs = MemoryCodeStore(world), MemoryRunStore(world)
        self.files = MemoryCodeFiles()
        self._world, self._supplier = world, Supplier()
        self._choose, self._ids = random.Random(seed), SeededIds(seed)

    def take_time(self) -> None:
        """From now on one pool's supplier takes long, so that it is asked before the pool runs low."""
        self.codes.change_pool(SLOW_SUPPLIER, {"lead_minutes": 90})

    def some_claims(self) -> None:
        """What happens in a few seconds: a claim at most, and whatever runs it brings."""
        pool_id = self._choose.choices(
            ["bonus-100", "bonus-200", "bonus-300", "welcome-10", None], [9, 16, 6, 6, 63]
        )[0]
        if pool_id is not None:
            claim = a_claim(self.codes.pool(pool_id), None, at_ms=self._world.clock.now_ms())
            with suppress(PoolEmpty):
                self.codes.claim(claim)
        self.follow()

    def follow(self) -> None:
        """Start the runs that are due, and make one attempt at each that is open."""
        pools = [pool.pool_id for pool in self.codes.pools()]
        watch_pools(pools, Watching(self.codes, self.runs, self._world.clock, self._ids, _nobody))
        suppliers = dict.fromkeys((SupplierKind.GENERATOR, SupplierKind.BROWSER), self._supplier)
        desk = Replenishing(self.codes, self.runs, suppliers, self.files, self._world.clock, _nobody)
        for pool_id in pools:
            last = self.runs.last(pool_id)
            if last is not None and last.is_open:
                with suppress(SupplierUnavailable):
                    replenish_pool(last.run_id, pool_id, desk)


def _nobody(run: Run, pool: Pool | None, level: Level | None) -> None:
    """Whom a run is reported to."""


class Fortnight:
    """Points of the last fortnight and of today so far; the daily job has not run on one of its days.

    Attributes:
        missing: that day.
    """

    def __init__(self, world: MemoryWorld) -> None:
        self.totals = MemoryRunningTotals(world)
        self.analytics = analytics_of(world)
        self.files = self.analytics.files
        self._world = world
        self.today = day_at(world.clock.now_ms(), UTC)
        self.missing = self.today - timedelta(days=6)

    def passes(self, days: int = 14, seed: int = 5) -> None:
        """Book the entries of each day, and sum up those that are over."""
        choose = random.Random(seed)
        over = [self.today - timedelta(days=number) for number in range(days, 0, -1)]
        entries: list[Entry] = []
        numbers: Counter[str] = Counter()
        for day in [*over, self.today]:
            entries += _entries_of(day, numbers, choose)
        put_entries(self._world, *entries)
        count_rewards(entries, totals=self.totals, zone=UTC)
        for day in over:
            if day != self.missing:
                sum_up(self.analytics, day)


def _entries_of(day: date, numbers: Counter[str], choose: random.Random) -> list[Entry]:
    """A day's entries in its first minutes; *numbers* says how many each customer had before."""
    wanted = [
        (kind, choose.randint(least, most))
        for kind, (count, least, most) in POINTS.items()
        for _ in range(choose.randint(max(0, count - 2), count + 2))
    ]
    # Some buy more often than others.
    customers = choose.choices(CUSTOMERS, range(len(CUSTOMERS), 0, -1), k=len(wanted))
    entries = []
    for at, (customer_id, (kind, amount)) in enumerate(zip(customers, wanted, strict=True), 1):
        numbers[customer_id] += 1
        at_ms = starts_ms(day, UTC) + at * 1_000
        entries.append(Entry(customer_id, numbers[customer_id], kind, amount, 0, at_ms))
    return entries


class MemoryNewestEntries:
    """`NewestEntries`; there are always all."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world
        self.asked: list[Span] = []

    def of(self, span: Span) -> tuple[Sequence[Booked], int]:
        self.asked.append(span)
        entries = [
            (entry.at_ms, entry.customer_id, entry.kind.value, entry.amount)
            for ledger in self._world.entries.values()
            for entry in ledger
            if span.from_ms <= entry.at_ms < span.until_ms
        ]
        return entries, span.from_ms
