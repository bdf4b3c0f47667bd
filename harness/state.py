"""What is known about a target between two commands: state.json in its folder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from harness.processes import Process
from harness.settings import Refusal


@dataclass
class State:
    """One target's state.

    Attributes:
        port: the emulator's port.
        way: how the emulator was started last, of those that a target has (harness/targets.py).
        processes: what `up` and `demo` started, by name (emulator, metrics, dashboard …).
        deployed: per stack the fingerprint of what was deployed and when CloudFormation says it was.
        pages: addresses of pages being served, by the name of their process.
        seeded: the sample data has been put in.
        system: the fields of RunningSystem, absent until deployed.
        watched: `make watch` gave functions code that no deployment knows.
    """

    target: str
    port: int | None = None
    processes: dict[str, Process] = field(default_factory=dict)
    deployed: dict[str, dict[str, str]] = field(default_factory=dict)
    seeded: bool = False
    pages: dict[str, str] = field(default_factory=dict)
    system: dict[str, Any] | None = None
    way: str | None = None
    watched: bool = False

    def running(self, name: str) -> Process | None:
        """Give the process of that name if it still runs."""
        process = self.processes.get(name)
        return process if process is not None and process.alive() else None


def load(folder: Path, target: str) -> State:
    """Read state.json; a missing or broken file is an empty state."""
    try:
        kept = json.loads((folder / "state.json").read_text())
        processes = {name: Process(**process) for name, process in kept.pop("processes").items()}
        # An older version may have kept more: what runs must still be found.
        ours = {each.name: kept[each.name] for each in fields(State) if each.name in kept}
        return State(**ours, processes=processes)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return State(target)


def save(folder: Path, state: State) -> None:
    """Write state.json at once or not at all; it holds the API key, so only its owner may read it."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {key: value for key, value in asdict(state).items() if value is not None}
    fresh = folder / f".state-{os.getpid()}.json"
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(kept, indent=2) + "\n")
    fresh.replace(folder / "state.json")


@contextlib.contextmanager
def changed(folder: Path, target: str) -> Iterator[State]:
    """Hold the target while one thing in its state is changed."""
    with locked(folder):
        state = load(folder, target)
        yield state
        save(folder, state)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the target for one command.

    Raises:
        Refusal: another command is changing it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal(f"another command is changing {folder}: wait for it to end") from None
        yield
