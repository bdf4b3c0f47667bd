"""Write one queued bonus to the CRM, so that no earlier one ever takes the place of a later one.

The CRM knows no conditional writes, so two rules of ours keep the order. A version that is not the buyer's
last is dropped, and one write per buyer is on its way at a time. A write without an answer may still be
carried out after we stopped waiting: the right to write is then kept until it ends by itself.
"""

from enum import StrEnum

from offerloop.clock import Clock
from offerloop.crm.ports import BonusWrites, Crm, CrmSilent
from offerloop.errors import Busy, CrmUnavailable, UnknownBuyer
from offerloop.outbox import Message

# Longer than a function lives (30 s), and as long as we believe that a CRM may take to carry out a request
# whose caller is gone.
SOLE_RIGHT_MS = 60_000


class Sent(StrEnum):
    """What became of a queued bonus."""

    WRITTEN = "WRITTEN"
    SUPERSEDED = "SUPERSEDED"  # a later one is, or was, on its way; or this one was written before
    REFUSED = "REFUSED"  # the CRM does not know the buyer


def queued_bonus(message: Message) -> tuple[str, int]:
    """Read what `queue_bonus.bonus_message` wrote: the buyer and the version."""
    return str(message.body["buyer_id"]), int(message.body["version"] or 0)


def send_bonus(buyer_id: str, version: int, *, crm: Crm, writes: BonusWrites, clock: Clock) -> Sent:
    """Send a version if it is the one to be sent; repeating it is harmless.

    Raises:
        CrmUnavailable: nothing was written, or nobody knows; the version is still pending.
        Busy: another write of this buyer is on its way.
    """
    write = writes.of(buyer_id)
    if write is None or write.version != version or not write.pending:
        return Sent.SUPERSEDED
    try:
        buyer = crm.get(buyer_id)
    except UnknownBuyer as refusal:
        writes.refuse(buyer_id, version, refusal.code)
        return Sent.REFUSED
    now_ms = clock.now_ms()
    until_ms = now_ms + SOLE_RIGHT_MS
    if not writes.begin(buyer_id, version, now_ms, until_ms):
        raise Busy("another write of this buyer's bonus is on its way")
    try:
        crm.write_bonus(buyer, write.bonus)
    except CrmSilent:
        raise  # it may still be carried out: nobody writes before the right has ended
    except (CrmUnavailable, UnknownBuyer):
        writes.release(buyer_id, until_ms)
        raise
    writes.end(buyer_id, version, until_ms, clock.now_ms())
    return Sent.WRITTEN
