"""End offers on time: a rule runs this every minute; TTL only cleans up, days late if it likes."""

from offerloop.offers.ports import OfferStore

MAX_PER_RUN = 1_000  # the next minute goes on where this one stopped


def expire_offers(*, store: OfferStore, now: int) -> list[str]:
    """Set every listed offer whose end has passed to EXPIRED; returns their ids.

    Each write is conditional, so it may run twice or beside a change of the offer's end.
    """
    return [offer_id for offer_id in store.due_to_expire(now, MAX_PER_RUN) if store.expire(offer_id, now)]
