"""Offers as rows of the table, also those that foreign clients wrote by hand."""

from collections.abc import Mapping

from handlers.aws.attributes import (
    Item,
    Value,
    hundredths,
    n,
    n_hundredths,
    number,
    optional_number,
    s,
    text,
)
from handlers.aws.keys import EXPIRY_LIST, OFFER_PREFIX, offer_key
from offerloop.offers.model import DiscountType, Offer, OfferStatus

DELETED_AFTER_S = 30 * 24 * 3600  # how long an offer's row outlives its end

_STATUSES = {status.value: status for status in OfferStatus}
_DISCOUNT_TYPES = {kind.value: kind for kind in DiscountType}


def offer_of(item: Item) -> Offer:
    """The offer in a METADATA row.

    A foreign client may have left out anything but the key. Missing: ACTIVE, no stock, no discount, no
    counts. A status that we do not know is never served: PAUSED.
    """
    offer_id = item["PK"]["S"].removeprefix(OFFER_PREFIX)
    return Offer(
        offer_id=offer_id,
        offer_name=text(item, "offer_name", offer_id),
        category=text(item, "category"),
        discount_type=_DISCOUNT_TYPES.get(text(item, "discount_type"), DiscountType.PERCENTAGE),
        discount_hundredths=hundredths(item, "discount_value"),
        priority=number(item, "priority"),
        inventory_count=number(item, "inventory_count"),
        status=_STATUSES.get(text(item, "status", "ACTIVE"), OfferStatus.PAUSED),
        expires_at=optional_number(item, "expires_at"),
        priority_boost=number(item, "priority_boost"),
        redemptions_per_user=number(item, "redemptions_per_user", 1),
        received_count=number(item, "received_count"),
        redeemed_count=number(item, "redeemed_count"),
        held_count=number(item, "held_count"),
    )


def offer_item(offer: Offer) -> dict[str, Value]:
    """The METADATA row of an offer."""
    item = offer_key(offer.offer_id) | {
        "offer_name": s(offer.offer_name),
        "category": s(offer.category),
        "discount_type": s(offer.discount_type.value),
        "discount_value": n_hundredths(offer.discount_hundredths),
        "priority": n(offer.priority),
        "inventory_count": n(offer.inventory_count),
        "status": s(offer.status.value),
        "priority_boost": n(offer.priority_boost),
        "redemptions_per_user": n(offer.redemptions_per_user),
        "received_count": n(offer.received_count),
        "redeemed_count": n(offer.redeemed_count),
        "held_count": n(offer.held_count),
    }
    return item | expiry_attributes(offer.expires_at)


def expiry_attributes(expires_at: int | None) -> dict[str, Value]:
    """An offer's end, its place in the index of ends and when TTL may delete its row; else nothing."""
    if expires_at is None:
        return {}
    return {
        "expires_at": n(expires_at),
        "expiry_list": s(EXPIRY_LIST),
        "delete_at": n(expires_at + DELETED_AFTER_S),
    }


def attributes_of(changes: Mapping[str, str | int | None]) -> dict[str, Value | None]:
    """Changes by `Offer` field name as attributes; None = the attribute goes."""
    attributes: dict[str, Value | None] = {}
    for name, value in changes.items():
        if name == "discount_hundredths":
            attributes["discount_value"] = n_hundredths(int(value or 0))
        elif name == "expires_at":
            gone: dict[str, Value | None] = dict.fromkeys(("expires_at", "expiry_list", "delete_at"))
            attributes |= gone | (expiry_attributes(value) if isinstance(value, int) else {})
        else:
            attributes[name] = n(value) if isinstance(value, int) else s(str(value))
    return attributes
