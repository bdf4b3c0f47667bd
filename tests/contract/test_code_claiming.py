"""`CodeStore.claim`: no code is given out twice, whoever claims at the same time."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from handlers.aws.attributes import n
from handlers.aws.code_finder import CANDIDATES, MANY_KEPT_S
from handlers.aws.code_rows import code_item
from handlers.aws.code_store import DynamoCodeStore
from handlers.aws.keys import POOL_SHARDS, code_count_key, code_shard, free_key
from handlers.aws.table_access import ReadMeter, TableAccess, Tables
from offerloop.codes.model import Code, CodeStatus, Level
from offerloop.errors import (
    Busy,
    HolderLimitReached,
    PoolEmpty,
)
from offerloop.idempotency import Stale
from tests.codes import a_claim, a_code, a_pool, claim_all, filled, some_codes
from tests.contract.conftest import NO_WAITING
from tests.factories import NOON, NOON_MS, an_answered


@pytest.mark.parametrize("count", [1, 7, 100])
def test_every_code_is_given_out_once_until_the_pool_is_empty(stores, count):
    pool = filled(stores.codes, count)

    claimed = claim_all(stores.codes, pool)

    assert {code.code for code in claimed} == set(some_codes(count, prefix="BONUS100X"))
    assert len(claimed) == count
    assert stores.codes.level("bonus-100") == Level(free=0, given=count, void=0)
    assert stores.codes.free("bonus-100", 10) == []


def test_a_claimed_code_says_whose_it_is_and_until_when(stores):
    pool = filled(stores.codes, 1, a_pool(valid_days=30))

    claimed = stores.codes.claim(a_claim(pool))

    assert claimed == a_code("BONUS100X000000", expires_at=NOON + 30 * 86_400)
    assert stores.codes.code("BONUS100X000000") == claimed


def test_a_code_without_a_holder_is_in_nobodys_list(stores):
    pool = filled(stores.codes, 1, a_pool(per_holder=1))

    claimed = stores.codes.claim(a_claim(pool, None))

    assert claimed == a_code("BONUS100X000000", holder_id=None)
    assert stores.codes.code(claimed.code) == claimed


def test_a_holder_claims_no_more_than_the_pool_allows(stores):
    pool = filled(stores.codes, 5, a_pool(per_holder=2))
    other = filled(stores.codes, 1, a_pool("other", per_holder=1))
    for _ in range(2):
        stores.codes.claim(a_claim(pool))

    with pytest.raises(HolderLimitReached):
        stores.codes.claim(a_claim(pool))

    stores.codes.claim(a_claim(pool, "bob"))
    stores.codes.claim(a_claim(other))
    assert stores.codes.level("bonus-100") == Level(free=2, given=3, void=0)


def test_the_answer_is_remembered_with_the_claim_and_a_twin_is_stale(stores):
    pool = filled(stores.codes, 2)
    seen = []

    def answered(code):
        seen.append(code)
        return an_answered()

    claimed = stores.codes.claim(a_claim(pool, answered=answered))

    with pytest.raises(Stale):
        stores.codes.claim(a_claim(pool, answered=answered))
    assert seen[0] == claimed
    assert stores.codes.find("shop:POST /x", "k1") == an_answered()
    assert stores.codes.level("bonus-100") == Level(free=1, given=1, void=0)


def test_a_twin_at_its_holders_limit_is_stale(stores):
    pool = filled(stores.codes, 2, a_pool(per_holder=1))
    stores.codes.claim(a_claim(pool, answered=lambda code: an_answered()))

    with pytest.raises(Stale):
        stores.codes.claim(a_claim(pool, answered=lambda code: an_answered()))


def test_an_answer_that_has_ended_is_replaced(stores):
    pool = filled(stores.codes, 2)
    stores.codes.claim(a_claim(pool, answered=lambda code: an_answered()))
    later = replace(an_answered(), expires_at=NOON + 2 * 86_400)

    stores.codes.claim(a_claim(pool, answered=lambda code: later, at_ms=NOON_MS + 86_400_000))

    assert stores.codes.find("shop:POST /x", "k1") == later


def test_codes_that_are_added_to_an_empty_pool_can_be_claimed_at_once(stores):
    pool = filled(stores.codes, 1)
    claim_all(stores.codes, pool)

    stores.codes.add(pool, ["NEW1"])

    assert stores.codes.claim(a_claim(pool)).code == "NEW1"


def test_a_pool_is_not_called_empty_on_an_old_hint(dynamo_only):
    """Another container adds the only code after this one has seen none."""
    codes, pool = dynamo_only.codes, filled(dynamo_only.codes, 0)
    with pytest.raises(PoolEmpty):
        codes.claim(a_claim(pool))

    DynamoCodeStore(dynamo_only.raw, Tables.with_prefix("")).add(pool, ["NEW1"])

    assert codes.claim(a_claim(pool)).code == "NEW1"


def test_the_last_codes_are_found_although_others_took_what_was_seen(dynamo_only):
    pool = filled(dynamo_only.codes, 40)
    mine, other = dynamo_only.codes, DynamoCodeStore(dynamo_only.raw, Tables.with_prefix(""))
    mine.claim(a_claim(pool))
    for _ in range(38):
        other.claim(a_claim(pool))

    assert mine.claim(a_claim(pool)).status is CodeStatus.CLAIMED
    with pytest.raises(PoolEmpty):
        mine.claim(a_claim(pool))


def test_64_clients_take_the_last_100_codes_and_none_twice(dynamo_only):
    """Each has a store of its own, as each container has; calls interleave, and each runs alone, as moto
    must have it."""
    pool = filled(dynamo_only.codes, 100)
    client, tables = OneAtATime(dynamo_only.raw), Tables.with_prefix("")

    def take(number):
        codes = DynamoCodeStore(client, tables, patience=NO_WAITING, chance=random.Random(number))
        taken = []
        while True:
            try:
                taken.append(codes.claim(a_claim(pool, f"holder-{number}")).code)
            except Busy:
                continue
            except PoolEmpty:
                return taken

    with ThreadPoolExecutor(64) as clients:
        taken = [code for codes in clients.map(take, range(64)) for code in codes]

    assert sorted(taken) == some_codes(100, prefix="BONUS100X")
    assert dynamo_only.codes.level("bonus-100") == Level(free=0, given=100, void=0)


class OneAtATime:
    """A client whose calls wait for each other: moto copies its tables for each transaction."""

    def __init__(self, client):
        self._client = client
        self._alone = threading.Lock()

    def __getattr__(self, name):
        operation = getattr(self._client, name)

        def call(**request):
            with self._alone:
                return operation(**request)

        return call


def stocked(stores, count):
    """A pool that was filled past the store, for the same reason."""
    pool, codes = filled(stores.codes, 0), some_codes(count)
    rows = [code_item(Code(code, pool.pool_id, pool.amount, pool.currency)) for code in codes]
    rows += [free_key(pool.pool_id, code) for code in codes]
    rows += [
        code_count_key(pool.pool_id, shard) | {"free_count": n(free)}
        for shard, free in Counter(map(code_shard, codes)).items()
    ]
    TableAccess(stores.raw).put_batch("Codes", rows)
    return pool


@pytest.mark.parametrize("count", [10, 1_000])
def test_a_claim_costs_the_same_whatever_the_size_of_the_pool(dynamo_only, count):
    """One read of pool and counts, one of candidates; and neither while what they said is fresh."""
    pool = stocked(dynamo_only, count)
    meter, now = ReadMeter(), [0.0]
    codes = DynamoCodeStore(
        dynamo_only.raw, Tables.with_prefix(""), meter, NO_WAITING, random.Random(1), lambda: now[0]
    )

    codes.recent_pool("bonus-100")
    codes.claim(a_claim(pool))
    first = meter.calls, meter.rcu_halves
    now[0] += MANY_KEPT_S + 0.1
    codes.recent_pool("bonus-100")
    codes.claim(a_claim(pool))

    assert first[0] == 2
    assert first[1] <= 2 * (POOL_SHARDS + 2)
    assert (meter.calls, meter.rcu_halves) == (2 * first[0], 2 * first[1])


def test_many_claims_from_a_large_pool_share_their_reads(dynamo_only):
    pool = stocked(dynamo_only, 400)
    meter = ReadMeter()
    codes = DynamoCodeStore(
        dynamo_only.raw, Tables.with_prefix(""), meter, NO_WAITING, random.Random(1), lambda: 0.0
    )

    claimed = {codes.claim(a_claim(pool)).code for _ in range(2 * CANDIDATES)}

    assert len(claimed) == 2 * CANDIDATES
    assert meter.calls <= 1 + 4  # the pool with its counts, and each time up to so many codes
