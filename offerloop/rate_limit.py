"""A limiter of our own: usage plans do not cover calls without a key, and not every target enforces them.

Fixed windows with one atomic count per subject and window: never more than the limit in a window, on
any number of processes.
"""

from collections.abc import Sequence
from typing import Protocol

from offerloop.errors import TooManyRequests
from offerloop.record import record

WINDOW_S = 60


@record(frozen=True, slots=True)
class Allowance:
    """How many requests one subject (`address:…`, `user:…`) may make in a window; 0 = no limit."""

    subject: str
    limit: int


class RateCounter(Protocol):
    def take(self, allowance: Allowance, window: int, ends_at: int) -> bool:
        """Count one request of a subject in a window unless its limit is reached; False = refused.

        Args:
            window: number of the window since 1970.
            ends_at: epoch seconds after which the count may be forgotten.
        """

    def give_back(self, allowance: Allowance, window: int) -> None:
        """Uncount one request that was counted in a window and should not have been."""


def admit(allowances: Sequence[Allowance], *, counter: RateCounter, now: int) -> None:
    """Let one request pass, or refuse it.

    Raises:
        TooManyRequests: with the seconds until the window ends.
    """
    window = now // WINDOW_S
    ends_at = (window + 1) * WINDOW_S
    for allowance in allowances:
        if allowance.limit and not counter.take(allowance, window, ends_at):
            kind = allowance.subject.partition(":")[0]
            raise TooManyRequests(f"more than {allowance.limit} requests a minute per {kind}", ends_at - now)
