"""What the codes system talks about: pools, their levels, and codes.

Units: money in minor units of the pool's own currency; time is UTC in milliseconds since 1970 (`*_at_ms`)
or whole seconds (`*_at`).
"""

import re
from collections.abc import Mapping
from enum import StrEnum

from offerloop import money
from offerloop.record import record

CODE_PATTERN = re.compile(r"[A-Z0-9][A-Z0-9-]{3,31}")
DEFAULT_THRESHOLD = 3
DAY_S = 24 * 3600
AMOUNT_POOLS = "bonus-"  # what the ids of the pools begin with that are asked for by amount alone


class PoolStatus(StrEnum):
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"  # gives out nothing; codes given out before stay good


class SupplierKind(StrEnum):
    """Who refills a pool."""

    NONE = "NONE"
    GENERATOR = "GENERATOR"  # codes of our own
    BROWSER = "BROWSER"  # the BON admin site


@record(frozen=True, slots=True)
class Pool:
    """One pool of codes that are worth the same.

    Attributes:
        amount: what a code takes off an order, > 0.
        currency: ISO 4217; a code is good for orders in this currency only.
        threshold: below so many free codes the pool is refilled, >= 0.
        batch: how many codes a refill asks for, > 0.
        per_holder: how many codes one holder may claim; 0 = no limit.
        valid_days: for how many days a code is good once it is given out; None = without end.
        lead_minutes: how long the supplier takes; the pool is refilled early when it would be empty before.
            None = at the threshold alone.
    """

    pool_id: str
    name: str
    amount: int
    currency: str
    supplier: SupplierKind = SupplierKind.NONE
    threshold: int = DEFAULT_THRESHOLD
    batch: int = 20
    per_holder: int = 0
    valid_days: int | None = None
    lead_minutes: int | None = None
    status: PoolStatus = PoolStatus.ACTIVE


@record(frozen=True, slots=True)
class Level:
    """Where the codes of a pool are; together all that it ever received.

    Attributes:
        free: not given out yet.
        given: given out, whatever became of them since.
        void: withdrawn before anybody got them.
    """

    free: int
    given: int
    void: int

    @property
    def received(self) -> int:
        return self.free + self.given + self.void


class CodeStatus(StrEnum):
    FREE = "FREE"  # in its pool
    CLAIMED = "CLAIMED"  # given out
    HELD = "HELD"  # by an order in progress
    USED = "USED"  # in an order that was completed
    VOID = "VOID"  # withdrawn from its pool


_C = CodeStatus

# Every step that a code may take.
CODE_TRANSITIONS: Mapping[CodeStatus, frozenset[CodeStatus]] = {
    _C.FREE: frozenset({_C.CLAIMED, _C.VOID}),
    _C.CLAIMED: frozenset({_C.HELD}),
    _C.HELD: frozenset({_C.USED, _C.CLAIMED}),
    _C.USED: frozenset({_C.CLAIMED}),  # the whole order was given back
    _C.VOID: frozenset(),
}


@record(frozen=True, slots=True)
class Code:
    """One code as it stands in the table `Codes`.

    Attributes:
        amount, currency: its pool's, as they were when it was given out.
        holder_id: the customer to whom it belongs; None = whoever presents it.
        order_id: the order that holds or used it.
        claimed_at_ms: when it was given out.
        expires_at: epoch seconds from which it is good no more; None = without end.
    """

    code: str
    pool_id: str
    amount: int
    currency: str
    status: CodeStatus = CodeStatus.FREE
    holder_id: str | None = None
    order_id: str | None = None
    claimed_at_ms: int | None = None
    expires_at: int | None = None


def given_out(code: str, pool: Pool, holder_id: str | None, at_ms: int) -> Code:
    """Give a code of a pool as it is once somebody has claimed it."""
    return Code(
        code=code,
        pool_id=pool.pool_id,
        amount=pool.amount,
        currency=pool.currency,
        status=CodeStatus.CLAIMED,
        holder_id=holder_id,
        claimed_at_ms=at_ms,
        expires_at=None if pool.valid_days is None else at_ms // 1_000 + pool.valid_days * DAY_S,
    )


def canonical(text: str) -> str | None:
    """Give a code as it is stored, or None for what cannot be one: people type blanks and small letters."""
    code = text.strip().upper()
    return code if CODE_PATTERN.fullmatch(code) else None


def pool_of_amount(amount: int) -> str:
    """Give the id of the pool that is asked for by amount alone: 10000 -> "bonus-100", 550 -> "bonus-5.5"."""
    return f"{AMOUNT_POOLS}{money.to_major(amount).normalize():f}"


def is_good_for(code: Code, customer_id: str, now: int) -> bool:
    """Whether a customer's order can take the code at *now* (epoch seconds), its currency aside."""
    is_mine = code.holder_id in (None, customer_id)
    return code.status is CodeStatus.CLAIMED and is_mine and not has_ended(code, now)


def has_ended(code: Code, now: int) -> bool:
    return code.expires_at is not None and code.expires_at <= now
