"""Calls to DynamoDB: keys left over are asked again, contention is waited out, reads can be counted.

Conditions that fail are the caller's business (`ConditionFailed`); conflicts and throttling are retried
here with jitter and end as `Busy`.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError

from handlers.aws.attributes import Item
from handlers.aws.keys import Key
from offerloop.errors import Busy

Client = Any  # a boto3 DynamoDB client
Action = dict[str, Any]  # one entry of TransactItems

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
MAX_BATCH_GET = 100
MAX_BATCH_WRITE = 25
MAX_TRANSACTION = 100

TRIES = 8
FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.5

CONTENTION = frozenset(
    {
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
        "ThrottlingError",
        "ThrottlingException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "InternalServerError",
    }
)


@dataclass(frozen=True, slots=True)
class Tables:
    """The deployed names of the tables, prefix included."""

    offers: str
    user_activity: str
    idempotency: str
    products: str
    orders: str
    codes: str
    rewards: str

    @classmethod
    def with_prefix(cls, prefix: str) -> "Tables":
        return cls(
            offers=f"{prefix}Offers",
            user_activity=f"{prefix}UserActivity",
            idempotency=f"{prefix}Idempotency",
            products=f"{prefix}Products",
            orders=f"{prefix}Orders",
            codes=f"{prefix}Codes",
            rewards=f"{prefix}Rewards",
        )


class ConditionFailed(Exception):
    """A condition of a write did not hold; nothing was written.

    Attributes:
        found: position of each failed action -> the item that it met; an empty one where there is none
            or the target does not tell.
    """

    def __init__(self, found: Mapping[int, Item]) -> None:
        super().__init__(f"conditions failed at {sorted(found)}")
        self.found = found


@dataclass(slots=True)
class ReadMeter:
    """Counts reads by AWS's rules from the items themselves, because not every target reports them right.

    Attributes:
        rcu_halves: half read units; an eventually consistent read of up to 4 KB is one.

    Source:
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
    """

    calls: int = 0
    items: int = 0
    rcu_halves: int = 0

    def count_gets(self, requested: int, items: Sequence[Item], consistent: bool) -> None:
        """Gets are rounded up item by item; a missing item costs as much as a small one."""
        units = sum(_units(item_size(item)) for item in items) + requested - len(items)
        self.calls += 1
        self.items += len(items)
        self.rcu_halves += units * (2 if consistent else 1)

    def count_query(self, items: Sequence[Item], consistent: bool) -> None:
        """A query is rounded up once for its page."""
        self.calls += 1
        self.items += len(items)
        self.rcu_halves += _units(sum(map(item_size, items))) * (2 if consistent else 1)


def _units(size: int) -> int:
    return max(1, -(-size // 4096))


def item_size(item: Item) -> int:
    """Bytes of an item as DynamoDB bills them, for the attribute types that we use.

    Source:
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    [(kind, content)] = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return len(content.strip("-0.")) // 2 + 2
    if kind == "L":
        return 3 + sum(1 + _value_size(element) for element in content)
    return 1


@dataclass(frozen=True, slots=True)
class Patience:
    """How contention is waited out; both are arguments so that tests need no time."""

    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def pauses(self) -> Iterator[None]:
        """Yields once per try and waits between them, twice as long each time, at random."""
        for attempt in range(TRIES):
            if attempt:
                self.sleep(self.jitter() * min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempt))
            yield


