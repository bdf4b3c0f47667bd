"""What a trusted shop server does with pools: create, change, fill. Reading is the store's own."""

from collections.abc import Iterator, Mapping
from functools import partial

from offerloop.changes import check_changeable
from offerloop.clock import Clock, Ids, now_s
from offerloop.codes.generate import CodeSpec, check_spec, derived, generate
from offerloop.codes.model import Pool
from offerloop.codes.ports import CodeStore
from offerloop.errors import FieldError, InvalidInput
from offerloop.idempotency import Answer, IdempotentRequest, answer_once, recall
from offerloop.record import record

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
    check_changeable(changes, CHANGEABLE)
    _check(changes)
    return codes.change_pool(pool_id, changes)


@record(frozen=True, slots=True)
class Generating:
    """What making codes needs; they follow from *secret* and an id of their own."""

    codes: CodeStore
    clock: Clock
    ids: Ids
    secret: bytes


def generate_codes(
    pool_id: str, spec: CodeSpec, count: int, desk: Generating, *, request: IdempotentRequest | None = None
) -> tuple[str, ...]:
    """Make codes and put them into a pool; returns those that are new to all pools, which nearly all are.

    They are more than one transaction takes. So what a request is remembered by, before the first is added,
    is the id that its codes follow from: repeated, even after it was cut off, it comes to the same codes.

    Raises:
        UnknownPool, InvalidInput, IdempotencyKeyReused
    """
    pool = desk.codes.pool(pool_id)
    batch = _batch(pool_id, spec, count, desk, request)
    made = generate(spec, count, derived(desk.secret, f"{pool_id}:{batch}"))
    added = desk.codes.add(pool, made, again=request is not None)
    return tuple(code for code in made if code in added)


def _batch(
    pool_id: str, spec: CodeSpec, count: int, desk: Generating, request: IdempotentRequest | None
) -> str:
    now = now_s(desk.clock)
    noted = recall(request, desk.codes, now)
    if noted is None:  # codes that were begun are not refused for those that the pool has since
        check_spec(spec, count, alongside=desk.codes.level(pool_id).received)
        write = partial(desk.codes.remember_answer, now=now)
        noted = answer_once(request, {"batch": desk.ids.new_id()}, write, store=desk.codes, now=now)
    return str(noted["batch"])


def _check(values: Mapping[str, object]) -> None:
    wrong = list(_out_of_range(values))
    if wrong:
        raise InvalidInput("the pool breaks a rule", wrong)


def _out_of_range(values: Mapping[str, object]) -> Iterator[FieldError]:
    for name, (low, high) in RANGES.items():
        value = values.get(name)
        if isinstance(value, int) and not low <= value <= high:
            yield FieldError(name, f"must be {low}..{high}")
