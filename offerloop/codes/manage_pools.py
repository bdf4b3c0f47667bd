"""What a trusted shop server does with pools: create, change, fill. Reading is the store's own."""

from collections.abc import Iterator, Mapping
from functools import partial

from offerloop.clock import Clock, now_s
from offerloop.codes.generate import CodeSpec, RandomBelow, generate
from offerloop.codes.model import Pool
from offerloop.codes.ports import CodeStore
from offerloop.errors import FieldError, InvalidInput
from offerloop.idempotency import Answer, IdempotentRequest, answer_once

MAX_AMOUNT = 10**9
# By `Pool` field name; both ends are allowed.
RANGES = {
    "amount": (1, MAX_AMOUNT),
    "threshold": (0, 10**6),
    "batch": (1, 1_000),  # a supplier is asked for no more in one run
    "per_holder": (0, 10**6),
    "valid_days": (1, 3_650),
    "lead_minutes": (1, 90 * 24 * 60),
}
CHANGEABLE = frozenset(
    {"name", "supplier", "threshold", "batch", "per_holder", "valid_days", "lead_minutes", "status"}
)


def create_pool(
    pool: Pool, *, codes: CodeStore, clock: Clock, request: IdempotentRequest | None = None
) -> Answer:
    """Create an empty pool.

    Returns:
        `{"poolId"}`; the same again for a request that was answered before.
    Raises:
        InvalidInput, PoolExists, IdempotencyKeyReused
    """
    _check({name: getattr(pool, name) for name in RANGES})
    answer: Answer = {"poolId": pool.pool_id}
    write = partial(codes.create_pool, pool)
    return answer_once(request, answer, write, store=codes, now=now_s(clock))


def change_pool(pool_id: str, changes: Mapping[str, str | int | None], *, codes: CodeStore) -> Pool:
    """Set some attributes of a pool; codes that were given out stay what they are.

    Args:
        changes: by `Pool` field name, each in CHANGEABLE.
    Raises:
        UnknownPool, InvalidInput
    """
    unknown = sorted(set(changes) - CHANGEABLE)
    if unknown or not changes:
        fields = [FieldError(name, "cannot be changed") for name in unknown]
        raise InvalidInput("name at least one attribute that can be changed", fields)
    _check(changes)
    return codes.change_pool(pool_id, changes)


def generate_codes(
    pool_id: str, spec: CodeSpec, count: int, *, codes: CodeStore, random_below: RandomBelow
) -> tuple[str, ...]:
    """Make codes and put them into a pool; returns those that are new to all pools, which nearly all are.

    Raises:
        UnknownPool, InvalidInput
    """
    pool = codes.pool(pool_id)
    made = generate(spec, count, random_below, alongside=codes.level(pool_id).received)
    added = codes.add(pool, made)
    return tuple(code for code in made if code in added)


def _check(values: Mapping[str, object]) -> None:
    wrong = list(_out_of_range(values))
    if wrong:
        raise InvalidInput("the pool breaks a rule", wrong)


def _out_of_range(values: Mapping[str, object]) -> Iterator[FieldError]:
    for name, (low, high) in RANGES.items():
        value = values.get(name)
        if isinstance(value, int) and not low <= value <= high:
            yield FieldError(name, f"must be {low}..{high}")
