"""Orders: each transition with all that changes because of it in one transaction."""

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from handlers.aws.attributes import Item, n, number, s
from handlers.aws.bonus_ledger import replace_account
from handlers.aws.bonus_rows import account_of
from handlers.aws.code_moves import hold_code, move_code
from handlers.aws.code_rows import code_of
from handlers.aws.cursors import cursor_at, newest_place_of
from handlers.aws.engagement_rows import message_item
from handlers.aws.idempotency_store import DynamoIdempotencyStore, remember
from handlers.aws.keys import (
    HISTORY_PREFIX,
    ORDER_PREFIX,
    ORDER_SHARDS,
    Key,
    account_key,
    code_key,
    hold_list,
    offer_key,
    order_key,
    product_key,
    progress_list,
    redeemed_key,
)
from handlers.aws.offer_rows import offer_of
from handlers.aws.order_rows import newest_key, order_item, order_of, transition_item, transition_of
from handlers.aws.product_rows import product_of
from handlers.aws.stock_moves import (
    count_redemptions,
    hold_product_units,
    move_offer_units,
    move_product_units,
    take_offer_units,
)
from handlers.aws.table_access import (
    Action,
    Client,
    ConditionFailed,
    Patience,
    ReadMeter,
    TableAccess,
    Tables,
)
from offerloop.bonuses.model import Account
from offerloop.errors import UnknownOrder
from offerloop.offers.track_event import already_redeemed, check_redeemable
from offerloop.orders.model import (
    IN_PROGRESS,
    MAX_LINES,
    MAX_QUANTITY,
    MOVES,
    Order,
    StockMove,
    Transition,
    Units,
)
from offerloop.orders.ports import OrderPage, OrderStep, Shelf, StaleOrder
from offerloop.orders.process_order import check_in_stock

Name = tuple[str, str]  # of an action: what it writes, and which of these

ORDER: Name = ("order", "")
ANSWER: Name = ("answer", "")
ACCOUNT: Name = ("account", "")
DECIDED_ON = {
    ORDER,
    ANSWER,
    ACCOUNT,
}  # what the step was decided on; when one of them changed, so may the step
MAX_TRANSITIONS = 6 + MAX_LINES * MAX_QUANTITY  # to COMPLETED, then refunded unit by unit


