"""What accepted requests add up to; one that is repeated under its key adds nothing."""

from collections import Counter

from offerloop.idempotency import KEPT_FOR_S
from simulator.hunt.script import CreateOffer, RemoveOffer, Restock, Step, Track


class Ledger:
    """Books accepted steps.

    Attributes:
        received: units that each offer was created or restocked with.
        events: how many events were tracked.
    """

    def __init__(self) -> None:
        self.received: Counter[str] = Counter()
        self.events = 0
        self._kept_until: dict[tuple[str, str, str], int] = {}

    def accepted(self, step: Step, now: int) -> None:
        """Book a step that was not refused at *now* (epoch seconds)."""
        match step:
            case CreateOffer():
                self.received[step.offer] = step.stock
            case RemoveOffer():
                self.received.pop(step.offer, None)
            case Restock() if self._is_new((step.do, step.offer), step.key, now):
                self.received[step.offer] += step.units
            case Track() if self._is_new((step.do, ""), step.key, now):
                self.events += 1

    def _is_new(self, scope: tuple[str, str], key: str | None, now: int) -> bool:
        if key is None:
            return True
        kept_until = self._kept_until.get((*scope, key), 0)
        if kept_until > now:
            return False
        self._kept_until[(*scope, key)] = now + KEPT_FOR_S
        return True
