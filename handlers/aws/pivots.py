"""Pivots: each step one conditional transaction over the pivot, both offers and their states."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers.aws.attributes import (
    Item,
    Value,
    n,
    number,
    optional_number,
    optional_text,
    packed,
    s,
    text,
    unpacked,
)
from handlers.aws.engagement_rows import message_item
from handlers.aws.keys import offer_key, pivot_key, state_key
from handlers.aws.table_access import (
    Action,
    Client,
    ConditionFailed,
    Patience,
    ReadMeter,
    TableAccess,
    Tables,
)
from offerloop.offers.model import OfferStatus, Pivot
from offerloop.outbox import Message


class DynamoPivots:
    """The part of `InventoryStore` that keeps pivots."""

    def __init__(
        self, client: Client, tables: Tables, meter: ReadMeter | None = None, patience: Patience | None = None
    ) -> None:
        self._table = tables.offers
        self._access = TableAccess(client, meter, patience or Patience())

    def get_pivot(self, pivot_id: str) -> Pivot | None:
        item = self._access.get(self._table, pivot_key(pivot_id), consistent=True)
        return None if item is None else pivot_of(item)

    def save_pivot(self, before: Pivot | None, after: Pivot, message: Message | None) -> bool:
        loser = before.to_offer if before is not None else None
        winner = after.to_offer if after.is_open else None
        actions = [self._pivot(before, after), *self._first_offer(before, after)]
        if winner is not None and winner != loser:
            actions += self._give_boost(winner, after)
        if message is not None:
            actions.append({"Put": {"TableName": self._table, "Item": message_item(message)}})
        if loser is None or loser == winner:
            return self._holds(actions)
        taken = actions + self._take_boost(loser, after)
        try:
            self._access.transact(taken)
        except ConditionFailed as failed:
            if set(failed.found) != {len(taken) - 1}:
                return False
            # The boosted offer itself is gone; there is no attribute to take back.
            return self._holds(taken[:-1])
        return True

    def _pivot(self, before: Pivot | None, after: Pivot) -> Action:
        put: Action = {"TableName": self._table, "Item": pivot_key(after.pivot_id) | _attributes(after)}
        if before is None:
            put["ConditionExpression"] = "attribute_not_exists(PK)"
        else:
            put["ConditionExpression"] = "progress = :before"
            put["ExpressionAttributeValues"] = {":before": _progress(before)}
        return {"Put": put}

    def _first_offer(self, before: Pivot | None, after: Pivot) -> list[Action]:
        update: Action = {"TableName": self._table, "Key": state_key(after.from_offer)}
        own: dict[str, Value] = {":pivot": s(after.pivot_id)}
        if before is None:
            update["UpdateExpression"] = "SET open_pivot_id = :pivot ADD stockouts :one"
            update["ConditionExpression"] = "attribute_not_exists(open_pivot_id)"
            update["ExpressionAttributeValues"] = own | {":one": n(1)}
        elif not after.is_open:
            update["UpdateExpression"] = "REMOVE open_pivot_id"
            update["ConditionExpression"] = "open_pivot_id = :pivot"
            update["ExpressionAttributeValues"] = own
        else:
            return []
        return [{"Update": update}]

    def _give_boost(self, offer_id: str, pivot: Pivot) -> list[Action]:
        offer = {
            "TableName": self._table,
            "Key": offer_key(offer_id),
            "UpdateExpression": "SET priority_boost = :boost",
            "ConditionExpression": "inventory_count > :zero"
            " AND (#status = :active OR (attribute_exists(PK) AND attribute_not_exists(#status)))"
            " AND (attribute_not_exists(priority_boost) OR priority_boost = :zero)",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {
                ":boost": n(pivot.boost),
                ":zero": n(0),
                ":active": s(OfferStatus.ACTIVE.value),
            },
        }
        state = {
            "TableName": self._table,
            "Key": state_key(offer_id),
            "UpdateExpression": "SET boosted_by = :pivot",
            "ConditionExpression": "attribute_not_exists(boosted_by)",
            "ExpressionAttributeValues": {":pivot": s(pivot.pivot_id)},
        }
        return [{"Update": state}, {"Update": offer}]

    def _take_boost(self, offer_id: str, pivot: Pivot) -> list[Action]:
        """The offer's own row comes last: `save_pivot` leaves it out when the offer is gone."""
        state = {
            "TableName": self._table,
            "Key": state_key(offer_id),
            "UpdateExpression": "REMOVE boosted_by",
            "ConditionExpression": "boosted_by = :pivot",
            "ExpressionAttributeValues": {":pivot": s(pivot.pivot_id)},
        }
        offer = {
            "TableName": self._table,
            "Key": offer_key(offer_id),
            "UpdateExpression": "SET priority_boost = :zero",
            "ConditionExpression": "attribute_exists(PK)",
            "ExpressionAttributeValues": {":zero": n(0)},
        }
        return [{"Update": state}, {"Update": offer}]

    def _holds(self, actions: Sequence[Action]) -> bool:
        """Write all; False, with nothing written, when a condition fails."""
        try:
            self._access.transact(actions)
        except ConditionFailed:
            return False
        return True


