"""Pools of codes, in memory."""

import bisect
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from offerloop.codes.model import Code, CodeStatus, Level, Pool, PoolStatus, SupplierKind, given_out
from offerloop.codes.ports import Claim, CodePage
from offerloop.errors import (
    CodeNotFree,
    FieldError,
    HolderLimitReached,
    InvalidInput,
    PoolEmpty,
    PoolExists,
    UnknownCode,
    UnknownPool,
)
from offerloop.idempotency import KEPT_FOR_S, AnsweredRequest, Stale
from simulator.memory.activity import MemoryIdempotencyStore

_CURSOR = re.compile(r"[0-9]{13}.+", re.ASCII)
_TYPES = {"supplier": SupplierKind, "status": PoolStatus}


class MemoryCodeStore(MemoryIdempotencyStore):
    """`CodeStore`."""

    def pool(self, pool_id: str) -> Pool:
        pool = self._world.pools.get(pool_id)
        if pool is None:
            raise UnknownPool(f"no pool has the id {pool_id!r}")
        return pool

    def recent_pool(self, pool_id: str) -> Pool:
        return self.pool(pool_id)

    def pools(self) -> Sequence[Pool]:
        return sorted(self._world.pools.values(), key=lambda pool: pool.pool_id)

    def pool_ids(self) -> Sequence[str]:
        return sorted(self._world.pools)

    def create_pool(self, pool: Pool, answered: AnsweredRequest | None) -> None:
        self._refuse_answered(answered)
        if pool.pool_id in self._world.pools:
            raise PoolExists(f"a pool with the id {pool.pool_id!r} exists")
        self._world.pools[pool.pool_id] = pool
        self._remember(answered)

    def change_pool(self, pool_id: str, changes: Mapping[str, str | int | None]) -> Pool:
        typed = {
            name: _TYPES[name](str(value)) if name in _TYPES else value for name, value in changes.items()
        }
        changed = replace(self.pool(pool_id), **typed)  # type: ignore[arg-type]  # names are Pool's
        self._world.pools[pool_id] = changed
        return changed

    def level(self, pool_id: str) -> Level:
        return self._world.code_counts.get(pool_id, Level(0, 0, 0))

    def add(self, pool: Pool, codes: Collection[str]) -> frozenset[str]:
        world = self._world
        new = frozenset(code for code in codes if code not in world.codes)
        for code in sorted(new):
            world.codes[code] = Code(code, pool.pool_id, pool.amount, pool.currency)
            world.free_codes[pool.pool_id][code] = None
        self._count(pool.pool_id, free=len(new))
        return new

    def claim(self, claim: Claim) -> Code:
        world, pool, holder = self._world, claim.pool, claim.holder_id
        free = world.free_codes[pool.pool_id]
        if not free:
            raise PoolEmpty(f"no code is left in the pool {pool.pool_id!r}")
        code = given_out(next(reversed(free)), pool, holder, claim.at_ms)
        answered = claim.answered(code)
        self._refuse_answered(answered)
        if holder is not None and pool.per_holder:
            claims = world.claims_of.get((holder, pool.pool_id), 0)
            if claims >= pool.per_holder:
                raise HolderLimitReached(f"one holder may claim {pool.per_holder} codes of this pool")
            world.claims_of[holder, pool.pool_id] = claims + 1
        del free[code.code]
        world.codes[code.code] = code
        if holder is not None:
            world.codes_of.setdefault(holder, []).append(code.code)
        self._count(pool.pool_id, free=-1, given=1)
        self._remember(answered)
        return code

    def withdraw(self, code: str) -> Code:
        found = self._world.codes.get(code)
        if found is None:
            raise UnknownCode("no pool has ever seen this code")
        if found.status is CodeStatus.VOID:
            return found
        if found.status is not CodeStatus.FREE:
            raise CodeNotFree("the code was given out")
        void = replace(found, status=CodeStatus.VOID)
        self._world.codes[code] = void
        del self._world.free_codes[found.pool_id][code]
        self._count(found.pool_id, free=-1, void=1)
        return void

    def code(self, code: str) -> Code | None:
        return self._world.codes.get(code)

    def free(self, pool_id: str, limit: int) -> Sequence[str]:
        return sorted(self._world.free_codes[pool_id])[:limit]

    def of_holder(self, holder_id: str, limit: int, cursor: str | None) -> CodePage:
        mine = [self._world.codes[code] for code in self._world.codes_of.get(holder_id, ())]
        mine.sort(key=_cursor)
        start = 0
        if cursor is not None:
            if not _CURSOR.fullmatch(cursor):
                field = FieldError("cursor", "take it from the page before")
                raise InvalidInput("the cursor is not one of ours", [field])
            start = bisect.bisect_right([_cursor(code) for code in mine], cursor)
        page = mine[start : start + limit]
        more = len(mine) > start + limit
        return CodePage(tuple(page), _cursor(page[-1]) if more else None)

    def _count(self, pool_id: str, free: int = 0, given: int = 0, void: int = 0) -> None:
        level = self.level(pool_id)
        self._world.code_counts[pool_id] = Level(level.free + free, level.given + given, level.void + void)

    def _refuse_answered(self, answered: AnsweredRequest | None) -> None:
        if answered is not None and self._is_answered(answered, answered.expires_at - KEPT_FOR_S):
            raise Stale


def _cursor(code: Code) -> str:
    return f"{10**13 - (code.claimed_at_ms or 0):013d}{code.code}"
