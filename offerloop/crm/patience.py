"""Reading again where the CRM did not answer or asked us to wait, within the time that a shopper waits."""

from collections.abc import Callable
from typing import TypeVar

from offerloop.clock import Clock
from offerloop.crm.model import Buyer, Contact
from offerloop.crm.ports import Crm, CrmSilent
from offerloop.errors import CrmUnavailable
from offerloop.record import record

ATTEMPTS = 3
FIRST_PAUSE_MS = 200  # doubles, with jitter
PATIENCE_MS = 4_000  # no new attempt begins later than this

T = TypeVar("T")


@record(frozen=True, slots=True)
class PatientCrm:
    """`Crm` that reads up to ATTEMPTS times; writes go out once, since the queue repeats them.

    Attributes:
        sleep: waits so many seconds.
        jitter: gives 0..1.
    """

    crm: Crm
    clock: Clock
    sleep: Callable[[float], None]
    jitter: Callable[[], float]

    def find(self, contact: Contact) -> Buyer | None:
        return self._patiently(lambda: self.crm.find(contact))

    def get(self, buyer_id: str) -> Buyer:
        return self._patiently(lambda: self.crm.get(buyer_id))

    def write_bonus(self, buyer: Buyer, bonus: int) -> None:
        self.crm.write_bonus(buyer, bonus)

    def _patiently(self, read: Callable[[], T]) -> T:
        until_ms = self.clock.now_ms() + PATIENCE_MS
        for attempt in range(1, ATTEMPTS):
            try:
                return read()
            except CrmUnavailable as refusal:
                pause_ms = self._pause_ms(refusal, attempt)
                if self.clock.now_ms() + pause_ms > until_ms:
                    raise
                self.sleep(pause_ms / 1_000)
        return read()

    def _pause_ms(self, refusal: CrmUnavailable, attempt: int) -> int:
        """Of silence our own doubling pause; whoever names a time is not asked before it."""
        if not isinstance(refusal, CrmSilent):
            return refusal.retry_after_s * 1_000
        return round((FIRST_PAUSE_MS << (attempt - 1)) * (0.5 + 0.5 * self.jitter()))
