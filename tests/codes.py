"""Valid pools and codes; a test names only what it is about."""

from contextlib import suppress

from offerloop.codes.model import Code, CodeStatus, Pool
from offerloop.codes.ports import Claim, CodeStore
from offerloop.errors import PoolEmpty
from offerloop.idempotency import AnsweredRequest
from tests.factories import NOON_MS


def a_pool(pool_id: str = "bonus-100", **changes: object) -> Pool:
    """A pool of codes worth 100 UAH that nobody refills."""
    attributes: dict[str, object] = {
        "pool_id": pool_id,
        "name": f"Pool {pool_id}",
        "amount": 10_000,
        "currency": "UAH",
    }
    return Pool(**(attributes | changes))  # type: ignore[arg-type]


def a_code(code: str = "BON100AAAA", **changes: object) -> Code:
    """A code of bonus-100 that was given to ann at noon."""
    attributes: dict[str, object] = {
        "code": code,
        "pool_id": "bonus-100",
        "amount": 10_000,
        "currency": "UAH",
        "status": CodeStatus.CLAIMED,
        "holder_id": "ann",
        "claimed_at_ms": NOON_MS,
    }
    return Code(**(attributes | changes))  # type: ignore[arg-type]


def some_codes(count: int, prefix: str = "BON100") -> list[str]:
    return [f"{prefix}{number:06d}" for number in range(count)]


def filled(codes: CodeStore, count: int, pool: Pool | None = None) -> Pool:
    """Create a pool of *count* codes."""
    pool = pool or a_pool()
    codes.create_pool(pool, None)
    codes.add(pool, some_codes(count, prefix=pool.pool_id.upper().replace("-", "") + "X"))
    return pool


def a_claim(pool: Pool, holder_id: str | None = "ann", **changes: object) -> Claim:
    """A claim at noon without a key."""
    attributes: dict[str, object] = {
        "pool": pool,
        "holder_id": holder_id,
        "at_ms": NOON_MS,
        "answered": nothing,
    }
    return Claim(**(attributes | changes))  # type: ignore[arg-type]


def nothing(_: Code) -> AnsweredRequest | None:
    """The answer to remember of a request without a key."""
    return None


def claim_all(codes: CodeStore, pool: Pool, **changes: object) -> list[Code]:
    """Claim until the pool is empty."""
    claimed = []
    with suppress(PoolEmpty):
        while True:
            claimed.append(codes.claim(a_claim(pool, **changes)))
    return claimed
