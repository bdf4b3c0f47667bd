"""How long ``make up`` takes, from nothing and with kept data."""

from __future__ import annotations

import shutil

from harness.bench.figures import Bar, Figure
from harness.bench.own_system import OwnSystem
from harness.bench.row import Bench

MAX_UP_S = 6.0


def measure(bench: Bench) -> list[Figure]:
    """Each round begins with no state at all, goes down, and comes up once more on what was kept."""
    folder = bench.folder / "up"
    build_once(OwnSystem(folder / "warm"))
    fresh, kept = [], []
    for number in range(bench.rounds(5)):
        own = OwnSystem(folder / str(number))
        try:
            fresh.append(own.up())
            own.down()
            kept.append(own.up())
        finally:
            own.down()
            shutil.rmtree(own.state, ignore_errors=True)
    return [
        Figure("up.fresh_s", "make up, nothing kept", "s", tuple(fresh), Bar("≤", MAX_UP_S)),
        Figure("up.kept_s", "make up, data kept", "s", tuple(kept), Bar("≤", MAX_UP_S)),
    ]


def build_once(own: OwnSystem) -> None:
    """Warm the caches: the build of this code, the unpacked package and its bytecode."""
    try:
        own.up()
    finally:
        own.down()
        shutil.rmtree(own.state, ignore_errors=True)
