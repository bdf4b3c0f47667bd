"""Actions that move units between the counts of an offer or a product, and a user's redemptions."""

from handlers.aws.attributes import n, s
from handlers.aws.keys import Key, offer_key, product_key, redeemed_key
from handlers.aws.table_access import Action
from offerloop.offers.model import OfferStatus
from offerloop.orders.model import CountChange, ProductStatus

_IS_ACTIVE = "(#status = :active OR attribute_not_exists(#status))"
_HAS_NOT_ENDED = "(attribute_not_exists(expires_at) OR expires_at > :now)"


def move_product_units(table: str, product_id: str, change: CountChange, units: int) -> Action:
    """Units of a product that has them."""
    return _moved(table, product_key(product_id), change, units, "sold_count")


def hold_product_units(table: str, product_id: str, change: CountChange, units: int) -> Action:
    """Free units of a product that is sold."""
    action = move_product_units(table, product_id, change, units)
    return _only_active(action, ProductStatus.ACTIVE.value)


def move_offer_units(table: str, offer_id: str, change: CountChange, units: int) -> Action:
    """Units of an offer that has them."""
    return _moved(table, offer_key(offer_id), change, units, "redeemed_count")


def take_offer_units(table: str, offer_id: str, change: CountChange, units: int, now: int) -> Action:
    """Free units of an offer that can be redeemed at *now*."""
    action = _only_active(move_offer_units(table, offer_id, change, units), OfferStatus.ACTIVE.value)
    update = action["Update"]
    update["ConditionExpression"] += f" AND {_HAS_NOT_ENDED}"
    update["ExpressionAttributeValues"][":now"] = n(now)
    return action


def count_redemptions(table: str, user_id: str, offer_id: str, units: int, limit: int = 0) -> Action:
    """Change how often a user has redeemed an offer.

    Args:
        units: < 0 takes redemptions back.
        limit: how often one user may; 0 = no limit.
    """
    update: Action = {
        "TableName": table,
        "Key": redeemed_key(user_id, offer_id),
        "UpdateExpression": "ADD redemptions :units",
        "ExpressionAttributeValues": {":units": n(units)},
    }
    if limit:
        first = "attribute_not_exists(redemptions) OR " if units <= limit else ""
        update["ConditionExpression"] = f"{first}redemptions <= :most"
        update["ExpressionAttributeValues"][":most"] = n(limit - units)
        update["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return {"Update": update}


def _moved(table: str, key: Key, change: CountChange, units: int, gone: str) -> Action:
    changes = {"inventory_count": change.free, "held_count": change.held, gone: change.gone}
    [taken] = [name for name, each in changes.items() if each < 0]
    [given] = [name for name, each in changes.items() if each > 0]
    return {
        "Update": {
            "TableName": table,
            "Key": key,
            "UpdateExpression": f"SET {taken} = {taken} - :units ADD {given} :units",
            "ConditionExpression": f"{taken} >= :units",
            "ExpressionAttributeValues": {":units": n(units)},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def _only_active(action: Action, status: str) -> Action:
    update = action["Update"]
    update["ConditionExpression"] += f" AND {_IS_ACTIVE}"
    update["ExpressionAttributeNames"] = {"#status": "status"}
    update["ExpressionAttributeValues"][":active"] = s(status)
    return action
