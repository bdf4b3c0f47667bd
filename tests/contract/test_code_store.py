"""`CodeStore`: pools of codes, of which each is given out once."""

from dataclasses import replace

import pytest

from handlers.aws.code_store import DynamoCodeStore
from handlers.aws.table_access import Tables
from offerloop.codes.forecast import Sample
from offerloop.codes.model import CodeStatus, Level, PoolStatus, SupplierKind
from offerloop.errors import (
    CodeNotFree,
    InvalidInput,
    PoolEmpty,
    PoolExists,
    UnknownCode,
    UnknownPool,
)
from offerloop.idempotency import KEPT_FOR_S, Stale
from tests.codes import a_claim, a_pool, claim_all, filled, some_codes
from tests.contract.conftest import NO_WAITING
from tests.factories import NOON_MS, an_answered

# ── Pools ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "pool",
    [
        a_pool(),
        a_pool(
            name="Bücher ✨",
            supplier=SupplierKind.BROWSER,
            threshold=0,
            lead_minutes=90,
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


def test_the_trail_of_a_pool_is_what_was_kept_last(stores):
    filled(stores.codes, 2)
    filled(stores.codes, 1, a_pool("bonus-200"))
    assert stores.codes.trail("bonus-100") == ()

    stores.codes.keep_trail("bonus-100", (Sample(NOON_MS, 2, 0),))
    stores.codes.keep_trail("bonus-100", (Sample(NOON_MS, 2, 0), Sample(NOON_MS + 60_000, 1, 1)))

    assert stores.codes.trail("bonus-100") == (Sample(NOON_MS, 2, 0), Sample(NOON_MS + 60_000, 1, 1))
    assert stores.codes.trail("bonus-200") == ()
    assert stores.codes.level("bonus-100") == Level(2, 0, 0)
    assert [pool.pool_id for pool in stores.codes.pools()] == ["bonus-100", "bonus-200"]


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


def test_codes_that_are_added_again_count_as_new_where_the_pool_has_them(stores):
    """What an attempt came to that was cut off: given out meanwhile or not, but no other pool's."""
    other = a_pool("bonus-200", amount=20_000)
    stores.codes.create_pool(other, None)
    stores.codes.add(other, ["OTHER1"])
    pool = filled(stores.codes, 0)
    stores.codes.add(pool, ["NEW1", "NEW2"])
    given = stores.codes.claim(a_claim(pool)).code

    added = stores.codes.add(pool, ["NEW1", "NEW2", "NEW3", "OTHER1"], again=True)

    assert given in added
    assert added == {"NEW1", "NEW2", "NEW3"}
    assert stores.codes.level("bonus-100") == Level(free=2, given=1, void=0)


# ── Answers ────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_is_remembered_by_itself_once_and_until_it_ends(stores):
    first = an_answered()
    now = first.expires_at - KEPT_FOR_S

    stores.codes.remember_answer(None, now)
    stores.codes.remember_answer(first, now)

    with pytest.raises(Stale):
        stores.codes.remember_answer(replace(first, answer={"other": 1}), now)
    assert stores.codes.find("shop:POST /x", "k1") == first
    later = replace(first, answer={"other": 1}, expires_at=first.expires_at + KEPT_FOR_S)
    stores.codes.remember_answer(later, first.expires_at)
    assert stores.codes.find("shop:POST /x", "k1") == later


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
