"""What the CRM said lately, kept where rows end by themselves."""

from collections.abc import Mapping

from handlers.aws.attributes import Value, n, number, s, text
from handlers.aws.crm_rows import kept_item, kept_of
from handlers.aws.keys import crm_buyer_key, crm_contact_key
from handlers.aws.table_access import Client, ConditionFailed, Patience, TableAccess, Tables
from offerloop.crm.model import Contact, KeptBuyer


class DynamoBuyerCache:
    """`BuyerCache` on the table `Idempotency`: a row per buyer, and one per contact that leads to it."""

    def __init__(self, client: Client, tables: Tables, patience: Patience | None = None) -> None:
        self._table = tables.idempotency
        self._access = TableAccess(client, None, patience or Patience())

    def buyer(self, buyer_id: str) -> KeptBuyer | None:
        item = self._access.get(self._table, crm_buyer_key(buyer_id), consistent=False)
        return None if item is None else kept_of(item)

    def buyer_with(self, contact: Contact, now: int) -> str | None:
        item = self._access.get(self._table, crm_contact_key(contact), consistent=False)
        return None if item is None or number(item, "delete_at") <= now else text(item, "buyer_id")

    def keep(self, kept: KeptBuyer, contact: Contact | None = None) -> None:
        self._put(kept_item(kept), kept.asked_at_ms)
        if contact is not None:
            item = crm_contact_key(contact) | {
                "buyer_id": s(kept.buyer.buyer_id),
                "asked_at_ms": n(kept.asked_at_ms),
                "delete_at": n(kept.expires_at),
            }
            self._put(item, kept.asked_at_ms)

    def _put(self, item: Mapping[str, Value], asked_at_ms: int) -> None:
        try:
            self._access.put(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(PK) OR asked_at_ms <= :asked",
                ExpressionAttributeValues={":asked": n(asked_at_ms)},
            )
        except ConditionFailed:
            return  # what is there was asked for later
