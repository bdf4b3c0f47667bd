"""Pools of codes: each free code a row of its own, spread over the shards of its pool.

A claim is given a candidate by `code_finder` and takes it in a transaction that no other claim of the same
code survives.
"""

import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from handlers.aws.attributes import Value, n, s, setting
from handlers.aws.code_finder import FreeCodeFinder, count_keys, unknown_pool
from handlers.aws.code_rows import (
    attributes_of,
    code_item,
    code_of,
    level_of,
    newest_key,
    pool_item,
    pool_of,
    trail_item,
    trail_of,
)
from handlers.aws.cursors import cursor_at, newest_place_of
from handlers.aws.idempotency_store import DynamoIdempotencyStore, remember
from handlers.aws.keys import (
    POOL_LIST,
    POOL_SHARDS,
    Key,
    code_count_key,
    code_key,
    code_shard,
    free_key,
    holder_key,
    key,
    pool_key,
    pool_trail_key,
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
from offerloop.codes.forecast import Sample
from offerloop.codes.model import Code, CodeStatus, Level, Pool, given_out
from offerloop.codes.ports import Claim, CodePage
from offerloop.errors import (
    Busy,
    CodeNotFree,
    HolderLimitReached,
    PoolExists,
    UnknownCode,
)
from offerloop.idempotency import KEPT_FOR_S, AnsweredRequest, Stale

CODES_PER_TRANSACTION = 40  # of two actions each, and a count for each of the 8 shards: 88 of 100
MAX_POOLS = 10_000

Name = tuple[str, str]  # of an action: what it writes, and which of these
ANSWER: Name = ("answer", "")
HOLDER: Name = ("holder", "")


class DynamoCodeStore(DynamoIdempotencyStore):
    """`CodeStore` on the tables `Codes` and `Idempotency`; keeps hints, so each thread has its own.

    Args:
        chance, seconds: where hints lead is random, and they are kept by this clock.
    """

    def __init__(
        self,
        client: Client,
        tables: Tables,
        meter: ReadMeter | None = None,
        patience: Patience | None = None,
        chance: random.Random | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(client, tables, patience)
        self._codes = tables.codes
        self._idempotency = tables.idempotency
        self._patience = patience or Patience()
        self._access = TableAccess(client, meter, self._patience)
        self._finder = FreeCodeFinder(self._access, self._codes, chance or random.Random(), seconds)

    # -- pools -----------------------------------------------------------------------------------------

    def pool(self, pool_id: str) -> Pool:
        item = self._access.get(self._codes, pool_key(pool_id), consistent=True)
        if item is None:
            raise unknown_pool(pool_id)
        return pool_of(item)

    def recent_pool(self, pool_id: str) -> Pool:
        return self._finder.pool(pool_id)

    def pools(self) -> Sequence[Pool]:
        keys = list(map(pool_key, self.pool_ids()))
        items = self._access.get_batch({self._codes: keys}, consistent=True)
        return sorted(map(pool_of, items.values()), key=lambda pool: pool.pool_id)

    def pool_ids(self) -> Sequence[str]:
        listed = self._access.query_page(
            limit=MAX_POOLS,
            consistent=True,
            TableName=self._codes,
            KeyConditionExpression="PK = :pools",
            ExpressionAttributeValues={":pools": s(POOL_LIST)},
        )
        return [item["SK"]["S"] for item in listed]

    def create_pool(self, pool: Pool, answered: AnsweredRequest | None) -> None:
        listed = {"Put": {"TableName": self._codes, "Item": key(POOL_LIST, pool.pool_id)}}
        actions: dict[Name, Action] = {
            **self._answer(answered),
            ("pool", ""): self._put_new(pool_item(pool)),
            ("listed", ""): listed,
        }
        try:
            self._access.transact(list(actions.values()))
        except ConditionFailed as failed:
            if ANSWER in _names(actions, failed):
                raise Stale from failed
            raise PoolExists(f"a pool with the id {pool.pool_id!r} exists") from failed

    def change_pool(self, pool_id: str, changes: Mapping[str, str | int | None]) -> Pool:
        try:
            item = self._access.update(
                TableName=self._codes,
                Key=pool_key(pool_id),
                ConditionExpression="attribute_exists(PK)",
                ReturnValues="ALL_NEW",
                **setting(attributes_of(changes)),
            )
        except ConditionFailed as failed:
            raise unknown_pool(pool_id) from failed
        self._finder.forget(pool_id)
        return pool_of(item)

    def level(self, pool_id: str) -> Level:
        items = self._access.get_batch({self._codes: count_keys(pool_id)}, consistent=True)
        levels = list(map(level_of, items.values()))
        return Level(
            free=sum(level.free for level in levels),
            given=sum(level.given for level in levels),
            void=sum(level.void for level in levels),
        )

    def trail(self, pool_id: str) -> Sequence[Sample]:
        return trail_of(self._access.get(self._codes, pool_trail_key(pool_id), consistent=False))

    def keep_trail(self, pool_id: str, trail: Sequence[Sample]) -> None:
        self._access.put(TableName=self._codes, Item=trail_item(pool_id, trail))

    # -- adding ----------------------------------------------------------------------------------------

    def add(self, pool: Pool, codes: Collection[str], *, again: bool = False) -> frozenset[str]:
        known = {code.code for code in self._stored(codes)}
        # By shard, so that a transaction touches few counts.
        new = sorted(set(codes) - known, key=lambda code: (code_shard(code), code))
        added: set[str] = set()
        for start in range(0, len(new), CODES_PER_TRANSACTION):
            added |= self._add_some(pool, new[start : start + CODES_PER_TRANSACTION])
        if again:  # whoever asked first may be adding them at this moment: they are read afterwards
            others = self._stored(set(codes) - added)
            added |= {code.code for code in others if code.pool_id == pool.pool_id}
        self._finder.forget(pool.pool_id)
        return frozenset(added)

    def _stored(self, codes: Collection[str]) -> list[Code]:
        """Those of these codes that were ever added to a pool."""
        rows = self._access.get_batch({self._codes: [code_key(code) for code in set(codes)]}, consistent=True)
        return list(map(code_of, rows.values()))

    def _add_some(self, pool: Pool, codes: Sequence[str]) -> set[str]:
        """Add codes in one transaction, without those that somebody else adds at the same time."""
        left = set(codes)
        while left:
            actions = self._adding(pool, left)
            try:
                self._access.transact(list(actions.values()))
                break
            except ConditionFailed as failed:
                left -= {code for _, code in _names(actions, failed)}
        return left

    def _adding(self, pool: Pool, codes: Collection[str]) -> dict[Name, Action]:
        actions: dict[Name, Action] = {}
        counts = [0] * POOL_SHARDS
        for code in sorted(codes):
            item = code_item(Code(code, pool.pool_id, pool.amount, pool.currency))
            actions["code", code] = self._put_new(item)
            free = {"TableName": self._codes, "Item": free_key(pool.pool_id, code)}
            actions["free", code] = {"Put": free}
            counts[code_shard(code)] += 1
        for shard, count in enumerate(counts):
            if count:
                actions["count", str(shard)] = self._count(pool.pool_id, shard, {"free_count": count})
        return actions

    # -- claiming --------------------------------------------------------------------------------------

    def claim(self, claim: Claim) -> Code:
        for _ in self._patience.pauses():
            candidate = self._finder.candidate(claim.pool.pool_id)
            code = given_out(candidate, claim.pool, claim.holder_id, claim.at_ms)
            if self._take(code, claim):
                return code
            self._finder.forget(claim.pool.pool_id)
        raise Busy("others keep claiming the same codes")

    def _take(self, code: Code, claim: Claim) -> bool:
        """Whether the code could be taken; if not, somebody else was faster.

        Raises:
            HolderLimitReached, Stale
        """
        actions = self._taking(code, claim)
        try:
            self._access.transact(list(actions.values()))
        except ConditionFailed as failed:
            found = _names(actions, failed)
            if ANSWER in found:
                raise Stale from failed
            if HOLDER in found:
                limit = claim.pool.per_holder
                raise HolderLimitReached(f"one holder may claim {limit} codes of this pool") from failed
            return False
        return True

    def _taking(self, code: Code, claim: Claim) -> dict[Name, Action]:
        counts = {"free_count": -1, "given_count": 1}
        actions: dict[Name, Action] = {
            **self._answer(claim.answered(code)),
            **self._leaving(code, counts),
        }
        if claim.holder_id is not None and claim.pool.per_holder:
            actions[HOLDER] = {
                "Update": {
                    "TableName": self._codes,
                    "Key": holder_key(claim.holder_id, claim.pool.pool_id),
                    "UpdateExpression": "ADD claims :one",
                    "ConditionExpression": "attribute_not_exists(claims) OR claims < :limit",
                    "ExpressionAttributeValues": {":one": n(1), ":limit": n(claim.pool.per_holder)},
                }
            }
        return actions

    def _leaving(self, code: Code, counts: Mapping[str, int]) -> dict[Name, Action]:
        """What takes a free code out of its pool and writes it as it then is."""
        put = {
            "TableName": self._codes,
            "Item": code_item(code),
            "ConditionExpression": "#status = :free",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":free": s(CodeStatus.FREE.value)},
        }
        delete = {
            "TableName": self._codes,
            "Key": free_key(code.pool_id, code.code),
            "ConditionExpression": "attribute_exists(PK)",
        }
        return {
            ("free", code.code): {"Delete": delete},
            ("code", code.code): {"Put": put},
            ("count", ""): self._count(code.pool_id, code_shard(code.code), counts),
        }

    def withdraw(self, code: str) -> Code:
        for _ in self._patience.pauses():
            found = self.code(code)
            if found is None:
                raise UnknownCode("no pool has ever seen this code")
            if found.status is CodeStatus.VOID:
                return found
            if found.status is not CodeStatus.FREE:
                raise CodeNotFree("the code was given out")
            void = Code(code, found.pool_id, found.amount, found.currency, CodeStatus.VOID)
            actions = self._leaving(void, {"free_count": -1, "void_count": 1})
            try:
                self._access.transact(list(actions.values()))
            except ConditionFailed:
                continue
            return void
        raise Busy("others keep changing the code")

    # -- reading ---------------------------------------------------------------------------------------

    def code(self, code: str) -> Code | None:
        item = self._access.get(self._codes, code_key(code), consistent=True)
        return None if item is None else code_of(item)

    def free(self, pool_id: str, limit: int) -> Sequence[str]:
        return self._finder.some(pool_id, limit)

    def of_holder(self, holder_id: str, limit: int, cursor: str | None) -> CodePage:
        after = "" if cursor is None else newest_place_of(cursor)
        items = self._access.query_page(
            limit=limit + 1,
            TableName=self._codes,
            IndexName="ByHolder",
            KeyConditionExpression="holder_id = :holder" + (" AND newest_key > :after" if after else ""),
            ExpressionAttributeValues={":holder": s(holder_id)} | ({":after": s(after)} if after else {}),
        )
        keys: list[Key] = [{"PK": dict(item["PK"]), "SK": dict(item["SK"])} for item in items[:limit]]
        rows = self._access.get_batch({self._codes: keys}, consistent=True)
        codes = sorted(map(code_of, rows.values()), key=newest_key)
        more = len(items) > limit
        return CodePage(tuple(codes), cursor_at(items[limit - 1]["newest_key"]["S"]) if more else None)

    # -- actions ---------------------------------------------------------------------------------------

    def _answer(self, answered: AnsweredRequest | None) -> dict[Name, Action]:
        """First in its transaction, for targets that name only the first condition that failed."""
        if answered is None:
            return {}
        return {ANSWER: remember(self._idempotency, answered, answered.expires_at - KEPT_FOR_S)}

    def _put_new(self, item: dict[str, Value]) -> Action:
        put = {"TableName": self._codes, "Item": item, "ConditionExpression": "attribute_not_exists(PK)"}
        return {"Put": put}

    def _count(self, pool_id: str, shard: int, counts: Mapping[str, int]) -> Action:
        return {
            "Update": {
                "TableName": self._codes,
                "Key": code_count_key(pool_id, shard),
                "UpdateExpression": f"ADD {', '.join(f'{name} :{name}' for name in counts)}",
                "ExpressionAttributeValues": {f":{name}": n(count) for name, count in counts.items()},
            }
        }


def _names(actions: Mapping[Name, Action], failed: ConditionFailed) -> list[Name]:
    names = list(actions)
    return [names[at] for at in failed.found]
