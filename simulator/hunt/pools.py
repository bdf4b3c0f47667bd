"""What people do with promo codes, on the memory adapters: each step calls one use case."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from offerloop.clock import Clock
from offerloop.codes.claim_code import ClaimCode as ClaimCommand
from offerloop.codes.claim_code import claim_code
from offerloop.codes.manage_pools import create_pool
from offerloop.codes.model import Code, Pool
from offerloop.codes.take_in import take_in
from simulator.hunt.answers import DONE, Answer, request_of
from simulator.hunt.code_steps import AddCodes, ClaimCode, CreatePool, WithdrawCode
from simulator.memory.codes import MemoryCodeStore
from simulator.memory.order_system import CURRENCY
from simulator.memory.world import MemoryWorld


class MemoryPools:
    """The routes of pools and codes.

    Attributes:
        doing: what to call by type of step.
    """

    def __init__(self, world: MemoryWorld, clock: Clock) -> None:
        self._world, self._clock, self._store = world, clock, MemoryCodeStore(world)
        self._codes_of: defaultdict[str, list[str]] = defaultdict(list)  # by user, the last claimed last
        self.doing: dict[type, Callable[[Any], Answer]] = {
            CreatePool: self._create_pool,
            AddCodes: self._add_codes,
            ClaimCode: self._claim_code,
            WithdrawCode: self._withdraw_code,
        }

    def newest_code(self, user: str) -> Code | None:
        """The code that a user claimed last, as it stands now."""
        codes = self._codes_of[user]
        return self._world.codes[codes[-1]] if codes else None

    def _create_pool(self, step: CreatePool) -> Answer:
        pool = Pool(step.pool, f"Pool {step.pool}", step.amount, CURRENCY, per_holder=step.per_holder)
        create_pool(pool, codes=self._store, clock=self._clock)
        return self._taken_in(step.pool, 0, step.codes)

    def _add_codes(self, step: AddCodes) -> Answer:
        return self._taken_in(step.pool, step.first, step.codes)

    def _taken_in(self, pool_id: str, first: int, codes: int) -> Answer:
        entries = [_code(number) for number in range(first, first + codes)]
        intake = take_in(self._store.pool(pool_id), entries, codes=self._store)
        return {"added": sorted(intake.added)}

    def _claim_code(self, step: ClaimCode) -> Answer:
        request = request_of(step.key, "claims", step.body)
        command = ClaimCommand(step.pool, step.user)
        answer = claim_code(command, codes=self._store, clock=self._clock, request=request)
        code = str(answer["promo_code"])
        if code not in self._codes_of[step.user]:
            self._codes_of[step.user].append(code)
        return {"code": code}

    def _withdraw_code(self, step: WithdrawCode) -> Answer:
        self._store.withdraw(_code(step.number))
        return DONE


def _code(number: int) -> str:
    return f"CODE-{number:04d}"
