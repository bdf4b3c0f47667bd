"""Record what a completed order redeemed as the REDEMPTIONs that it is; the order took the units already."""

import uuid

from offerloop.errors import Busy
from offerloop.offers.model import EventType
from offerloop.offers.ports import ActivityStore, AlreadyRecorded, StaleVisit
from offerloop.offers.track_event import MAX_DECISIONS, TrackEvent, decide
from offerloop.outbox import Message
from offerloop.record import record

_OF_ORDERS = uuid.UUID("6f1c7a52-6a0e-5d0c-9f0b-4f0a5f2f7c11")  # the namespace of these events' ids


@record(frozen=True, slots=True)
class Redemption:
    """Units (> 0) of an offer that one line of an order redeemed.

    Attributes:
        message_id: of the message that reports it; the events' ids follow from it.
        at_ms: when the order was completed.
    """

    message_id: str
    user_id: str
    offer_id: str
    units: int
    at_ms: int


def redemption_of(message: Message) -> Redemption:
    """Read what `messages.redemptions` wrote."""
    body = message.body
    return Redemption(
        message_id=message.message_id,
        user_id=str(body["user_id"]),
        offer_id=str(body["offer_id"]),
        units=int(body["units"] or 0),
        at_ms=message.written_at_ms,
    )


def record_redemptions(redemption: Redemption, *, store: ActivityStore) -> int:
    """Store and announce an event for each unit, once however often they are reported.

    Returns:
        How many were new. An offer that is gone since leaves nothing to record.
    Raises:
        Busy
    """
    names = (f"{redemption.message_id}/{unit}" for unit in range(redemption.units))
    return sum(_record(redemption, str(uuid.uuid5(_OF_ORDERS, name)), store) for name in names)


def _record(redemption: Redemption, event_id: str, store: ActivityStore) -> bool:
    user_id, offer_id = redemption.user_id, redemption.offer_id
    for _ in range(MAX_DECISIONS):
        visit = store.visit(user_id, offer_id)
        if visit.offer is None:
            return False
        command = TrackEvent(user_id, offer_id, visit.offer.category, EventType.REDEMPTION)
        tracked = decide(command, visit, event_id, redemption.at_ms, None, by_order=True)
        try:
            store.record(tracked)
        except AlreadyRecorded:
            return False
        except StaleVisit:
            continue
        return True
    raise Busy("this user's events come in faster than they can be stored in order")
