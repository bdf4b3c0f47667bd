"""What customers think of their orders."""

from handlers.aws.attributes import n
from handlers.aws.keys import rating_key
from handlers.aws.order_rows import rating_item, rating_of
from handlers.aws.table_access import Client, ConditionFailed, Patience, TableAccess, Tables
from offerloop.orders.rate_order import Rating


class DynamoRatingStore:
    """`RatingStore` on the table `Orders`: a row beside the order's."""

    def __init__(self, client: Client, tables: Tables, patience: Patience | None = None) -> None:
        self._table = tables.orders
        self._access = TableAccess(client, None, patience or Patience())

    def keep(self, rating: Rating) -> None:
        try:
            self._access.put(
                TableName=self._table,
                Item=rating_item(rating),
                ConditionExpression="attribute_not_exists(PK) OR rated_at_ms <= :at",
                ExpressionAttributeValues={":at": n(rating.at_ms)},
            )
        except ConditionFailed:
            return  # a later one is there

    def of(self, order_id: str) -> Rating | None:
        item = self._access.get(self._table, rating_key(order_id), consistent=True)
        return None if item is None else rating_of(item)
