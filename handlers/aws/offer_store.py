"""Offers as the admin routes change them."""

from collections.abc import Collection, Mapping, Sequence

from handlers.aws.attributes import Item, n, s, setting
from handlers.aws.cursors import cursor_at, place_of
from handlers.aws.idempotency_store import DynamoIdempotencyStore
from handlers.aws.keys import EXPIRY_LIST, METADATA, OFFER_PREFIX, offer_key
from handlers.aws.offer_rows import attributes_of, offer_item, offer_of
from handlers.aws.ranked_lists import DynamoRankedLists
from handlers.aws.table_access import (
    Client,
    ConditionFailed,
    Patience,
    ReadMeter,
    TableAccess,
    Tables,
)
from offerloop.errors import OfferExists, UnknownOffer
from offerloop.idempotency import AnsweredRequest
from offerloop.offers.model import Offer, OfferStatus
from offerloop.offers.ports import OfferPage, StaleVisit

ROWS_PER_OFFER = 4  # METADATA, STATE and two places: how far a scan looks ahead for a page


class DynamoOfferStore(DynamoIdempotencyStore):
    """`OfferStore` on the tables `Offers` and `Idempotency`."""

    def __init__(
        self, client: Client, tables: Tables, meter: ReadMeter | None = None, patience: Patience | None = None
    ) -> None:
        super().__init__(client, tables, patience)
        self._tables = tables
        self._reader = DynamoRankedLists(client, tables, meter, patience)
        self._access = TableAccess(client, meter, patience or Patience())

    def get_many(self, offer_ids: Collection[str]) -> dict[str, Offer]:
        return self._reader.get_many(offer_ids)

    def get(self, offer_id: str) -> Offer:
        item = self._access.get(self._tables.offers, offer_key(offer_id), consistent=True)
        if item is None:
            raise _unknown(offer_id)
        return offer_of(item)

    def page(self, limit: int, cursor: str | None) -> OfferPage:
        request = {"ExclusiveStartKey": offer_key(place_of(cursor))} if cursor is not None else {}
        items: list[Item] = []
        pages = self._access.scan_pages(
            TableName=self._tables.offers,
            FilterExpression="SK = :metadata AND begins_with(PK, :offers)",
            ExpressionAttributeValues={":metadata": s(METADATA), ":offers": s(OFFER_PREFIX)},
            Limit=(limit + 1) * ROWS_PER_OFFER,
            **request,
        )
        for page in pages:
            items += page
            if len(items) > limit:
                break
        offers = tuple(map(offer_of, items[:limit]))
        return OfferPage(offers, cursor_at(offers[-1].offer_id) if len(items) > limit else None)

    def create(self, offer: Offer, answered: AnsweredRequest | None) -> None:
        put = {
            "TableName": self._tables.offers,
            "Item": offer_item(offer),
            "ConditionExpression": "attribute_not_exists(PK)",
        }
        try:
            self.write_answered({"Put": put}, answered, stale=StaleVisit)
        except ConditionFailed as failed:
            raise OfferExists(f"an offer with the id {offer.offer_id!r} exists") from failed

    def change(self, offer_id: str, changes: Mapping[str, str | int | None]) -> Offer:
        try:
            item = self._access.update(
                TableName=self._tables.offers,
                Key=offer_key(offer_id),
                ConditionExpression="attribute_exists(PK)",
                ReturnValues="ALL_NEW",
                **setting(attributes_of(changes)),
            )
        except ConditionFailed as failed:
            raise _unknown(offer_id) from failed
        return offer_of(item)

    def restock(self, offer_id: str, units: int, answered: AnsweredRequest | None) -> None:
        update = {
            "TableName": self._tables.offers,
            "Key": offer_key(offer_id),
            "UpdateExpression": "ADD inventory_count :units, received_count :units",
            "ConditionExpression": "attribute_exists(PK)",
            "ExpressionAttributeValues": {":units": n(units)},
        }
        try:
            self.write_answered({"Update": update}, answered, stale=StaleVisit)
        except ConditionFailed as failed:
            raise _unknown(offer_id) from failed

    def due_to_expire(self, now: int, limit: int) -> Sequence[str]:
        items = self._access.query_page(
            limit=limit,
            TableName=self._tables.offers,
            IndexName="ByExpiry",
            KeyConditionExpression="expiry_list = :list AND expires_at <= :now",
            ExpressionAttributeValues={":list": s(EXPIRY_LIST), ":now": n(now)},
        )
        return [item["PK"]["S"].removeprefix(OFFER_PREFIX) for item in items]

    def expire(self, offer_id: str, now: int) -> bool:
        # One that is EXPIRED already only leaves the index of ends, into which a change of its end put it.
        try:
            before = self._access.update(
                TableName=self._tables.offers,
                Key=offer_key(offer_id),
                UpdateExpression="SET #status = :expired REMOVE expiry_list",
                ConditionExpression="expires_at <= :now",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={":expired": s(OfferStatus.EXPIRED.value), ":now": n(now)},
                ReturnValues="ALL_OLD",
            )
        except ConditionFailed:
            return False
        return offer_of(before).status is not OfferStatus.EXPIRED


def _unknown(offer_id: str) -> UnknownOffer:
    return UnknownOffer(f"no offer has the id {offer_id!r}")
