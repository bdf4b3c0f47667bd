"""Where one check looks: clients that know its deadline, names of its own, and what is to be removed."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from harness.system import RunningSystem

T = TypeVar("T")

PREFIX = "offerloop-probe-"
TAKERS = 16
POLL_S = 0.1
ANSWER_WITHIN_S = 20
REMOVED_WITHIN_S = 20
# One session serves all clients, and making a client from it is not thread-safe.
_making_a_client = threading.Lock()
# What removal is told of a thing that went with another, for example a queue with its stack.
ALREADY_GONE = ("NotFound", "NonExistent", "NoSuch")


class OutOfTime(Exception):
    """A check did not end within its time; the message says what it waited for."""


class Place:
    """One check's corner of a running target.

    Attributes:
        system: the running target.
        run: what tells its names from those of other checks.
        left: what could not be removed, one line each; known once the place is closed.
    """

    def __init__(self, system: RunningSystem, within_s: float) -> None:
        self.system = system
        self.left: list[str] = []
        self._within_s = within_s
        self._until = time.monotonic() + within_s
        self.run = uuid.uuid4().hex[:10]
        self._clients: dict[str, Any] = {}
        self._removing = ExitStack()
        self._closing = False

    def name(self, what: str) -> str:
        """Give a name of this check alone: lower case, digits and hyphens, at most 63 characters."""
        return f"{PREFIX}{self.run}-{what}"

    def client(self, service: str) -> Any:
        """Give a client that tries once and stops at the deadline, removal apart."""
        if service not in self._clients:
            with _making_a_client:
                client = self.system.client(
                    service, read_timeout=ANSWER_WITHIN_S, retries={"total_max_attempts": 1}
                )
            client.meta.events.register("before-call", self._before_call)
            self._clients[service] = client
        return self._clients[service]

    def _before_call(self, model: Any, **_: Any) -> None:
        if not self._closing and time.monotonic() > self._until:
            raise OutOfTime(f"not done within {self._within_s:g} s, at {model.name}")

    def wait_for(self, what: str, condition: Callable[[], T], within_s: float | None = None) -> T:
        """Ask until *condition* gives something true, and give that.

        Args:
            within_s: seconds to wait, default until the check's deadline.

        Raises:
            OutOfTime: it stayed false.
        """
        until = self._until if within_s is None else min(self._until, time.monotonic() + within_s)
        while not (given := condition()):
            if time.monotonic() > until:
                raise OutOfTime(f"{what}: not seen within {within_s or self._within_s:g} s")
            time.sleep(POLL_S)
        return given

    def seen(self, condition: Callable[[], object], within_s: float) -> bool:
        """Tell whether *condition* came true within *within_s* seconds."""
        try:
            return bool(self.wait_for("it", condition, within_s))
        except OutOfTime:
            return False

    def remove(self, call: Callable[..., object], **arguments: Any) -> None:
        """Call this when the check has ended; what was added last goes first."""
        self._removing.callback(self._remove, call, arguments)

    def _remove(self, call: Callable[..., object], arguments: dict[str, Any]) -> None:
        try:
            call(**arguments)
        except ClientError as error:
            if not any(word in code_of(error) for word in ALREADY_GONE):
                self.left.append(f"{arguments}: {error}")
        except (BotoCoreError, OutOfTime) as error:
            self.left.append(f"{arguments}: {error}")

    def close(self) -> None:
        """Remove what the check made, whatever its deadline."""
        self._closing = True
        self._until = time.monotonic() + REMOVED_WITHIN_S
        self._removing.close()


def race(attempt: Callable[[int], T], takers: int = TAKERS) -> list[T]:
    """Run *attempt* with 0 … takers-1 on as many threads, all let go at once.

    Returns:
        What each gave, shape ``(takers,)``.
    """
    gate = threading.Barrier(takers)

    def run(number: int) -> T:
        gate.wait(timeout=ANSWER_WITHIN_S)
        return attempt(number)

    with ThreadPoolExecutor(takers) as threads:
        return list(threads.map(run, range(takers)))


def refusal(call: Callable[..., object], **arguments: Any) -> str:
    """Give the error code with which AWS's interface refuses a call, empty when it does not."""
    try:
        call(**arguments)
    except ClientError as error:
        return code_of(error)
    return ""


def code_of(error: ClientError) -> str:
    """Give the code of an error answer."""
    return str(error.response["Error"]["Code"])
