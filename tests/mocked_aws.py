"""AWS in this process, on moto, at a cost that a thousand tests can bear.

Moto copies a whole table for each action of a transaction, to put the copies back if one fails; a session of
boto3 of its own reads the descriptions of AWS anew. Both are most of what such a test takes, so here
a transaction keeps the rows that it names, and all tests share a session.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import boto3
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb import models
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

REGION = "us-east-1"


@contextmanager
def mocked_aws() -> Iterator[Callable[[str], Any]]:
    """Replace AWS, empty at first; gives clients by the name of their service."""
    with mock_aws():
        yield lambda service: session().client(service)


@functools.cache
def session() -> boto3.Session:
    """Give the session of all tests of this process."""
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)


def tables_as_they_are() -> Callable[[], None]:
    """Remember all tables there are; gives what makes them, and no others, the same again."""
    kept = copy.deepcopy(dynamodb().tables)

    def again() -> None:
        dynamodb().tables = copy.deepcopy(kept)

    return again


def dynamodb() -> models.DynamoDBBackend:
    """Give the DynamoDB that clients talk to."""
    return models.dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION]


def undoing(transact: Callable[..., None]) -> Callable[..., None]:
    """Give moto's ``transact_write_items``, which undoes what it has done when it fails."""

    @functools.wraps(transact)
    def undoable(backend: Any, actions: list[dict[str, Any]]) -> None:
        before = [row for action in actions for row in named_row(backend.tables, *action.values())]
        try:
            transact(backend, actions)
        except Exception:
            for row in before:
                put_back(*row)
            raise

    return undoable


def named_row(
    tables: dict[str, Table], action: dict[str, Any], *_: Any
) -> Iterator[tuple[Table, DynamoType, DynamoType | None, Item | None]]:
    """Give the row that an action writes, as it is now: its table, key and content (None: not there).

    Nothing, where the action names no row, which moto refuses.
    """
    table = tables.get(action.get("TableName", ""))
    key = action.get("Item") or action.get("Key") or {}
    if table is None or not {table.hash_key_attr, table.range_key_attr or table.hash_key_attr} <= set(key):
        return
    first = DynamoType(key[table.hash_key_attr])
    second = DynamoType(key[table.range_key_attr]) if table.range_key_attr else None
    yield table, first, second, copy.deepcopy(table.get_item(first, second))


def put_back(table: Table, first: DynamoType, second: DynamoType | None, item: Item | None) -> None:
    """Make a row what it was."""
    rows: Any = table.items if second is None else table.items[first]
    key = first if second is None else second
    if item is None:
        rows.pop(key, None)
    else:
        rows[key] = item


def copied(thing: Any) -> Any:
    """Copy what moto copies, but for tables: `undoing` looks after those."""
    return thing if isinstance(thing, Table) else copy.deepcopy(thing)


models.copy = SimpleNamespace(deepcopy=copied)  # type: ignore[assignment]
models.DynamoDBBackend.transact_write_items = undoing(  # type: ignore[method-assign]
    models.DynamoDBBackend.transact_write_items
)
