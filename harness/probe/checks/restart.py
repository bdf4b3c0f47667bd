"""A stop and a start: what an emulator still knows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import state
from harness.emulator import Emulator, endpoint_url
from harness.probe.finding import Finding, Group, judged
from harness.probe.place import Place, refusal
from harness.processes import stop, unused_port
from harness.settings import Settings
from harness.system import REPOSITORY
from harness.targets import emulator_of

RESTART = Group("Stop and start")
BUCKET = "offerloop-probe-kept"


@RESTART.check(instead="`make up` deploys and seeds again, `make down` says so", within_s=55)
def data_outlive_a_stop(place: Place) -> Finding:
    """A bucket, in an emulator of the probe's own that is stopped and started again."""
    with tempfile.TemporaryDirectory(prefix="offerloop-probe-", ignore_cleanup_errors=True) as folder:
        emulator = another_emulator(place, Path(folder))
        with started(emulator, place) as s3:
            s3.create_bucket(Bucket=BUCKET)
        with started(emulator, place) as s3:
            lost = refusal(s3.head_bucket, Bucket=BUCKET)
        emulator.forget()
    return judged(not lost, f"a bucket is {'gone' if lost else 'still there'} after a stop and a start")


def another_emulator(place: Place, folder: Path) -> Emulator:
    """Give one of the kind that runs, with a folder of its own."""
    system = place.system
    running = state.load(system.state_dir, system.target)
    settings = Settings(system.target, REPOSITORY, folder, None, "", system.region, False)
    emulator = emulator_of(settings, running)
    emulator.prepare(lambda _line: None)
    return emulator


@contextmanager
def started(emulator: Emulator, place: Place) -> Iterator[Any]:
    """Start it, give a client of its S3, and stop it."""
    port = unused_port()
    process = emulator.start(port)
    try:
        emulator.wait_until_ready(process, port)
        yield replace(place.system, endpoint_url=endpoint_url(port)).client("s3")
    finally:
        stop(process, emulator.stop_within_s)
        emulator.clear_away()
