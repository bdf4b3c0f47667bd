"""Text messages to customers: what is kept of them, and that each is sent at most once."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from offerloop.orders.messages import NoticeKind
from offerloop.record import record


class NoticeStatus(StrEnum):
    SENDING = "SENDING"  # begun; what became of it is not known, and it is not tried again
    SENT = "SENT"
    FAILED = "FAILED"
    NO_PHONE = "NO_PHONE"
    OPTED_OUT = "OPTED_OUT"
    CAPPED = "CAPPED"
    NUMBER_NOT_ALLOWED = "NUMBER_NOT_ALLOWED"  # this deployment writes to some numbers only


@record(frozen=True, slots=True)
class Notice:
    """One message as it is kept."""

    order_id: str
    kind: NoticeKind
    customer_id: str
    phone: str | None
    text: str
    status: NoticeStatus
    at_ms: int


class NoticeLog(Protocol):
    """The messages, kept by order and kind, and what is known of the phones that they go to.

    Phones are as the orders have them: whoever takes an order brings its phone into one form.
    """

    def begin(self, notice: Notice) -> bool:
        """Keep a notice; False when there is one of its order and kind, and nothing was changed."""

    def end(self, notice: Notice) -> None:
        """Replace what is kept of a notice."""

    def take_of_day(self, phone: str, day: str, limit: int) -> bool:
        """Count one message to a phone on a UTC day; False when *limit* were counted.

        Args:
            day: `yyyy-mm-dd`.
            limit: > 0.
        """

    def opted_out(self, phone: str) -> bool:
        """Whether a phone's owner wants no messages."""

    def opt_out(self, phone: str) -> None:
        """Keep that a phone's owner wants no messages."""

    def opt_in(self, phone: str) -> None:
        """Forget that a phone's owner wanted no messages."""

    def latest(self, limit: int) -> Sequence[Notice]:
        """Up to *limit* notices, newest first; eventually consistent."""
