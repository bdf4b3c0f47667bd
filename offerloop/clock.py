"""Time and identity as arguments: the core never asks the machine for either."""

from typing import Protocol


class Clock(Protocol):
    """Tells the time. UTC."""

    def now_ms(self) -> int:
        """Milliseconds since 1970."""


class Ids(Protocol):
    """Makes ids that were never made before."""

    def new_id(self) -> str:
        """A version 4 UUID as text, 36 characters."""


def now_s(clock: Clock) -> int:
    """Whole seconds since 1970."""
    return clock.now_ms() // 1_000
