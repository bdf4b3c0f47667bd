"""The same system on LocalStack without Docker: how long its start takes, what a recommendation costs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from harness.bench.figures import Bar, Figure
from harness.bench.own_system import OwnSystem
from harness.bench.recommend import against_hello
from harness.bench.row import Bench

MAX_UP_S = 30.0


def measure(bench: Bench) -> Iterator[Figure]:
    """Warm recommendations on a first system, which also warms the caches; then starts from nothing at all.

    Raises:
        SystemFailed: LocalStack cannot run here; says what to install.
    """
    warm = OwnSystem(bench.folder / "localstack/warm", target="localstack")
    try:
        warm.up()
        yield from against_hello(warm.running(), bench.rounds(9), "localstack")
    finally:
        stop(warm)
    taken = tuple(up_from_nothing(bench, number) for number in range(bench.rounds(3)))
    yield Figure("localstack.up_s", "make up, from nothing", "s", taken, Bar("≤", MAX_UP_S))


def up_from_nothing(bench: Bench, number: int) -> float:
    """Give the seconds that one start takes, without any state."""
    own = OwnSystem(bench.folder / f"localstack/{number}", target="localstack")
    try:
        return own.up()
    finally:
        stop(own)


def stop(own: OwnSystem) -> None:
    """Stop it and remove what it left."""
    own.down()
    shutil.rmtree(own.state, ignore_errors=True)
