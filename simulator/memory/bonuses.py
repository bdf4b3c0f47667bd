"""The bonus ledger, in memory."""

import bisect
from collections.abc import Sequence

from offerloop.bonuses.model import Account, OrderReward
from offerloop.bonuses.ports import AccountStep, EntryPage, StaleAccount
from offerloop.errors import FieldError, InvalidInput
from simulator.memory.activity import MemoryIdempotencyStore


class MemoryBonusLedger(MemoryIdempotencyStore):
    """`BonusLedger`."""

    def account(self, customer_id: str) -> Account:
        return self._world.accounts.get(customer_id) or Account(customer_id)

    def reward(self, order_id: str) -> OrderReward | None:
        return self._world.order_rewards.get(order_id)

    def write(self, step: AccountStep) -> None:
        world, customer_id = self._world, step.after.customer_id
        if self.account(customer_id).version != step.before.version:
            raise StaleAccount
        if step.reward is not None:
            stored = self.reward(step.reward.order_id)
            if step.reward.version != (0 if stored is None else stored.version) + 1:
                raise StaleAccount
        if self._is_answered(step.answered, step.now):
            raise StaleAccount
        world.put_account(step.after)
        world.entries.setdefault(customer_id, []).extend(step.entries)
        if step.reward is not None:
            world.order_rewards[step.reward.order_id] = step.reward
        self._remember(step.answered)

    def history(self, customer_id: str, limit: int, cursor: str | None) -> EntryPage:
        entries = self._world.entries.get(customer_id, [])
        until = len(entries) if cursor is None else min(_number_in(cursor) - 1, len(entries))
        page = entries[max(0, until - limit) : until][::-1]
        return EntryPage(tuple(page), str(page[-1].number) if until > limit else None)

    def due(self, now: int, limit: int) -> Sequence[str]:
        until = bisect.bisect_left(self._world.accounts_due, (now + 1, ""))
        return [customer_id for _, customer_id in self._world.accounts_due[: min(until, limit)]]


def _number_in(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 9 and int(cursor) > 0):
        field = FieldError("cursor", "take it from the page before")
        raise InvalidInput("the cursor is not one of ours", [field])
    return int(cursor)