class DynamoOrderStore(DynamoIdempotencyStore):
    """`OrderStore` on the tables `Orders`, `Products`, `Offers`, `UserActivity`, `Idempotency`, `Codes` and
    `Rewards`."""

    def __init__(
        self, client: Client, tables: Tables, meter: ReadMeter | None = None, patience: Patience | None = None
    ) -> None:
        super().__init__(client, tables, patience)
        self._tables = tables
        self._access = TableAccess(client, meter, patience or Patience())

    # -- reading ---------------------------------------------------------------------------------------

    def shelf(
        self,
        customer_id: str,
        product_ids: Collection[str],
        offer_ids: Collection[str],
        promo_code: str | None = None,
        with_account: bool = False,
    ) -> Shelf:
        products = {each: product_key(each) for each in product_ids}
        offers = {each: offer_key(each) for each in offer_ids}
        redeemed = {each: redeemed_key(customer_id, each) for each in offer_ids}
        codes = {} if promo_code is None else {promo_code: code_key(promo_code)}
        accounts = {customer_id: account_key(customer_id)} if with_account else {}
        keys = {
            self._tables.products: list(products.values()),
            self._tables.offers: list(offers.values()),
            self._tables.user_activity: list(redeemed.values()),
            self._tables.codes: list(codes.values()),
            self._tables.rewards: list(accounts.values()),
        }
        items = self._access.get_batch(keys, consistent=True)
        return Shelf(
            products={each: product_of(item) for each, item in _present(products, items)},
            offers={each: offer_of(item) for each, item in _present(offers, items)},
            redemptions=dict.fromkeys(offer_ids, 0)
            | {each: number(item, "redemptions") for each, item in _present(redeemed, items)},
            code=next((code_of(item) for _, item in _present(codes, items)), None),
            account=_account(customer_id, _present(accounts, items)) if with_account else None,
        )

    def get(self, order_id: str) -> Order:
        item = self._access.get(self._tables.orders, order_key(order_id), consistent=True)
        if item is None:
            raise UnknownOrder(f"no order has the id {order_id!r}")
        return order_of(item)

    def history(self, order_id: str) -> Sequence[Transition]:
        items = self._access.query_page(
            limit=MAX_TRANSITIONS,
            consistent=True,
            TableName=self._tables.orders,
            KeyConditionExpression="PK = :order AND begins_with(SK, :history)",
            ExpressionAttributeValues={":order": order_key(order_id)["PK"], ":history": s(HISTORY_PREFIX)},
        )
        return tuple(map(transition_of, items))

    def of_customer(self, customer_id: str, limit: int, cursor: str | None) -> OrderPage:
        after = "" if cursor is None else newest_place_of(cursor)
        items = self._access.query_page(
            limit=limit + 1,
            TableName=self._tables.orders,
            IndexName="ByCustomer",
            KeyConditionExpression="customer_id = :customer" + (" AND newest_key > :after" if after else ""),
            ExpressionAttributeValues={":customer": s(customer_id)} | ({":after": s(after)} if after else {}),
        )
        orders = sorted(self._orders(items[:limit]), key=newest_key)
        more = len(items) > limit
        return OrderPage(tuple(orders), cursor_at(items[limit - 1]["newest_key"]["S"]) if more else None)

    def holds_ended(self, now: int, limit: int) -> Sequence[str]:
        condition = "hold_list = :list AND hold_until <= :end"
        items = self._listed("ByDeadline", condition, hold_list, now, limit)
        first = heapq.nsmallest(limit, items, key=lambda item: (number(item, "hold_until"), item["PK"]["S"]))
        return [item["PK"]["S"].removeprefix(ORDER_PREFIX) for item in first]

    def waiting_since(self, before_ms: int, limit: int) -> Sequence[Order]:
        condition = "progress_list = :list AND updated_at_ms < :end"
        items = self._listed("ByWaiting", condition, progress_list, before_ms, limit)
        first = heapq.nsmallest(limit, items, key=lambda item: number(item, "updated_at_ms"))
        # The index is behind its table.
        orders = (
            order
            for order in self._orders(first)
            if order.status in IN_PROGRESS and order.updated_at_ms < before_ms
        )
        return sorted(orders, key=lambda order: (order.updated_at_ms, order.order_id))

    def _listed(
        self, index: str, condition: str, list_of: Callable[[int], str], end: int, limit: int
    ) -> list[Item]:
        """The first entries of each shard of a sparse index."""
        return [
            item
            for shard in range(ORDER_SHARDS)
            for item in self._access.query_page(
                limit=limit,
                TableName=self._tables.orders,
                IndexName=index,
                KeyConditionExpression=condition,
                ExpressionAttributeValues={":list": s(list_of(shard)), ":end": n(end)},
            )
        ]

    def _orders(self, items: Iterable[Item]) -> list[Order]:
        """The orders behind entries of an index, in no order."""
        keys: list[Key] = [{"PK": dict(item["PK"]), "SK": dict(item["SK"])} for item in items]
        rows = self._access.get_batch({self._tables.orders: keys}, consistent=True)
        return [order_of(row) for row in rows.values()]

    # -- writing ---------------------------------------------------------------------------------------

    def write(self, step: OrderStep) -> None:
        actions = self._actions(step)
        while True:
            try:
                self._access.transact(list(actions.values()))
                return
            except ConditionFailed as failed:
                names = list(actions)
                found = {names[at]: item for at, item in failed.found.items()}
                # First whether the decision stands, then whether there is stock: a twin may have taken it.
                if DECIDED_ON & found.keys() or self.was_answered(step.answered, step.now):
                    raise StaleOrder from failed
                if step.move is StockMove.HOLD:
                    _refuse(step, found)
                    raise StaleOrder from failed
                # What is left are stocks without the units; see `OrderStore.write`.
                actions = {name: action for name, action in actions.items() if name not in found}

    def _actions(self, step: OrderStep) -> dict[Name, Action]:
        """The transaction's actions by name."""
        table = self._tables.orders
        actions: dict[Name, Action] = {
            ORDER: _replace_order(table, step),
            ("history", ""): {"Put": {"TableName": table, "Item": transition_item(step.transition)}},
        }
        for message in step.messages:
            put = {"TableName": table, "Item": message_item(message)}
            actions["message", message.message_id] = {"Put": put}
        if step.move is StockMove.HOLD and step.units is not None:
            actions |= self._hold(step.units, step)
        elif step.move is not None and step.units is not None:
            actions |= self._move(step.move, step.units, step)
        actions |= self._paid_with(step)
        if step.answered is not None:
            actions[ANSWER] = remember(self._tables.idempotency, step.answered, step.now)
        return actions

    def _paid_with(self, step: OrderStep) -> dict[Name, Action]:
        """What happens to the order's code and to its customer's points."""
        actions: dict[Name, Action] = {}
        code, table = step.after.promo_code, self._tables.codes
        if code is not None and step.code_move is StockMove.HOLD:
            actions["code", code] = hold_code(table, code, step.after, step.now)
        elif code is not None and step.code_move is not None:
            actions["code", code] = move_code(table, code, step.after, step.code_move)
        if step.account is not None:
            actions[ACCOUNT] = replace_account(self._tables.rewards, step.account)
        return actions

    def _hold(self, units: Units, step: OrderStep) -> dict[Name, Action]:
        tables, change, customer = self._tables, MOVES[StockMove.HOLD], step.after.customer_id
        actions: dict[Name, Action] = {}
        for product_id, count in units.products.items():
            actions["product", product_id] = hold_product_units(tables.products, product_id, change, count)
        for offer_id, count in units.offers.items():
            limit = (step.limits or {}).get(offer_id, 0)
            actions["offer", offer_id] = take_offer_units(tables.offers, offer_id, change, count, step.now)
            actions["redeemed", offer_id] = count_redemptions(
                tables.user_activity, customer, offer_id, count, limit
            )
        return actions

    def _move(self, move: StockMove, units: Units, step: OrderStep) -> dict[Name, Action]:
        tables, change, customer = self._tables, MOVES[move], step.after.customer_id
        actions: dict[Name, Action] = {}
        for product_id, count in units.products.items():
            actions["product", product_id] = move_product_units(tables.products, product_id, change, count)
        for offer_id, count in units.offers.items():
            actions["offer", offer_id] = move_offer_units(tables.offers, offer_id, change, count)
            if change.free:
                actions["redeemed", offer_id] = count_redemptions(
                    tables.user_activity, customer, offer_id, -change.free * count
                )
        return actions


