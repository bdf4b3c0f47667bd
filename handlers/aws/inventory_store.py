"""What the inventory monitor reads and keeps: situations, the sorted index with its counter, boards."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from handlers.aws.attributes import Item, Value, n, number, optional_text, s, text
from handlers.aws.engagement_rows import experiment_of
from handlers.aws.keys import (
    COUNTER_KEY,
    EXPIRY_LIST,
    METADATA,
    OFFER_PREFIX,
    RANK_PREFIX,
    STATE,
    board_copies,
    board_key,
    indexed_list,
    live_experiment_keys,
    offer_key,
    rank_key,
    state_key,
)
from handlers.aws.offer_rows import offer_of
from handlers.aws.pivots import DynamoPivots, condition_on
from handlers.aws.ranked_lists import DynamoRankedLists, board_attributes, board_of, entry_attribute, entry_of
from handlers.aws.table_access import (
    MAX_TRANSACTION,
    Action,
    Client,
    ConditionFailed,
    Patience,
    ReadMeter,
    Tables,
)
from offerloop.offers.board import ALL_OFFERS, Board, category_list
from offerloop.offers.model import Offer, OfferState, OfferStatus
from offerloop.offers.ports import ListingChange, Situation
from offerloop.offers.rank_offers import lists_of
from offerloop.offers.scoring import BY_PRIORITY, CONTROL, Order, RankEntry, Weights, sort_key

MAX_PLACES = 1_000  # rankings that were ever kept


class DynamoInventoryStore(DynamoPivots, DynamoRankedLists):
    """`InventoryStore` on the table `Offers`."""

    def __init__(
        self, client: Client, tables: Tables, meter: ReadMeter | None = None, patience: Patience | None = None
    ) -> None:
        super().__init__(client, tables, meter, patience)
        self._activity_table = tables.user_activity

    # -- situations ------------------------------------------------------------------------------------

    def situations(self, offer_ids: Collection[str]) -> dict[str, Situation]:
        rankings = [weights.ranking_id for weights in self.rankings()]
        keys = [
            row
            for offer_id in dict.fromkeys(offer_ids)
            for row in (
                offer_key(offer_id),
                state_key(offer_id),
                *(rank_key(offer_id, ranking_id) for ranking_id in rankings),
            )
        ]
        rows = self._access.get_batch({self._table: keys}, consistent=True) if keys else {}
        by_offer: defaultdict[str, dict[str, Item]] = defaultdict(dict)
        for (pk, sk), row in rows.items():
            by_offer[pk][sk] = row
        return {
            offer_id: self._situation(f"{OFFER_PREFIX}{offer_id}", by_offer)
            for offer_id in dict.fromkeys(offer_ids)
        }

    def _situation(self, pk: str, by_offer: Mapping[str, Mapping[str, Item]]) -> Situation:
        rows = by_offer.get(pk, {})
        offer, state = rows.get(METADATA), rows.get(STATE)
        if offer is None:
            places = self._places_left(pk)
        else:
            places = [row for sk, row in rows.items() if sk.startswith(RANK_PREFIX)]
        return Situation(
            offer=None if offer is None else offer_of(offer),
            state=OfferState() if state is None else state_of(state),
            listings={
                text(place, "SK").removeprefix(RANK_PREFIX): (text(place, "category"), entry_of(place))
                for place in places
            },
            end_listed=offer is not None and "expiry_list" in offer,
        )

    def _places_left(self, pk: str) -> list[Item]:
        """Places of an offer that was removed, also those in the rankings of past experiments."""
        return self._access.query_page(
            limit=MAX_PLACES,
            consistent=True,
            TableName=self._table,
            KeyConditionExpression="PK = :offer AND begins_with(SK, :places)",
            ExpressionAttributeValues={":offer": s(pk), ":places": s(RANK_PREFIX)},
        )

    def rankings(self) -> tuple[Weights, ...]:
        live = self._access.get(self._activity_table, live_experiment_keys()[0], consistent=True)
        tested = experiment_of(live).rankings if live is not None else ()
        # Weights that differ in relevance alone share one ranking.
        return tuple({weights.ranking_id: weights for weights in (*tested, BY_PRIORITY, CONTROL)}.values())

    # -- the sorted index ------------------------------------------------------------------------------

    def apply_listings(self, changes: Sequence[ListingChange]) -> None:
        for start in range(0, len(changes), MAX_TRANSACTION - 1):
            pending = list(changes[start : start + MAX_TRANSACTION - 1])
            while pending:
                actions = [self._place(change) for change in pending]
                try:
                    self._access.transact([*actions, *self._count(pending)])
                    break
                except ConditionFailed as failed:
                    # Those that someone else applied are skipped; the others go again with their own sum.
                    pending = [change for at, change in enumerate(pending) if at not in failed.found]

    def _place(self, change: ListingChange) -> Action:
        key = rank_key(change.offer_id, change.weights.ranking_id)
        request: Action = {"TableName": self._table}
        if change.before is None:
            request["ConditionExpression"] = "attribute_not_exists(PK)"
        else:
            category, entry = change.before
            request["ConditionExpression"] = "entry = :entry AND category = :category"
            request["ExpressionAttributeValues"] = {
                ":entry": entry_attribute(entry),
                ":category": s(category),
            }
        if change.after is None:
            return {"Delete": request | {"Key": key}}
        return {"Put": request | {"Item": key | place_attributes(*change.after, change.weights)}}

    def _count(self, changes: Sequence[ListingChange]) -> list[Action]:
        """The counter of offers in stock, moved by what appears and goes in the control ranking."""
        net = sum(
            (change.after is not None) - (change.before is not None)
            for change in changes
            if change.weights == CONTROL
        )
        if net == 0:
            return []
        update = {
            "TableName": self._table,
            "Key": COUNTER_KEY,
            "UpdateExpression": "ADD available :net",
            "ExpressionAttributeValues": {":net": n(net)},
        }
        return [{"Update": update}]

    # -- boards ----------------------------------------------------------------------------------------

    def stored_boards(self, weights: Weights, lists: Sequence[str]) -> dict[str, Board]:
        keys = {name: [board_key(weights, name, i) for i in range(board_copies(name))] for name in lists}
        wanted = [key for copies in keys.values() for key in copies]
        rows = self._access.get_batch({self._table: wanted}, consistent=True) if wanted else {}
        boards = {}
        for name, copies in keys.items():
            stored = [board_of(rows.get((key["PK"]["S"], key["SK"]["S"]))) for key in copies]
            boards[name] = stored[0]
            # A writer that died after the master left its copies behind.
            behind = [copy for copy, board in enumerate(stored) if board.version < stored[0].version]
            self._write_copies(weights, name, stored[0], behind)
        return boards

    def save_board(self, weights: Weights, list_name: str, before: Board, after: Board) -> bool:
        version = before.version + 1
        request: Action = {"ConditionExpression": "attribute_not_exists(PK)"}
        if before.version:
            request = {
                "ConditionExpression": "version = :version",
                "ExpressionAttributeValues": {":version": n(before.version)},
            }
        item = board_key(weights, list_name) | board_attributes(after, version)
        try:
            self._access.put(TableName=self._table, Item=item, **request)
        except ConditionFailed:
            return False
        stored = Board(after.base, after.urgent, version)
        self._write_copies(weights, list_name, stored, range(1, board_copies(list_name)))
        return True

    def _write_copies(self, weights: Weights, list_name: str, board: Board, copies: Iterable[int]) -> None:
        for copy in copies:
            try:
                self._access.put(
                    TableName=self._table,
                    Item=board_key(weights, list_name, copy) | board_attributes(board, board.version),
                    ConditionExpression="attribute_not_exists(PK) OR version < :version",
                    ExpressionAttributeValues={":version": n(board.version)},
                )
            except ConditionFailed:
                continue  # a later writer was here

    # -- counts and boosts -----------------------------------------------------------------------------

    def save_adjusted(self, offer: Offer, adjusted_count: int) -> bool:
        conditions, values = [], {}
        counts = {
            "inventory_count": offer.inventory_count,
            "received_count": offer.received_count,
            "redeemed_count": offer.redeemed_count,
            "held_count": offer.held_count,
        }
        for name, count in counts.items():
            conditions.append(f"({name} = :{name}{'' if count else f' OR attribute_not_exists({name})'})")
            values[f":{name}"] = n(count)
        check = {
            "TableName": self._table,
            "Key": offer_key(offer.offer_id),
            "ConditionExpression": f"attribute_exists(PK) AND {' AND '.join(conditions)}",
            "ExpressionAttributeValues": values,
        }
        update = {
            "TableName": self._table,
            "Key": state_key(offer.offer_id),
            "UpdateExpression": "SET adjusted_count = :adjusted",
            "ExpressionAttributeValues": {":adjusted": n(adjusted_count)},
        }
        return self._holds([{"ConditionCheck": check}, {"Update": update}])

    def save_boost(self, offer_id: str, state: OfferState, boost: int) -> None:
        still_so = condition_on("boosted_by", state.boosted_by)
        check = {"TableName": self._table, "Key": state_key(offer_id), **still_so}
        update = {
            "TableName": self._table,
            "Key": offer_key(offer_id),
            "UpdateExpression": "SET priority_boost = :boost",
            "ConditionExpression": "attribute_exists(PK)",
            "ExpressionAttributeValues": {":boost": n(boost)},
        }
        self._holds([{"ConditionCheck": check}, {"Update": update}])

    def list_end(self, offer_id: str) -> None:
        update = {
            "TableName": self._table,
            "Key": offer_key(offer_id),
            "UpdateExpression": "SET expiry_list = :list",
            "ConditionExpression": "attribute_exists(expires_at) AND #status <> :expired",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":list": s(EXPIRY_LIST), ":expired": s(OfferStatus.EXPIRED.value)},
        }
        self._holds([{"Update": update}])


def place_attributes(category: str, entry: RankEntry, weights: Weights) -> dict[str, Value]:
    """What a RANK row carries: the entry, and the index keys that put it in its lists."""
    attributes = {
        "category": s(category),
        "entry": entry_attribute(entry),
        "category_list": s(indexed_list(weights, category_list(category))),
        "base_key": s(sort_key(entry, weights, Order.BASE)),
    }
    if weights == BY_PRIORITY:
        return attributes  # pivots read one order of one category
    attributes["urgent_key"] = s(sort_key(entry, weights, Order.URGENT))
    if ALL_OFFERS in lists_of(category, weights):
        attributes["all_list"] = s(indexed_list(weights, ALL_OFFERS))
    return attributes


def state_of(item: Item) -> OfferState:
    return OfferState(
        stockouts=number(item, "stockouts"),
        open_pivot_id=optional_text(item, "open_pivot_id"),
        boosted_by=optional_text(item, "boosted_by"),
        adjusted_count=number(item, "adjusted_count"),
    )
