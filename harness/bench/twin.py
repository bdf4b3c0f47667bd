"""How fast the twin is, what it adds to the use cases, what a second core gives, and whether memory stays."""

from __future__ import annotations

from collections.abc import Iterator

from harness.bench.figures import Bar, Figure, ratios
from harness.bench.row import Bench
from harness.bench.twin_runs import (
    TwinRun,
    in_own_process,
    replications_on,
    twin_alone,
    twin_and_plain_loop,
    twin_with_events,
)
from simulator.runs.replicate import cores

SEED = 7
# The shipped scenario, shorter: two days are 28,000 sessions.
BASELINE = "baseline:days=2,warm_up_days=0"
# Shoppers who like most of what they see, so that the time goes into orders: 0.85 a session, some 13,000.
TILL = "checkout:days=1,warm_up_days=0,population.liked_share=0.9,population.affinities={}"
SHORT = "baseline:days=1,warm_up_days=0"
FEW_SHOPPERS = "baseline:population.users=2000,warm_up_days=0,days={days}"
DAYS, LONGER = 12, 4

SESSIONS_PER_S = Bar("≥", 10_000, floor=4_200)
LEAST_AGAINST_PLAIN_LOOP = 0.5
LEAST_OF_TWO_CORES = 1.7
MAX_MILLION_S = 120.0
MAX_ORDERS_S = 10.0  # for ORDERS of them
ORDERS = 10_000
# Flat but for what the use cases themselves keep of each shopper and offer.
MOST_MEMORY_RATIO = 1.1


def measure(bench: Bench) -> Iterator[Figure]:
    """The five parts, each in processes of its own."""
    yield from speed(bench)
    yield till(bench)
    yield plain_loop(bench)
    yield from two_cores(bench)
    yield from memory(bench)


def speed(bench: Bench) -> list[Figure]:
    """Sessions a second and core, alone and with its events kept, and what a session consists of."""
    events = bench.folder / "events.parquet"
    alone, kept = [], []
    for _ in range(bench.rounds(3)):
        alone.append(in_own_process(twin_alone, BASELINE, SEED))
        kept.append(in_own_process(twin_with_events, BASELINE, SEED, events))
        events.unlink()
    return [
        Figure(
            "twin.sessions_per_s",
            "sessions a second and core",
            "/s",
            tuple(run.sessions_per_s for run in alone),
            SESSIONS_PER_S,
        ),
        Figure(
            "twin.kept_sessions_per_s",
            "the same, events hashed and written",
            "/s",
            tuple(run.sessions_per_s for run in kept),
            more_is_better=True,
        ),
        *session(alone[0]),
    ]


def session(run: TwinRun) -> list[Figure]:
    """What a session of the baseline consists of."""
    counts = run.counts
    tracked = counts.views + counts.clicks + counts.carts + counts.redemptions + counts.dismissals
    recommendations = counts.recommendations / counts.sessions
    return [
        Figure("twin.recommendations", "recommendations a session", "", (recommendations,), Bar("≥", 1)),
        Figure("twin.tracked", "tracked events a session", "", (tracked / counts.sessions,), Bar("≥", 3)),
        Figure("twin.calls", "use-case calls a session", "", (run.calls_per_session,)),
    ]


def till(bench: Bench) -> Figure:
    """How long the twin takes for 10,000 orders, with all that their shoppers do besides."""
    runs = [in_own_process(twin_alone, TILL, SEED) for _ in range(bench.rounds(3))]
    taken = tuple(orders_s(run) for run in runs)
    return Figure("twin.orders_s", f"{ORDERS:,} orders at its pace", "s", taken, Bar("≤", MAX_ORDERS_S))


def orders_s(run: TwinRun) -> float:
    """The processor seconds that a run takes for 10,000 orders."""
    return ORDERS * run.seconds / run.counts.orders_placed


def plain_loop(bench: Bench) -> Figure:
    """The twin's speed against that of the same use-case calls without SimPy, shoppers and streams."""
    measured = in_own_process(twin_and_plain_loop, SHORT, SEED, bench.rounds(3))
    against = ratios([plain for _, plain in measured], [twin for twin, _ in measured])
    return Figure(
        "twin.plain_ratio",
        "twin against a plain loop",
        "×",
        against,
        Bar("≥", LEAST_AGAINST_PLAIN_LOOP),
    )


def two_cores(bench: Bench) -> list[Figure]:
    """Wall-clock speed of two replications on two cores against one; nothing on a machine with one core.

    A million sessions are not run but reckoned from that pace, which the start of the processes makes slower
    than that of a long run.
    """
    if cores() < 2:
        bench.say("one core only: what a second one gives is left out")
        return []
    one_s, two_s, million_s = [], [], []
    for _ in range(bench.rounds(3)):
        one_s.append(replications_on(1, BASELINE, SEED, 2, bench.folder)[0])
        seconds, sessions = replications_on(2, BASELINE, SEED, 2, bench.folder)
        two_s.append(seconds)
        million_s.append(1_000_000 * seconds / sessions)
    against_one = ratios(one_s, two_s)
    return [
        Figure("twin.two_cores", "two cores against one", "×", against_one, Bar("≥", LEAST_OF_TWO_CORES)),
        Figure(
            "twin.million_s",
            "a million sessions at that pace",
            "s",
            tuple(million_s),
            Bar("≤", MAX_MILLION_S),
        ),
    ]


def memory(bench: Bench) -> list[Figure]:
    """Peak memory of a run against that of one four times as long."""
    events = bench.folder / "events.parquet"
    short, long = (
        in_own_process(twin_with_events, FEW_SHOPPERS.format(days=days), SEED, events)
        for days in (DAYS, LONGER * DAYS)
    )
    grown = (long.peak_bytes - short.peak_bytes) / (long.counts.sessions - short.counts.sessions)
    return [
        Figure(
            "twin.memory_ratio",
            f"peak memory, {LONGER} × the days",
            "×",
            (long.peak_bytes / short.peak_bytes,),
            Bar("≤", MOST_MEMORY_RATIO),
        ),
        Figure("twin.memory_growth", "memory a further session", "B", (max(0.0, grown),)),
    ]
