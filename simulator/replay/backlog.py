"""Keeps orders from piling up in front of a shop that accepts them faster than it carries them out."""

import time
from collections import deque
from collections.abc import Callable, Iterable

from offerloop.orders.model import IN_PROGRESS
from simulator.replay.sessions import UNDECIDED, ShopGone
from simulator.shoppers.checkout import Till
from simulator.shoppers.shop import Refused

MOST_OPEN = 500  # some 20 s of work for the embedded target; no order waits for minutes
ASKED_EVERY_S = 0.5
STALLED_AFTER_S = 420.0  # a message that its function died with comes back after six minutes


class Backlog:
    """The orders that may still be open, oldest first.

    Orders are carried out roughly in the order of their placing. So when one of the younger half is final,
    the older half is taken to be; a request now and then is enough.

    Args:
        most: orders open at one time, above which nothing more is placed.
    """

    def __init__(
        self, till: Till, most: int = MOST_OPEN, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._till, self._most, self._monotonic = till, most, monotonic
        self._open: deque[str] = deque()
        self._asked = 0  # since the older half was last found final
        self._asked_at = self._moved_at = monotonic()

    def add(self, order_ids: Iterable[str]) -> None:
        """Take in orders that were just placed."""
        self._open.extend(order_ids)

    def has_room(self) -> bool:
        """Whether more may be placed; asks the shop at most every half second, and only when it is full.

        After seven minutes in which none of those asked about was final it says yes: whoever waits for the
        orders at the end tells what is wrong.

        Raises:
            ShopGone
        """
        now = self._monotonic()
        if len(self._open) < self._most:
            self._moved_at = now
            return True
        if now - self._asked_at < ASKED_EVERY_S:
            return False
        self._asked_at = now
        half = len(self._open) // 2
        status = self._till.order_status(self._open[half + self._asked % (len(self._open) - half)])
        self._asked += 1
        if isinstance(status, Refused):
            if status.code in UNDECIDED:
                raise ShopGone(status.code)
        elif status not in IN_PROGRESS:
            self._forget(half)
        if now - self._moved_at >= STALLED_AFTER_S:
            self._forget(len(self._open))
        return len(self._open) < self._most

    def _forget(self, count: int) -> None:
        for _ in range(count):
            self._open.popleft()
        self._asked, self._moved_at = 0, self._monotonic()
