"""Send a customer one text message about an order, at most once."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from offerloop.clock import Clock
from offerloop.errors import Refusal
from offerloop.orders.messages import NoticeKind
from offerloop.orders.notices import Notice, NoticeLog, NoticeStatus
from offerloop.outbox import Message
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

    log: NoticeLog
    sender: NoticeSender
    rules: NoticeRules
    clock: Clock


@record(frozen=True, slots=True)
class AskedNotice:
    """A text message that a transition asks for; *phone* is None for a customer who gave none."""

    order_id: str
    kind: NoticeKind
    customer_id: str
    phone: str | None
    text: str


def notice_of(message: Message) -> AskedNotice:
    """Read what `messages.notice` wrote."""
    body = message.body
    phone = body["phone"]
    return AskedNotice(
        order_id=str(body["order_id"]),
        kind=NoticeKind(str(body["kind"])),
        customer_id=str(body["customer_id"]),
        phone=None if phone is None else str(phone),
        text=str(body["text"]),
    )


def send_notice(asked: AskedNotice, desk: NoticeDesk) -> NoticeStatus | None:
    """Keep a notice, then send it; what was begun is never sent again, whatever became of it.

    Returns:
        What became of it; None when it was begun before.
    """
    now_ms = desk.clock.now_ms()
    # Without a phone nothing is left to be told but the shop's own subscribers: that end is known at once.
    first = NoticeStatus.SENDING if asked.phone is not None else NoticeStatus.NO_PHONE
    begun = Notice(asked.order_id, asked.kind, asked.customer_id, asked.phone, asked.text, first, now_ms)
    if not desk.log.begin(begun):
        return None
    status = _deliver(begun, desk)
    if status is not first:
        desk.log.end(replace(begun, status=status))
    return status


def _deliver(notice: Notice, desk: NoticeDesk) -> NoticeStatus:
    try:
        desk.sender.announce(notice.text)
        refused = _why_not(notice.phone, notice.at_ms, desk)
        if refused is not None or notice.phone is None:
            return refused or NoticeStatus.NO_PHONE
        desk.sender.send(notice.phone, notice.text)
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