@dataclass(frozen=True, slots=True)
class TableAccess:
    """The calls that the adapters make, on one client."""

    client: Client
    meter: ReadMeter | None = None
    patience: Patience = field(default_factory=Patience)

    def get(self, table: str, key: Key, *, consistent: bool) -> Item | None:
        """One item, or None."""
        answer = self._call(self.client.get_item, TableName=table, Key=key, ConsistentRead=consistent)
        item: Item | None = answer.get("Item")
        if self.meter is not None:
            self.meter.count_gets(1, [] if item is None else [item], consistent)
        return item

    def get_batch(
        self, keys: Mapping[str, Sequence[Key]], *, consistent: bool
    ) -> dict[tuple[str, str], Item]:
        """Items of several tables in one call per 100 keys, by (PK, SK); missing ones are left out.

        No key may stand in two of the tables.
        """
        wanted = [(table, key) for table, of_table in keys.items() for key in of_table]
        found: dict[tuple[str, str], Item] = {}
        for start in range(0, len(wanted), MAX_BATCH_GET):
            self._get_chunk(wanted[start : start + MAX_BATCH_GET], consistent, found)
        return found

    def _get_chunk(
        self, wanted: Sequence[tuple[str, Key]], consistent: bool, found: dict[tuple[str, str], Item]
    ) -> None:
        request: dict[str, Any] = {}
        for table, key in wanted:
            request.setdefault(table, {"Keys": [], "ConsistentRead": consistent})["Keys"].append(key)
        for _ in self.patience.pauses():
            answer = self._call(self.client.batch_get_item, RequestItems=request)
            items = [item for of_table in answer["Responses"].values() for item in of_table]
            left_over = answer.get("UnprocessedKeys") or {}
            if self.meter is not None:
                asked = sum(len(of_table["Keys"]) for of_table in request.values())
                left = sum(len(of_table["Keys"]) for of_table in left_over.values())
                self.meter.count_gets(asked - left, items, consistent)
            found.update({(item["PK"]["S"], item["SK"]["S"]): item for item in items})
            if not left_over:
                return
            request = left_over
        raise Busy("the table leaves keys unread")

    def query_page(self, *, limit: int, consistent: bool = False, **request: Any) -> list[Item]:
        """Up to *limit* items of a query, over as many calls as it takes."""
        items: list[Item] = []
        while len(items) < limit:
            answer = self._call(
                self.client.query, Limit=limit - len(items), ConsistentRead=consistent, **request
            )
            if self.meter is not None:
                self.meter.count_query(answer["Items"], consistent)
            items += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                break
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return items

    def scan_pages(self, **request: Any) -> Iterator[list[Item]]:
        """Pages of a scan."""
        while True:
            answer = self._call(self.client.scan, **request)
            yield answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def put(self, **request: Any) -> None:
        """Raises:
        ConditionFailed: at position 0.
        """
        self._call(self.client.put_item, **request)

    def update(self, **request: Any) -> Item:
        """Update one item; returns what `ReturnValues` asks for.

        Raises:
            ConditionFailed: at position 0.
        """
        item: Item = self._call(self.client.update_item, **request).get("Attributes", {})
        return item

    def transact(self, actions: Sequence[Action]) -> None:
        """Write all or nothing.

        Raises:
            ConditionFailed
            Busy: others kept writing the same items.
        """
        # One token for all tries: one whose answer was lost is not done again, and not refused by what it did
        # itself. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
        token = str(uuid.uuid4())
        self._call(self.client.transact_write_items, TransactItems=list(actions), ClientRequestToken=token)

    def delete(self, table: str, key: Key) -> None:
        """Delete one row; deleting one that is gone is harmless."""
        self._call(self.client.delete_item, TableName=table, Key=key)

    def delete_batch(self, table: str, keys: Sequence[Key]) -> None:
        """Delete rows; deleting one that is gone is harmless."""
        self._write_batch(table, [{"DeleteRequest": {"Key": key}} for key in keys])

    def put_batch(self, table: str, items: Sequence[Item]) -> None:
        """Put rows unconditionally."""
        self._write_batch(table, [{"PutRequest": {"Item": item}} for item in items])

    def _write_batch(self, table: str, requests: Sequence[Action]) -> None:
        for start in range(0, len(requests), MAX_BATCH_WRITE):
            request: dict[str, Any] = {table: list(requests[start : start + MAX_BATCH_WRITE])}
            for _ in self.patience.pauses():
                answer = self._call(self.client.batch_write_item, RequestItems=request)
                request = answer.get("UnprocessedItems") or {}
                if not request:
                    break
            else:
                raise Busy("the table leaves rows unwritten")

    def _call(self, operation: Callable[..., dict[str, Any]], **request: Any) -> dict[str, Any]:
        for _ in self.patience.pauses():
            try:
                return operation(**request)
            except ClientError as error:
                _raise_unless_contention(error)
            except HTTPClientError as error:
                # Timed out or cut off, after botocore's own retries. Whether a write took effect is not
                # known, so it is not decided again here: the caller repeats it under its key.
                raise Busy("the table does not answer") from error
        raise Busy("others keep changing the same items")


def _raise_unless_contention(error: ClientError) -> None:
    response: Mapping[str, Any] = error.response
    code = response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        raise ConditionFailed({0: response.get("Item", {})}) from error
    reasons = response.get("CancellationReasons", [])
    failed = {
        position: reason.get("Item", {})
        for position, reason in enumerate(reasons)
        if reason.get("Code") == "ConditionalCheckFailed"
    }
    if failed:
        raise ConditionFailed(failed) from error
    if code not in CONTENTION and not any(reason.get("Code") in CONTENTION for reason in reasons):
        raise error
