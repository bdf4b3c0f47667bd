"""Where free codes are found: hints that were read a moment ago, so that most claims read nothing.

Hints lead, they decide nothing: a stale one costs a try, never a code given out twice. That a pool is empty
is said only on counts that were read just then.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from handlers.aws.attributes import s
from handlers.aws.code_rows import level_of, pool_of
from handlers.aws.keys import (
    FREE_PREFIX,
    POOL_SHARDS,
    Key,
    code_count_key,
    free_list,
    free_place,
    pool_key,
)
from handlers.aws.table_access import TableAccess
from offerloop.codes.model import Pool
from offerloop.errors import PoolEmpty, UnknownPool

HINT_KEPT_S = 2.0
CANDIDATES = 24  # free codes that are read at least, if there are as many: 2 KB, so one read unit
MOST_CANDIDATES = 100
# Of codes of which there are many, others hardly ever take those that were read here. The last ones everybody
# tries: what was read of them serves somebody who claims one after the other, and no longer.
MANY_KEPT_S = 60.0
FEW_KEPT_S = 0.1


@dataclass(slots=True)
class _Hint:
    """What was seen of a pool a moment ago.

    Attributes:
        free: how many free codes each shard has, less those that were given as candidates since.
        until: when the hint is thrown away, on the finder's own clock.
    """

    pool: Pool
    free: list[int]
    until: float


@dataclass(slots=True)
class _Candidates:
    """Codes of one shard that were free, in random order, and until when they are tried."""

    shard: int
    codes: list[str]
    until: float


class FreeCodeFinder:
    """Finds free codes in the table `Codes`; for one thread.

    Args:
        table: its deployed name.
        chance, seconds: where it looks is random, and what it saw is kept by this clock.
    """

    def __init__(
        self, access: TableAccess, table: str, chance: random.Random, seconds: Callable[[], float]
    ) -> None:
        self._access = access
        self._table = table
        self._chance = chance
        self._seconds = seconds
        self._hints: dict[str, _Hint] = {}
        self._candidates: dict[str, _Candidates] = {}

    def pool(self, pool_id: str) -> Pool:
        """The pool, at most HINT_KEPT_S old.

        Raises:
            UnknownPool
        """
        return (self._kept(pool_id) or self._look(pool_id)).pool

    def forget(self, pool_id: str) -> None:
        """Look again next time."""
        self._hints.pop(pool_id, None)
        self._candidates.pop(pool_id, None)

    def candidate(self, pool_id: str) -> str:
        """A code that was free a moment ago; which one is random.

        Raises:
            PoolEmpty: no shard has a free code, by counts that were read just now.
        """
        hint = self._kept(pool_id)
        just_read = hint is None
        hint = hint or self._look(pool_id)
        while True:
            if not any(hint.free):
                if just_read:
                    raise PoolEmpty(f"no code is left in the pool {pool_id!r}")
                hint, just_read = self._look(pool_id), True
                continue
            found = self._waiting(pool_id) or self._search(hint)
            if found is not None:
                hint.free[found.shard] = max(0, hint.free[found.shard] - 1)
                return found.codes.pop()

    def some(self, pool_id: str, limit: int) -> Sequence[str]:
        """Up to *limit* free codes, in alphabetical order; always the same ones."""
        found: list[str] = []
        for shard in range(POOL_SHARDS):
            if len(found) < limit:
                found += self._page(pool_id, shard, FREE_PREFIX, limit - len(found))
        return sorted(found)

    def _waiting(self, pool_id: str) -> _Candidates | None:
        """What is left of the codes that were read last: one shard's, so that few reads serve many claims."""
        found = self._candidates.get(pool_id)
        return found if found is not None and found.codes and found.until > self._seconds() else None

    def _search(self, hint: _Hint) -> _Candidates | None:
        """Free codes of a shard, each shard as likely as it has codes; None where they are gone by now."""
        [shard] = self._chance.choices(range(POOL_SHARDS), weights=hint.free)
        free, pool_id = hint.free[shard], hint.pool.pool_id
        few = free <= CANDIDATES
        # A tenth at most, so that two who read at the same time seldom read the same.
        limit = max(CANDIDATES, min(MOST_CANDIDATES, free // 10))
        places = [FREE_PREFIX] if few else [free_place(self._chance.getrandbits(32)), FREE_PREFIX]
        codes = next(filter(None, (self._page(pool_id, shard, place, limit) for place in places)), [])
        if not codes:
            hint.free[shard] = 0  # whoever took the last ones was faster than we
            return None
        self._chance.shuffle(codes)
        found = _Candidates(shard, codes, self._seconds() + (FEW_KEPT_S if few else MANY_KEPT_S))
        self._candidates[pool_id] = found
        return found

    def _page(self, pool_id: str, shard: int, place: str, limit: int) -> list[str]:
        items = self._access.query_page(
            limit=limit,
            consistent=True,
            TableName=self._table,
            KeyConditionExpression="PK = :list AND SK BETWEEN :place AND :end",
            ExpressionAttributeValues={
                ":list": s(free_list(pool_id, shard)),
                ":place": s(place),
                ":end": s(f"{FREE_PREFIX}~"),
            },
        )
        return [item["SK"]["S"].rpartition("#")[2] for item in items]

    def _kept(self, pool_id: str) -> _Hint | None:
        hint = self._hints.get(pool_id)
        return hint if hint is not None and hint.until > self._seconds() else None

    def _look(self, pool_id: str) -> _Hint:
        """The pool and its counts, in one read.

        Raises:
            UnknownPool
        """
        counts = count_keys(pool_id)
        items = self._access.get_batch({self._table: [pool_key(pool_id), *counts]}, consistent=True)
        pool = items.get(_name_of(pool_key(pool_id)))
        if pool is None:
            self.forget(pool_id)
            raise unknown_pool(pool_id)
        free = [max(0, level_of(items.get(_name_of(each))).free) for each in counts]
        hint = _Hint(pool_of(pool), free, self._seconds() + HINT_KEPT_S)
        self._hints[pool_id] = hint
        return hint


def count_keys(pool_id: str) -> list[Key]:
    """The counts of a pool's shards, by shard."""
    return [code_count_key(pool_id, shard) for shard in range(POOL_SHARDS)]


def unknown_pool(pool_id: str) -> UnknownPool:
    return UnknownPool(f"no pool has the id {pool_id!r}")


def _name_of(key: Key) -> tuple[str, str]:
    return key["PK"]["S"], key["SK"]["S"]
