"""`CodeStore`: pools of codes, of which each is given out once."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest

from handlers.aws.code_finder import CANDIDATES, MANY_KEPT_S
from handlers.aws.code_store import DynamoCodeStore
from handlers.aws.keys import POOL_SHARDS
from handlers.aws.table_access import ReadMeter, Tables
from offerloop.codes.model import CodeStatus, Level, PoolStatus, SupplierKind
from offerloop.errors import (
    Busy,
    CodeNotFree,
    HolderLimitReached,
    InvalidInput,
    PoolEmpty,
    PoolExists,
    UnknownCode,
    UnknownPool,
)
from offerloop.idempotency import Stale
from tests.codes import a_claim, a_code, a_pool, filled, some_codes
from tests.contract.conftest import NO_WAITING
from tests.factories import NOON, NOON_MS, an_answered


def claim_all(codes, pool, **changes):
    """Claim until the pool is empty."""
    claimed = []
    with suppress(PoolEmpty):
        while True:
            claimed.append(codes.claim(a_claim(pool, **changes)))
    return claimed


# ── Pools ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "pool",
    [
        a_pool(),
        a_pool(
            name="Bücher ✨",
            supplier=SupplierKind.BROWSER,
            threshold=0,
            batch=7,
            per_holder=2,
            valid_days=30,
            status=PoolStatus.PAUSED,
        ),
    ],
)
def test_a_pool_comes_back_as_it_was_created(stores, pool):
    stores.codes.create_pool(pool, None)

    assert stores.codes.pool("bonus-100") == pool
    assert stores.codes.recent_pool("bonus-100") == pool


def test_pools_are_listed_by_id(stores):
    for pool_id in ("bonus-300", "bonus-100", "bonus-200"):
        stores.codes.create_pool(a_pool(pool_id), None)

    assert [pool.pool_id for pool in stores.codes.pools()] == ["bonus-100", "bonus-200", "bonus-300"]
    assert stores.codes.pool_ids() == ["bonus-100", "bonus-200", "bonus-300"]


def test_a_pool_id_is_created_once(stores):
    stores.codes.create_pool(a_pool(), None)

    with pytest.raises(PoolExists):
        stores.codes.create_pool(a_pool(amount=1), an_answered())

    assert stores.codes.pool("bonus-100") == a_pool()
    assert stores.codes.find("shop:POST /x", "k1") is None


def test_a_twin_of_an_answered_creation_is_stale(stores):
    stores.codes.create_pool(a_pool(), an_answered())

    with pytest.raises(Stale):
        stores.codes.create_pool(a_pool(), an_answered())

    assert stores.codes.find("shop:POST /x", "k1") == an_answered()


def test_changes_touch_only_what_they_name_and_claims_see_them(stores):
    filled(stores.codes, 1, a_pool(valid_days=30, per_holder=2))

    changed = stores.codes.change_pool(
        "bonus-100", {"name": "New", "valid_days": None, "supplier": "GENERATOR", "status": "PAUSED"}
    )

    expected = a_pool(name="New", per_holder=2, supplier=SupplierKind.GENERATOR, status=PoolStatus.PAUSED)
    assert changed == stores.codes.pool("bonus-100") == stores.codes.recent_pool("bonus-100") == expected


def test_an_unknown_pool_is_refused(stores):
    with pytest.raises(UnknownPool):
        stores.codes.pool("none")
    with pytest.raises(UnknownPool):
        stores.codes.recent_pool("none")
    with pytest.raises(UnknownPool):
        stores.codes.change_pool("none", {"name": "x"})


# ── Adding ─────────────────────────────────────────────────────────────────────────────────────────


def test_codes_that_any_pool_has_ever_seen_are_left_as_they_are(stores):
    other = a_pool("bonus-200", amount=20_000)
    stores.codes.create_pool(other, None)
    pool = filled(stores.codes, 0)
    stores.codes.add(other, ["OTHER1"])
    stores.codes.add(pool, ["MINE1", "MINE2"])
    stores.codes.withdraw("MINE2")

    added = stores.codes.add(pool, ["OTHER1", "MINE1", "MINE2", "NEW1", "NEW1"])

    assert added == {"NEW1"}
    assert stores.codes.code("OTHER1").pool_id == "bonus-200"
    assert stores.codes.code("MINE2").status is CodeStatus.VOID
    assert stores.codes.level("bonus-100") == Level(free=2, given=0, void=1)


def test_a_used_code_that_is_added_again_is_not_revived(stores):
    pool = filled(stores.codes, 1)
    claimed = stores.codes.claim(a_claim(pool))

    assert stores.codes.add(pool, [claimed.code]) == frozenset()

    with pytest.raises(PoolEmpty):
        stores.codes.claim(a_claim(pool))


def test_more_codes_than_a_transaction_holds_are_added(stores):
    pool = filled(stores.codes, 0)

    added = stores.codes.add(pool, some_codes(250))

    assert added == set(some_codes(250))
    assert stores.codes.level("bonus-100") == Level(250, 0, 0)
    assert stores.codes.free("bonus-100", 1_000) == some_codes(250)
    assert len(stores.codes.free("bonus-100", 17)) == 17


def test_two_that_add_the_same_codes_at_once_add_each_once(dynamo_only, monkeypatch):
    """The other one adds half of them after the first has looked which it has."""
    codes, pool = dynamo_only.codes, filled(dynamo_only.codes, 0)
    other = DynamoCodeStore(dynamo_only.raw, Tables.with_prefix(""), patience=NO_WAITING)
    add_some = codes._add_some

    def after_the_other(pool, wanted):
        other.add(pool, some_codes(10))
        return add_some(pool, wanted)

    monkeypatch.setattr(codes, "_add_some", after_the_other)

    assert codes.add(pool, some_codes(20)) == set(some_codes(20)[10:])
    assert codes.level("bonus-100") == Level(20, 0, 0)
    assert len(claim_all(codes, pool)) == 20


# ── Claiming ───────────────────────────────────────────────────────────────────────────────────────


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


@pytest.mark.parametrize("count", [10, 1_000])
def test_a_claim_costs_the_same_whatever_the_size_of_the_pool(dynamo_only, count):
    """One read of pool and counts, one of candidates; and neither while what they said is fresh."""
    pool = filled(dynamo_only.codes, count)
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
    pool = filled(dynamo_only.codes, 1_000)
    meter = ReadMeter()
    codes = DynamoCodeStore(
        dynamo_only.raw, Tables.with_prefix(""), meter, NO_WAITING, random.Random(1), lambda: 0.0
    )

    claimed = {codes.claim(a_claim(pool)).code for _ in range(2 * CANDIDATES)}

    assert len(claimed) == 2 * CANDIDATES
    assert meter.calls <= 1 + 4  # the pool with its counts, and each time up to so many codes


# ── Withdrawing ────────────────────────────────────────────────────────────────────────────────────


def test_a_withdrawn_code_is_never_given_out_and_stays_withdrawn(stores):
    pool = filled(stores.codes, 2)

    withdrawn = stores.codes.withdraw("BONUS100X000000")

    assert withdrawn == stores.codes.code("BONUS100X000000") == stores.codes.withdraw("BONUS100X000000")
    assert withdrawn.status is CodeStatus.VOID
    assert [code.code for code in claim_all(stores.codes, pool)] == ["BONUS100X000001"]
    assert stores.codes.level("bonus-100") == Level(free=0, given=1, void=1)


def test_a_code_that_was_given_out_is_not_withdrawn(stores):
    pool = filled(stores.codes, 1)
    claimed = stores.codes.claim(a_claim(pool))

    with pytest.raises(CodeNotFree):
        stores.codes.withdraw(claimed.code)
    with pytest.raises(UnknownCode):
        stores.codes.withdraw("NEVERSEEN")

    assert stores.codes.code(claimed.code) == claimed


# ── A holder's codes ───────────────────────────────────────────────────────────────────────────────


def test_a_holders_codes_are_listed_the_last_claimed_first(stores):
    pool = filled(stores.codes, 14)
    claimed = [stores.codes.claim(a_claim(pool, at_ms=NOON_MS + at)) for at in range(13)]
    stores.codes.claim(a_claim(pool, "bob"))

    pages, cursor = [], None
    while not pages or cursor is not None:
        page = stores.codes.of_holder("ann", 5, cursor)
        pages.append(page.codes)
        cursor = page.cursor

    assert [len(page) for page in pages] == [5, 5, 3]
    assert [code for page in pages for code in page] == claimed[::-1]


def test_a_holder_of_nothing_has_an_empty_page(stores):
    page = stores.codes.of_holder("nobody", 5, None)

    assert (page.codes, page.cursor, stores.codes.code("NONE1")) == ((), None, None)


@pytest.mark.parametrize("cursor", ["", "%%%", "🎁", "A", "_____w"])
def test_a_foreign_cursor_is_refused(stores, cursor):
    with pytest.raises(InvalidInput):
        stores.codes.of_holder("ann", 5, cursor)
