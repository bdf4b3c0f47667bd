"""Buyers of the CRM as rows."""

from handlers.aws.attributes import Item, Value, is_set, n, number, optional_number, optional_text, s, text
from handlers.aws.keys import CRM_PREFIX, crm_buyer_key
from offerloop.crm.model import BonusWrite, Buyer, KeptBuyer


def write_of(item: Item) -> BonusWrite:
    """The write in a BONUS row."""
    return BonusWrite(
        buyer_id=item["PK"]["S"].removeprefix(CRM_PREFIX),
        bonus=number(item, "bonus"),
        version=number(item, "version"),
        queued_at_ms=number(item, "queued_at_ms"),
        pending=is_set(item, "pending"),
        written_at_ms=number(item, "written_at_ms"),
        refused=optional_text(item, "refused"),
    )


def kept_item(kept: KeptBuyer) -> dict[str, Value]:
    """The BUYER row of a kept buyer."""
    bonus = {} if kept.buyer.bonus is None else {"bonus": n(kept.buyer.bonus)}
    return (
        crm_buyer_key(kept.buyer.buyer_id)
        | bonus
        | {
            "name": s(kept.buyer.name),
            "asked_at_ms": n(kept.asked_at_ms),
            "delete_at": n(kept.expires_at),
        }
    )


def kept_of(item: Item) -> KeptBuyer:
    """The buyer in a BUYER row."""
    buyer_id = item["PK"]["S"].removeprefix(CRM_PREFIX)
    buyer = Buyer(buyer_id, text(item, "name"), optional_number(item, "bonus"))
    return KeptBuyer(buyer, number(item, "asked_at_ms"), number(item, "delete_at"))
