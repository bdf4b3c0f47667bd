"""Stand-ins for the twin that workers can import: cheap replications whose numbers are known, and mishaps."""

import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from simulator.runs.replication import Simulate
from simulator.scenario import Scenario, load_scenario
from simulator.twin.summary import NOBODY, Counts, EventKind, EventSink, Hour, ReplicationSummary

EPOCH_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
OFFERS = 5


def small_scenario(**overrides: object) -> Scenario:
    """One day of few shoppers; *overrides* with __ for dots."""
    keys = {name.replace("__", "."): value for name, value in overrides.items()}
    return load_scenario("baseline", {"days": 1, "warm_up_days": 0, "population.users": 40, **keys})


def tosses(scenario: Scenario, seed: int, replication: int, sink: EventSink | None) -> ReplicationSummary:
    """A session per toss of a coin and hour: drawn from seed and replication, and redeemed on heads.

    The pivot boost of the scenario adds as many redemptions to every hour, so that a difference is known.
    """
    heads = np.random.default_rng([seed, replication]).integers(0, 20, 24 * scenario.days)
    told = _offers(scenario, sink)
    hours = []
    for number, drawn in enumerate(heads.tolist()):
        redeemed = drawn + scenario.policies.pivot_boost
        for user in range(redeemed):
            told += _told(sink, EPOCH_MS + number * HOUR_MS + user, EventKind.REDEMPTION, user)
        counts = Counts(sessions=40, recommendations=40, offers_served=120, redemptions=redeemed)
        hours.append(Hour(counts, 1_000 - redeemed, OFFERS, number % 2))
    return _summary(scenario, seed, replication, hours, told)


def raises(_scenario: Scenario, _seed: int, replication: int, sink: EventSink | None) -> ReplicationSummary:
    """Replication 1 has a bug."""
    if replication == 1:
        raise ZeroDivisionError("a bug")
    return tosses(_scenario, _seed, replication, sink)


def dies(scenario: Scenario, seed: int, replication: int, sink: EventSink | None) -> ReplicationSummary:
    """Replication 1 takes its worker with it."""
    if replication == 1:
        os._exit(9)
    return tosses(scenario, seed, replication, sink)


def waits_for(
    scenario: Scenario, seed: int, replication: int, sink: EventSink | None, *, file: Path
) -> ReplicationSummary:
    """Replication 0 ends at once, all others when a file appears."""
    while replication and not file.exists():
        time.sleep(0.01)
    return tosses(scenario, seed, replication, sink)


def waiting_for(file: Path) -> Simulate:
    return partial(waits_for, file=file)


def _offers(scenario: Scenario, sink: EventSink | None) -> int:
    categories = len(scenario.catalogue.categories)
    created = EventKind.OFFER_CREATED
    return sum(_told(sink, EPOCH_MS, created, NOBODY, offer, offer % categories) for offer in range(OFFERS))


def _told(
    sink: EventSink | None, at_ms: int, kind: EventKind, user: int, offer: int | None = None, value: int = 0
) -> int:
    if sink is not None:
        by = user % OFFERS if offer is None else offer
        sink.event(at_ms, int(kind), user, by, value)
    return 1


def _summary(
    scenario: Scenario, seed: int, replication: int, hours: Sequence[Hour], told: int
) -> ReplicationSummary:
    totals = Counts()
    for hour in hours:
        totals.add(hour.counts)
    return ReplicationSummary(
        scenario.digest,
        seed,
        replication,
        EPOCH_MS,
        totals,
        tuple(hours),
        {},
        {},
        (totals.redemptions,),
        told,
    )
