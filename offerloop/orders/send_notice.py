"""Send a customer one text message about an order, at most once."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from offerloop.clock import Clock
from offerloop.errors import Refusal
from offerloop.orders.messages import NoticeKind
from offerloop.orders.model import Order
from offerloop.orders.notices import Notice, NoticeLog, NoticeStatus, text_of
from offerloop.orders.ports import OrderStore
from offerloop.record import record


class NoticeNotSent(Refusal):
    """The sender refused a message, or did not say what became of it."""

    code = "notice_not_sent"


class NoticeSender(Protocol):
    def announce(self, text: str) -> None:
        """Tell the shop's own subscribers.

        Raises:
            NoticeNotSent
        """

    def send(self, phone: str, text: str) -> None:
        """Send to one phone.

        Raises:
            NoticeNotSent
        """


@record(frozen=True, slots=True)
class NoticeRules:
    """What limits text messages.

    Attributes:
        per_day: messages that one phone gets on a UTC day.
        allowed_prefixes: what a number must begin with; none = any number.
    """

    per_day: int
    allowed_prefixes: tuple[str, ...]

    def allows(self, phone: str) -> bool:
        return not self.allowed_prefixes or phone.startswith(self.allowed_prefixes)


@record(frozen=True, slots=True)
class NoticeDesk:
    """Everything that sending a notice needs."""

    orders: OrderStore
    log: NoticeLog
    sender: NoticeSender
    rules: NoticeRules
    clock: Clock


def send_notice(order_id: str, kind: NoticeKind, desk: NoticeDesk) -> NoticeStatus | None:
    """Keep a notice, then send it; what was begun is never sent again, whatever became of it.

    Returns:
        What became of it; None when it was begun before.
    Raises:
        UnknownOrder
    """
    order = desk.orders.get(order_id)
    now_ms = desk.clock.now_ms()
    begun = Notice(
        order_id, kind, order.customer_id, order.phone, text_of(order, kind), NoticeStatus.SENDING, now_ms
    )
    if not desk.log.begin(begun):
        return None
    status = _deliver(order, begun, desk)
    desk.log.end(replace(begun, status=status))
    return status


def _deliver(order: Order, notice: Notice, desk: NoticeDesk) -> NoticeStatus:
    try:
        desk.sender.announce(notice.text)
        refused = _why_not(order.phone, notice.at_ms, desk)
        if refused is not None or order.phone is None:
            return refused or NoticeStatus.NO_PHONE
        desk.sender.send(order.phone, notice.text)
    except NoticeNotSent:
        return NoticeStatus.FAILED
    return NoticeStatus.SENT


def _why_not(phone: str | None, at_ms: int, desk: NoticeDesk) -> NoticeStatus | None:
    """Why a phone gets no message; the count of its day is taken last."""
    if phone is None:
        return NoticeStatus.NO_PHONE
    if not desk.rules.allows(phone):
        return NoticeStatus.NUMBER_NOT_ALLOWED
    if desk.log.opted_out(phone):
        return NoticeStatus.OPTED_OUT
    day = datetime.fromtimestamp(at_ms // 1_000, UTC).strftime("%Y-%m-%d")
    return None if desk.log.take_of_day(phone, day, desk.rules.per_day) else NoticeStatus.CAPPED
