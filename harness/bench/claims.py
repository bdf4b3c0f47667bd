"""How long a promo code takes to be claimed, and whether the size of its pool makes a difference."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from functools import partial

from handlers.aws.code_store import DynamoCodeStore
from handlers.aws.table_access import Tables
from harness.bench.api_calls import ApiCalls
from harness.bench.figures import Bar, Figure, ratios
from harness.bench.orders import key_of_its_own
from harness.bench.recommend import deploy_hello, p50s_in_turns
from harness.bench.row import Bench
from harness.system import RunningSystem
from offerloop.codes.model import Pool

MOST_AGAINST_HELLO = 2.0
MOST_AGAINST_SMALL = 1.25  # flat, but for what two runs on one machine differ by
WARM_UP, PER_ROUND = 20, 20
SMALL, LARGE = 10, 100_000
ADDED_AT_ONCE = 2_000


def measure(bench: Bench) -> Iterator[Figure]:
    """Hello with one transactional write, a claim from a small pool and one from a large, in turns."""
    system, rounds = bench.system(), bench.rounds(9)
    shelf = Shelf(system)
    small = [shelf.pool(SMALL) for _ in range((WARM_UP + rounds * PER_ROUND) // (SMALL // 2) + 1)]
    large = shelf.pool(LARGE)
    with ApiCalls(deploy_hello(system)) as hello, shelf.calls() as shop:
        claimed = partial(_claim, shop)
        so_far = iter(range(WARM_UP + rounds * PER_ROUND))
        kinds = {
            "hello": lambda turn: hello.timed_post("/hello-write", {"turn": turn}, expected=201),
            "large": lambda _: claimed(large),
            "small": lambda _: claimed(small[next(so_far) // (SMALL // 2)]),  # half of each is left
        }
        p50s_in_turns(kinds, WARM_UP)
        measured = [p50s_in_turns(kinds, PER_ROUND) for _ in range(rounds)]
    by_kind = {kind: tuple(1_000 * p50s[kind] for p50s in measured) for kind in kinds}
    against_hello = ratios(by_kind["large"], by_kind["hello"])
    against_small = ratios(by_kind["large"], by_kind["small"])
    yield Figure("claims.hello_ms", "hello with one transactional write, p50", "ms", by_kind["hello"])
    yield Figure("claims.p50_ms", f"POST /codes/claim, of {LARGE:,} codes, p50", "ms", by_kind["large"])
    yield Figure("claims.small_ms", f"POST /codes/claim, of {SMALL} codes, p50", "ms", by_kind["small"])
    yield Figure(
        "claims.ratio", "POST /codes/claim against hello", "×", against_hello, Bar("≤", MOST_AGAINST_HELLO)
    )
    yield Figure(
        "claims.flat",
        f"{LARGE:,} codes against {SMALL}",
        "×",
        against_small,
        Bar("≤", MOST_AGAINST_SMALL),
    )


class Shelf:
    """Pools of the bench's own at a system."""

    def __init__(self, system: RunningSystem) -> None:
        self._codes = DynamoCodeStore(system.client("dynamodb"), Tables.with_prefix(system.prefix))
        self._system, self._pools = system, 0
        self._run = uuid.uuid4().hex[:8].upper()

    def calls(self) -> ApiCalls:
        """A connection for one client."""
        return ApiCalls(self._system.api_url, {"X-API-Key": self._system.api_key})

    def pool(self, size: int) -> str:
        """Give the id of a new pool of so many codes, which nobody refills."""
        self._pools += 1
        pool = Pool(f"bench-{self._run}-{self._pools}", "A pool of the bench", 100, "EUR")
        self._codes.create_pool(pool, None)
        codes = [f"B{self._run}-{self._pools}-{number:05d}" for number in range(size)]
        for at in range(0, size, ADDED_AT_ONCE):
            self._codes.add(pool, codes[at : at + ADDED_AT_ONCE])
        return pool.pool_id


def _claim(calls: ApiCalls, pool_id: str) -> float:
    """Give the seconds of one claim."""
    return calls.timed_post("/codes/claim", {"pool": pool_id}, key_of_its_own())
