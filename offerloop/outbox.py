"""The outbox: a message is written in the transaction of the change that it reports, and sent afterwards.

The table's stream delivers a new row to the publisher at once; the publisher sends it and deletes the
row. A relay sweeps what is left over after RELAY_AFTER_S, because a stream keeps its records for 24
hours only. A message may therefore be sent twice and is never lost; consumers are idempotent on its id.
"""

from collections.abc import Container, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from offerloop.record import record

RELAY_AFTER_S = 60


class Topic(StrEnum):
    """Where a message goes."""

    ENGAGEMENT = "ENGAGEMENT"  # Kinesis, partitioned by user
    STOCKOUT_ALERT = "STOCKOUT_ALERT"  # SNS
    ORDER_WORK = "ORDER_WORK"  # SQS, to the order processor
    ORDER_NOTICE = "ORDER_NOTICE"  # SQS, to whoever writes to customers
    SETTLEMENT = "SETTLEMENT"  # SQS, to whoever corrects payments
    OFFER_PURCHASE = "OFFER_PURCHASE"  # SQS, to whoever records redemptions
    REPLENISHMENT = "REPLENISHMENT"  # SQS, to whoever refills pools of codes
    CRM_UPDATE = "CRM_UPDATE"  # SQS, to whoever writes to the CRM


@record(frozen=True, slots=True)
class Message:
    """One message to send.

    Attributes:
        message_id: unique; the consumer's idempotency key.
        partition_key: messages of one key keep their order.
        body: flat and JSON-ready.
    """

    message_id: str
    topic: Topic
    partition_key: str
    body: Mapping[str, str | int | bool | None]
    written_at_ms: int


class Outbox(Protocol):
    """The rows that are still to be sent."""

    def overdue(self, written_before_ms: int, limit: int) -> Sequence[Message]:
        """Messages written before this time and not marked as sent, oldest first per partition."""

    def mark_sent(self, messages: Sequence[Message]) -> None:
        """Remove sent messages; removing one twice is harmless."""


class Transport(Protocol):
    """Sends messages to where their topic goes."""

    def send(self, messages: Sequence[Message]) -> frozenset[str]:
        """Send each message; returns the ids of those that were accepted."""


def publish(messages: Sequence[Message], *, transport: Transport, outbox: Outbox) -> frozenset[str]:
    """Send messages and mark those that were accepted.

    Returns:
        Ids of the messages that were not accepted; they stay in the outbox.
    """
    sent = transport.send(messages)
    if len(sent) == len(messages):  # nearly always
        outbox.mark_sent(messages)
        return frozenset()
    outbox.mark_sent([message for message in messages if message.message_id in sent])
    return frozenset(message.message_id for message in messages) - sent


def first_unsent(messages: Sequence[Message], unsent: Container[str]) -> int:
    """Give the position of the first message that was not accepted; that behind the last when all were."""
    return next((at for at, message in enumerate(messages) if message.message_id in unsent), len(messages))


def relay(*, now_ms: int, transport: Transport, outbox: Outbox, limit: int = 1_000) -> int:
    """Publish what has waited for more than RELAY_AFTER_S; returns how many messages were sent."""
    waiting = outbox.overdue(now_ms - RELAY_AFTER_S * 1_000, limit)
    return len(waiting) - len(publish(waiting, transport=transport, outbox=outbox)) if waiting else 0
