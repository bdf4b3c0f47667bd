"""How many requests the CRM gets from us, counted over all functions."""

from offerloop.clock import Clock, now_s
from offerloop.errors import CrmUnavailable, TooManyRequests
from offerloop.rate_limit import Allowance, RateCounter, admit
from offerloop.record import record

KEPT_FOR_WRITES = 3  # one request in so many, or the readers of a busy shop would hold up every write


@record(frozen=True, slots=True)
class CrmBudget:
    """At most *per_minute* (>= 1) requests in each minute of the clock; readers have two thirds of them.

    Any 60 seconds touch two such minutes. A CRM that counts minutes of its own therefore sees up to twice as
    many: give half of what it allows.
    """

    per_minute: int
    counter: RateCounter
    clock: Clock

    def take_for_reading(self) -> None:
        """Count one request of somebody who waits for the answer.

        Raises:
            CrmUnavailable: with the seconds until the next minute.
        """
        readers = max(1, self.per_minute - self.per_minute // KEPT_FOR_WRITES)
        self._take(Allowance("crm:readers", readers), Allowance("crm:all", self.per_minute))

    def take_for_writing(self) -> None:
        """Count one request on behalf of the queue.

        Raises:
            CrmUnavailable: with the seconds until the next minute.
        """
        self._take(Allowance("crm:all", self.per_minute))

    def _take(self, *allowances: Allowance) -> None:
        try:
            admit(allowances, counter=self.counter, now=now_s(self.clock))
        except TooManyRequests as refusal:
            raise CrmUnavailable(
                "the CRM has been asked as often as it may be this minute", refusal.retry_after_s
            ) from None
