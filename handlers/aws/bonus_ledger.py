"""The bonus ledger: each change of an account with its entries in one transaction."""

import heapq
from collections.abc import Sequence

from handlers.aws.attributes import n, number, s
from handlers.aws.bonus_rows import (
    account_item,
    account_of,
    entry_item,
    entry_of,
    reward_item,
    reward_of,
)
from handlers.aws.cursors import cursor_at, foreign_cursor, place_of
from handlers.aws.idempotency_store import DynamoIdempotencyStore, remember
from handlers.aws.keys import CUSTOMER_PREFIX, REWARD_SHARDS, account_key, due_list, entry_key, reward_key
from handlers.aws.table_access import Action, Client, ConditionFailed, Patience, TableAccess, Tables
from offerloop.bonuses.model import Account, OrderReward
from offerloop.bonuses.ports import AccountStep, EntryPage, StaleAccount


class DynamoBonusLedger(DynamoIdempotencyStore):
    """`BonusLedger` on the tables `Rewards` and `Idempotency`."""

    def __init__(self, client: Client, tables: Tables, patience: Patience | None = None) -> None:
        super().__init__(client, tables, patience)
        self._tables = tables
        self._access = TableAccess(client, None, patience or Patience())

    def account(self, customer_id: str) -> Account:
        item = self._access.get(self._tables.rewards, account_key(customer_id), consistent=True)
        return Account(customer_id) if item is None else account_of(item)

    def reward(self, order_id: str) -> OrderReward | None:
        item = self._access.get(self._tables.rewards, reward_key(order_id), consistent=True)
        return None if item is None else reward_of(item)

    def write(self, step: AccountStep) -> None:
        table = self._tables.rewards
        actions = [replace_account(table, step.before, step.after)]
        actions += [_add_once({"TableName": table, "Item": entry_item(entry)}) for entry in step.entries]
        if step.reward is not None:
            actions.append(_replace_reward(table, step.reward))
        if step.answered is not None:
            actions.append(remember(self._tables.idempotency, step.answered, step.now))
        try:
            self._access.transact(actions)
        except ConditionFailed as failed:
            raise StaleAccount from failed

    def history(self, customer_id: str, limit: int, cursor: str | None) -> EntryPage:
        last = 10**9 - 1 if cursor is None else _number_in(cursor) - 1
        items = self._access.query_page(
            limit=limit + 1,
            ScanIndexForward=False,
            TableName=self._tables.rewards,
            KeyConditionExpression="PK = :customer AND SK BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":customer": account_key(customer_id)["PK"],
                ":first": entry_key(customer_id, 0)["SK"],
                ":last": entry_key(customer_id, last)["SK"],
            },
        )
        page = tuple(map(entry_of, items[:limit]))
        return EntryPage(page, cursor_at(str(page[-1].number)) if len(items) > limit else None)

    def due(self, now: int, limit: int) -> Sequence[str]:
        items = [
            item
            for shard in range(REWARD_SHARDS)
            for item in self._access.query_page(
                limit=limit,
                TableName=self._tables.rewards,
                IndexName="ByDue",
                KeyConditionExpression="due_list = :list AND due_at <= :now",
                ExpressionAttributeValues={":list": s(due_list(shard)), ":now": n(now)},
            )
        ]
        first = heapq.nsmallest(limit, items, key=lambda item: (number(item, "due_at"), item["PK"]["S"]))
        return [item["PK"]["S"].removeprefix(CUSTOMER_PREFIX) for item in first]


def replace_account(table: str, before: Account, after: Account) -> Action:
    """The action that stores an account, on the condition that it still is what it was."""
    put: Action = {"TableName": table, "Item": account_item(after)}
    return _add_once(put) if before.version == 0 else _replace(put, before.version)


def _replace_reward(table: str, reward: OrderReward) -> Action:
    put: Action = {"TableName": table, "Item": reward_item(reward)}
    return _add_once(put) if reward.version == 1 else _replace(put, reward.version - 1)


def _add_once(put: Action) -> Action:
    return {"Put": put | {"ConditionExpression": "attribute_not_exists(PK)"}}


def _replace(put: Action, version: int) -> Action:
    condition = {"ConditionExpression": "version = :version"}
    return {"Put": put | condition | {"ExpressionAttributeValues": {":version": n(version)}}}


def _number_in(cursor: str) -> int:
    place = place_of(cursor)
    if not (place.isascii() and place.isdecimal() and len(place) <= 9 and int(place) > 0):
        raise foreign_cursor()
    return int(place)
