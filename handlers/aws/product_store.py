"""The catalogue of products."""

from collections.abc import Mapping

from handlers.aws.attributes import Item, n, s, setting
from handlers.aws.cursors import cursor_at, place_of
from handlers.aws.idempotency_store import DynamoIdempotencyStore
from handlers.aws.keys import METADATA, product_key
from handlers.aws.product_rows import attributes_of, product_item, product_of
from handlers.aws.table_access import Client, ConditionFailed, Patience, Tables
from offerloop.errors import ProductExists, UnknownProduct
from offerloop.idempotency import AnsweredRequest
from offerloop.orders.model import Product
from offerloop.orders.ports import ProductPage, StaleOrder


class DynamoProductStore(DynamoIdempotencyStore):
    """`ProductStore` on the tables `Products` and `Idempotency`."""

    def __init__(self, client: Client, tables: Tables, patience: Patience | None = None) -> None:
        super().__init__(client, tables, patience)
        self._products = tables.products

    def get(self, product_id: str) -> Product:
        item = self._access.get(self._products, product_key(product_id), consistent=True)
        if item is None:
            raise _unknown(product_id)
        return product_of(item)

    def page(self, limit: int, cursor: str | None) -> ProductPage:
        request = {} if cursor is None else {"ExclusiveStartKey": product_key(place_of(cursor))}
        items: list[Item] = []
        pages = self._access.scan_pages(
            TableName=self._products,
            FilterExpression="SK = :metadata",
            ExpressionAttributeValues={":metadata": s(METADATA)},
            Limit=limit + 1,
            **request,
        )
        for page in pages:
            items += page
            if len(items) > limit:
                break
        products = tuple(map(product_of, items[:limit]))
        return ProductPage(products, cursor_at(products[-1].product_id) if len(items) > limit else None)

    def create(self, product: Product, answered: AnsweredRequest | None) -> None:
        put = {
            "TableName": self._products,
            "Item": product_item(product),
            "ConditionExpression": "attribute_not_exists(PK)",
        }
        try:
            self.write_answered({"Put": put}, answered, stale=StaleOrder)
        except ConditionFailed as failed:
            raise ProductExists(f"a product has the id {product.product_id!r} already") from failed

    def change(self, product_id: str, changes: Mapping[str, str | int]) -> Product:
        attributes = attributes_of(changes)
        if not attributes:
            return self.get(product_id)
        try:
            item = self._access.update(
                TableName=self._products,
                Key=product_key(product_id),
                ConditionExpression="attribute_exists(PK)",
                ReturnValues="ALL_NEW",
                **setting(attributes),
            )
        except ConditionFailed as failed:
            raise _unknown(product_id) from failed
        return product_of(item)

    def restock(self, product_id: str, units: int, answered: AnsweredRequest | None) -> None:
        update = {
            "TableName": self._products,
            "Key": product_key(product_id),
            "UpdateExpression": "ADD inventory_count :units, received_count :units",
            "ConditionExpression": "attribute_exists(PK)",
            "ExpressionAttributeValues": {":units": n(units)},
        }
        try:
            self.write_answered({"Update": update}, answered, stale=StaleOrder)
        except ConditionFailed as failed:
            raise _unknown(product_id) from failed


def _unknown(product_id: str) -> UnknownProduct:
    return UnknownProduct(f"no product has the id {product_id!r}")
