"""Give out one code of a pool: the one thing that this system does all day, so it reads as little as it can.

The answer to an earlier request under the same key is not looked for first: the claim's own transaction
finds it, by failing. Only then, or after any other refusal, is it recalled. So a first request, which nearly
all are, saves a read; a repeated one gets its code again even when the pool has no other since.
"""

from offerloop.clock import Clock
from offerloop.codes.model import Code, Pool, PoolStatus
from offerloop.codes.ports import Claim, CodeStore
from offerloop.errors import Busy, NotAllowed, PoolPaused, Refusal, UnknownPool
from offerloop.idempotency import Answer, AnsweredRequest, IdempotentRequest, Stale, answered, recall
from offerloop.record import record


@record(frozen=True, slots=True)
class ClaimCode:
    """The command.

    Attributes:
        holder_id: to whom the code will belong; None = whoever presents it.
        by_customer: the holder itself asks, not the shop.
    """

    pool_id: str
    holder_id: str | None = None
    by_customer: bool = False


def claim_code(
    command: ClaimCode, *, codes: CodeStore, clock: Clock, request: IdempotentRequest | None = None
) -> Answer:
    """Give out a code of a pool.

    Returns:
        `{"promo_code", "amount", "currency", "pool", "expiresAt"}`, the amount in minor units and the end in
        epoch seconds; the earlier answer when *request* was answered before.
    Raises:
        UnknownPool, PoolPaused, PoolEmpty, HolderLimitReached
        NotAllowed: a customer asks, of a pool that a single customer could empty, or that there is not: which
            pools there are is the shop's own business.
        IdempotencyKeyReused, Busy
    """
    now_ms = clock.now_ms()
    try:
        return _answer(_claim(command, codes, now_ms, request))
    except (Stale, Refusal) as refused:
        earlier = recall(request, codes, now_ms // 1_000)
        if earlier is not None:
            return earlier
        if isinstance(refused, Stale):
            raise Busy("the same request is being answered elsewhere") from refused
        raise


def _claim(command: ClaimCode, codes: CodeStore, now_ms: int, request: IdempotentRequest | None) -> Code:
    pool = _open_to(command, codes)
    if pool.status is PoolStatus.PAUSED:
        raise PoolPaused(f"the pool {pool.pool_id!r} gives out no codes at present")

    def answered_with(code: Code) -> AnsweredRequest | None:
        return answered(request, _answer(code), now_ms // 1_000)

    return codes.claim(Claim(pool, command.holder_id, now_ms, answered_with))


def _open_to(command: ClaimCode, codes: CodeStore) -> Pool:
    """The pool, if who asks may claim from it."""
    try:
        pool = codes.recent_pool(command.pool_id)
    except UnknownPool:
        if not command.by_customer:
            raise
    else:
        if pool.per_holder or not command.by_customer:
            return pool
    raise NotAllowed("customers cannot claim codes of such a pool")


def _answer(code: Code) -> Answer:
    return {
        "promo_code": code.code,
        "amount": code.amount,
        "currency": code.currency,
        "pool": code.pool_id,
        "expiresAt": code.expires_at,
    }