def _replace_order(table: str, step: OrderStep) -> Action:
    put: Action = {"TableName": table, "Item": order_item(step.after)}
    if step.before is None:
        put["ConditionExpression"] = "attribute_not_exists(PK)"
    else:
        put["ConditionExpression"] = "version = :version"
        put["ExpressionAttributeValues"] = {":version": n(step.before.version)}
    return {"Put": put}


def _refuse(step: OrderStep, found: Mapping[Name, Item]) -> None:
    """Say why units cannot be held, in the order in which the use case itself refuses.

    Args:
        found: what the failed actions met; an empty item where there is none or the target does not tell:
            then nothing is said, and who decides looks again.
    Raises:
        OutOfStock, OfferNotActive, OfferHasExpired, AlreadyRedeemed
    """
    units, limits = step.units or Units({}, {}), step.limits or {}
    if any(not item for (kind, _), item in found.items() if kind != "redeemed"):
        return
    for product_id, count in units.products.items():
        product = found.get(("product", product_id))
        if product is not None:
            check_in_stock(product_of(product), product_id, count)
    for offer_id, count in units.offers.items():
        offer, redeemed = found.get(("offer", offer_id)), found.get(("redeemed", offer_id))
        limit, so_far = limits.get(offer_id, 0), number(redeemed or {}, "redemptions")
        if offer is not None:
            check_redeemable(offer_of(offer), so_far, limit, step.now, units=count)
        if redeemed is not None:
            raise already_redeemed(offer_id)


def _account(customer_id: str, found: list[tuple[str, Item]]) -> Account:
    """The customer's account; an empty one for who has none."""
    return account_of(found[0][1]) if found else Account(customer_id)


def _present(keys: Mapping[str, Key], items: Mapping[tuple[str, str], Item]) -> list[tuple[str, Item]]:
    """Ids with their items, those that were found."""
    found = ((each, items.get((key["PK"]["S"], key["SK"]["S"]))) for each, key in keys.items())
    return [(each, item) for each, item in found if item is not None]