class DynamoPivotLog:
    """`PivotLog` on the table `Offers`: walks the days backwards from *until* (epoch seconds)."""

    def __init__(self, client: Client, tables: Tables, until: int) -> None:
        self._table = tables.offers
        self._until = until
        self._access = TableAccess(client)

    def pivots(self, since: int, limit: int) -> Sequence[Pivot]:
        found: list[Pivot] = []
        day = datetime.fromtimestamp(self._until, UTC).date()
        while day >= datetime.fromtimestamp(since, UTC).date() and len(found) < limit:
            items = self._access.query_page(
                limit=limit - len(found),
                TableName=self._table,
                KeyConditionExpression="PK = :day",
                ExpressionAttributeValues={":day": s(f"PIVOTS#{day:%Y-%m-%d}")},
                ScanIndexForward=False,
            )
            found += [pivot for pivot in map(pivot_of, items) if pivot.opened_at >= since]
            day -= timedelta(days=1)
        return found


def condition_on(attribute: str, expected: str | None) -> dict[str, Any]:
    """The condition that a string attribute is *expected*, None = that it is missing."""
    if expected is None:
        return {"ConditionExpression": f"attribute_not_exists({attribute})"}
    return {
        "ConditionExpression": f"{attribute} = :expected",
        "ExpressionAttributeValues": {":expected": s(expected)},
    }


def pivot_of(item: Item) -> Pivot:
    """The pivot in a PIVOTS row."""
    day, rest = text(item, "PK").removeprefix("PIVOTS#"), text(item, "SK")
    return Pivot(
        pivot_id=f"{day}/{rest}",
        from_offer=text(item, "from_offer"),
        category=text(item, "category"),
        opened_at=number(item, "opened_at"),
        to_offer=optional_text(item, "to_offer"),
        boost=number(item, "boost"),
        moved_from=tuple(unpacked(item, "moved_from", [])),
        undone_at=optional_number(item, "undone_at"),
    )


def _attributes(pivot: Pivot) -> dict[str, Value]:
    attributes = {
        "from_offer": s(pivot.from_offer),
        "category": s(pivot.category),
        "opened_at": n(pivot.opened_at),
        "boost": n(pivot.boost),
        "moved_from": packed(pivot.moved_from),
        "progress": _progress(pivot),
    }
    if pivot.to_offer is not None:
        attributes["to_offer"] = s(pivot.to_offer)
    if pivot.undone_at is not None:
        attributes["undone_at"] = n(pivot.undone_at)
    return attributes


def _progress(pivot: Pivot) -> Value:
    """What changes about a pivot, as one value to compare."""
    return packed((pivot.to_offer, pivot.moved_from, pivot.undone_at))
