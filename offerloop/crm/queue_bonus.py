"""Take a bonus to be written to the CRM: stored with its message and its answer in one transaction."""

from offerloop.clock import Clock
from offerloop.crm.model import BonusWrite
from offerloop.crm.ports import BonusWrites, StaleBonus
from offerloop.errors import Busy
from offerloop.idempotency import Answer, IdempotentRequest, answered, recall
from offerloop.outbox import Message, Topic

MAX_DECISIONS = 6  # each lost race means that another bonus of the same buyer was queued


def queue_bonus(
    buyer_id: str,
    bonus: int,
    *,
    writes: BonusWrites,
    clock: Clock,
    request: IdempotentRequest | None = None,
) -> Answer:
    """Queue one bonus (>= 0, in minor units); whether the CRM knows the buyer shows when it is written.

    Returns:
        `{"buyerId", "bonus", "version"}`, the bonus in minor units; the earlier answer when *request* was
        answered before.
    Raises:
        IdempotencyKeyReused, Busy
    """
    for _ in range(MAX_DECISIONS):
        now_ms = clock.now_ms()
        remembered = recall(request, writes, now_ms // 1_000)
        if remembered is not None:
            return remembered
        before = writes.of(buyer_id)
        write = BonusWrite(
            buyer_id=buyer_id,
            bonus=bonus,
            version=1 if before is None else before.version + 1,
            queued_at_ms=now_ms,
            written_at_ms=0 if before is None else before.written_at_ms,
        )
        answer: Answer = {"buyerId": buyer_id, "bonus": bonus, "version": write.version}
        try:
            writes.queue(write, bonus_message(write), answered(request, answer, now_ms // 1_000))
        except StaleBonus:
            continue
        return answer
    raise Busy("other bonuses of this buyer are being queued")


def bonus_message(write: BonusWrite) -> Message:
    """Ask for a write to be sent; the bonus itself is read from its row then."""
    return Message(
        message_id=f"crm:{write.buyer_id}:{write.version}",
        topic=Topic.CRM_UPDATE,
        partition_key=f"crm:{write.buyer_id}",
        body={"buyer_id": write.buyer_id, "version": write.version},
        written_at_ms=write.queued_at_ms,
    )
