"""Ranked lists as they are read: boards, the sorted index behind them, and the offers' own records."""

from collections.abc import Collection, Sequence

import orjson

from handlers.aws.attributes import Item, Value, n, number, packed, s, unpacked
from handlers.aws.keys import board_copy, board_key, indexed_list, offer_key
from handlers.aws.offer_rows import offer_of
from handlers.aws.table_access import Client, Patience, ReadMeter, TableAccess, Tables
from offerloop.offers.board import ALL_OFFERS, Board, Head
from offerloop.offers.model import Offer
from offerloop.offers.scoring import Order, RankEntry, Weights

_INDEX = {
    (True, Order.BASE): ("AllByBase", "all_list", "base_key"),
    (True, Order.URGENT): ("AllByUrgency", "all_list", "urgent_key"),
    (False, Order.BASE): ("CategoryByBase", "category_list", "base_key"),
    (False, Order.URGENT): ("CategoryByUrgency", "category_list", "urgent_key"),
}


class DynamoRankedLists:
    """`RankedLists` and `OfferReader` on the table `Offers`."""

    def __init__(
        self, client: Client, tables: Tables, meter: ReadMeter | None = None, patience: Patience | None = None
    ) -> None:
        self._table = tables.offers
        self._access = TableAccess(client, meter, patience or Patience())

    def boards(self, weights: Weights, lists: Sequence[str], spread: str) -> dict[str, Board]:
        keys = {name: board_key(weights, name, board_copy(name, spread)) for name in lists}
        items = self._access.get_batch({self._table: list(keys.values())}, consistent=False)
        return {name: board_of(items.get((key["PK"]["S"], key["SK"]["S"]))) for name, key in keys.items()}

    def read_on(
        self, weights: Weights, list_name: str, order: Order, after: str, limit: int
    ) -> Sequence[RankEntry]:
        index, list_attribute, sort_attribute = _INDEX[list_name == ALL_OFFERS, order]
        items = self._access.query_page(
            limit=limit,
            TableName=self._table,
            IndexName=index,
            KeyConditionExpression=f"{list_attribute} = :list AND {sort_attribute} > :after",
            ExpressionAttributeValues={":list": s(indexed_list(weights, list_name)), ":after": s(after)},
        )
        return [entry_of(item) for item in items]

    def get_many(self, offer_ids: Collection[str]) -> dict[str, Offer]:
        keys = [offer_key(offer_id) for offer_id in dict.fromkeys(offer_ids)]
        items = self._access.get_batch({self._table: keys}, consistent=False) if keys else {}
        offers = map(offer_of, items.values())
        return {offer.offer_id: offer for offer in offers}


def entry_of(item: Item) -> RankEntry:
    """The entry in a RANK row or in its projection."""
    return RankEntry._make(unpacked(item, "entry", None))


def entry_attribute(entry: RankEntry) -> Value:
    return packed((entry.offer_id, entry.priority, entry.stock, entry.expires_at))


def board_of(item: Item | None) -> Board:
    """The board in a BOARD row: `[[entries, frontier], [entries, frontier]]`, base and urgent."""
    if item is None:
        return Board()
    base, urgent = orjson.loads(item["heads"]["S"])
    return Board(_head(*base), _head(*urgent), number(item, "version"))


def _head(entries: list[list[object]], frontier: str | None) -> Head:
    return Head(tuple(map(RankEntry._make, entries)), frontier)


def board_attributes(board: Board, version: int) -> dict[str, Value]:
    heads = [
        (
            [(entry.offer_id, entry.priority, entry.stock, entry.expires_at) for entry in head.entries],
            head.frontier,
        )
        for head in (board.base, board.urgent)
    ]
    return {"heads": packed(heads), "version": n(version)}
