"""Every row of the bench, in the order in which it is measured: first what wants the machine to itself."""

from __future__ import annotations

from harness.bench import (
    capacity,
    catalogue,
    claims,
    cold_start,
    localstack,
    orders,
    race,
    recommend,
    rewards,
    same_hash,
    twin,
    up,
)
from harness.bench.row import Row
from harness.settings import Refusal

ROWS = (
    Row("up", "from nothing to deployed and seeded", up.measure),
    Row("cold-start", "before a function's first request", cold_start.measure),
    Row("catalogue", "a recommendation among 10,000 offers in 296 categories", catalogue.measure),
    Row("rewards", "a day of the bonus ledger summed up", rewards.measure),
    Row("twin", "the baseline scenario in the twin", twin.measure),
    Row("hash", "same seed, same result", same_hash.measure),
    Row("recommend", "a warm recommendation, deployed", recommend.measure),
    Row("orders", "from POST /orders to COMPLETED, deployed", orders.measure),
    Row("claims", "a promo code out of its pool, deployed", claims.measure),
    Row("race", "the last units of an offer, deployed", race.measure),
    Row("capacity", "what the embedded target carries", capacity.measure),
    Row("localstack", "the same on LocalStack without Docker", localstack.measure),
)


def chosen_rows(names: str) -> list[Row]:
    """Give the rows of a list such as ``up,twin``, in the bench's order; all of them for an empty one.

    Raises:
        Refusal: a name that no row has.
    """
    asked = {name for name in names.replace(",", " ").split() if name}
    unknown = sorted(asked - {row.name for row in ROWS})
    if unknown:
        known = ", ".join(row.name for row in ROWS)
        raise Refusal(f"ROWS={names}: there is no row {unknown[0]!r}; rows are {known}")
    return [row for row in ROWS if not asked or row.name in asked]
