"""What the harness asks of an emulator, whichever it is; each way to run one is a class of this kind."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar

from harness.check import Check
from harness.health import health
from harness.processes import Process, listener, port_is_free, start_detached
from harness.settings import Refusal, Settings

Say = Callable[[str], None]


class Emulator(ABC):
    """One way to run an emulator: what to start, when it is ready, and what it leaves behind.

    It runs as one process of ours, which leads all others of it and stops them on SIGTERM.

    Attributes:
        name: what messages call it.
        way: how state.json remembers it; differs between the ways to run one target.
        keeps_data: data survive a stop.
        start_within_s: seconds after which a start has failed.
        stop_within_s: seconds that it gets to stop in order, before it is killed.
        health: path that answers as soon as it is ready.
    """

    name: ClassVar[str]
    way: ClassVar[str]
    keeps_data: bool
    start_within_s: ClassVar[float]
    stop_within_s: ClassVar[float]
    health: ClassVar[str]

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @abstractmethod
    def command(self, port: int) -> Sequence[str]:
        """Give the command that runs it in the foreground."""

    @abstractmethod
    def environment(self, port: int) -> Mapping[str, str]:
        """Give the whole environment of that command."""

    @abstractmethod
    def forget(self) -> None:
        """Remove the kept data of an emulator that does not run."""

    def prepare(self, say: Say) -> None:  # noqa: B027  # most have nothing to do
        """Make ready what a start needs and a checkout has not.

        Raises:
            Refusal: something is missing; says what to install.
        """

    def clear_away(self) -> None:  # noqa: B027  # most leave nothing
        """Remove what its process may have left running."""

    def checks(self) -> Iterator[Check]:
        """Look after what it needs on this machine."""
        yield from ()

    def explain(self, log: str) -> str | None:
        """Give the reason for a failed start that *log* shows, with the way out; None when it shows none."""
        return None

    def start(self, port: int) -> Process:
        """Start it; it is not ready yet (see ``wait_until_ready``).

        Raises:
            Refusal: the port is taken.
        """
        if not port_is_free(port):
            raise Refusal(port_taken(port))
        log = self.settings.logs / "emulator.log"
        log.unlink(missing_ok=True)  # so that what it shows is of this start
        return start_detached(self.command(port), log, self.environment(port), self.settings.state_dir)

    def wait_until_ready(self, process: Process, port: int) -> None:
        """Wait until it answers.

        Raises:
            Refusal: it ended, or did not answer in time; names the reason or the log.
        """
        until = time.monotonic() + self.start_within_s
        while time.monotonic() < until:
            # First its own life: another's may have taken the port, and would answer in its place.
            if not process.alive():
                raise Refusal(self._failure("ended while starting"))
            if self.answers(port):
                return
            time.sleep(0.02)
        raise Refusal(self._failure(f"did not answer within {self.start_within_s:.0f} s"))

    def _failure(self, what: str) -> str:
        log = self.settings.logs / "emulator.log"
        reason = self.explain(log.read_text(errors="replace")) if log.exists() else None
        return f"{self.name} {what}: {reason or f'see {log}'}"

    def answers(self, port: int) -> bool:
        """Tell whether it answers on *port*."""
        return services_at(port, self.health) is not None


def endpoint_url(port: int) -> str:
    """Give an emulator's address; all are bound to the loopback interface only."""
    return f"http://127.0.0.1:{port}"


def services_at(port: int, path: str) -> Mapping[str, object] | None:
    """Give what an emulator's health page says of its services; None when none answers."""
    said = health(port, path)
    services = said.get("services") if isinstance(said, dict) else None
    return services if isinstance(services, dict) else None


def port_taken(port: int) -> str:
    """Say who has *port*, and what to do about it."""
    if services_at(port, "/_ministack/health") is not None:
        who = f"another MiniStack, {listener(port)}"
    elif services_at(port, "/_localstack/health") is not None:
        who = f"another LocalStack, {listener(port)}"
    else:
        who = listener(port)
    return f"port {port} is taken by {who}: stop it, or give another with PORT="
