"""Claiming a code: who may, what is answered, and what a repeated request gets."""

from __future__ import annotations

import pytest

from offerloop.codes.claim_code import ClaimCode, claim_code
from offerloop.codes.model import Level, Pool, canonical, pool_of_amount
from offerloop.errors import (
    HolderLimitReached,
    IdempotencyKeyReused,
    NotAllowed,
    PoolEmpty,
    PoolPaused,
    UnknownPool,
)
from offerloop.idempotency import Answer, IdempotentRequest
from simulator.memory.codes import MemoryCodeStore
from simulator.memory.world import MemoryWorld
from tests.codes import a_pool, filled
from tests.factories import NOON, FixedClock


class Shop:
    """A pool in memory and its claims."""

    def __init__(self, count: int, **pool: object) -> None:
        self.clock = FixedClock()
        self.codes = MemoryCodeStore(MemoryWorld(self.clock))
        self.pool: Pool = filled(self.codes, count, a_pool(**pool))

    def claim(
        self, holder_id: str | None = "ann", *, by_customer: bool = False, key: str = "", body: bytes = b"{}"
    ) -> Answer:
        return claim_code(
            ClaimCode("bonus-100", holder_id, by_customer),
            codes=self.codes,
            clock=self.clock,
            request=IdempotentRequest.of("shop", key, body) if key else None,
        )


def test_a_claim_answers_with_the_code_and_what_it_is_worth() -> None:
    assert Shop(1, valid_days=1).claim() == {
        "promo_code": "BONUS100X000000",
        "amount": 10_000,
        "currency": "UAH",
        "pool": "bonus-100",
        "expiresAt": NOON + 86_400,
    }


def test_the_same_request_gets_the_same_code_even_when_the_pool_is_empty_since() -> None:
    shop = Shop(2)
    first = shop.claim(key="k1")
    shop.claim(key="k2")

    assert shop.claim(key="k1") == first
    assert shop.codes.level("bonus-100") == Level(free=0, given=2, void=0)


def test_the_same_request_gets_the_same_code_when_the_pool_is_paused_since() -> None:
    shop = Shop(2)
    first = shop.claim(key="k1")
    shop.codes.change_pool("bonus-100", {"status": "PAUSED"})

    assert shop.claim(key="k1") == first
    with pytest.raises(PoolPaused):
        shop.claim(key="k2")


def test_the_same_request_gets_the_same_code_when_its_holder_may_have_no_other() -> None:
    shop = Shop(2, per_holder=1)
    first = shop.claim(key="k1")

    assert shop.claim(key="k1") == first
    with pytest.raises(HolderLimitReached):
        shop.claim(key="k2")


@pytest.mark.parametrize("count", [1, 2])
def test_a_key_with_another_body_is_refused_whether_codes_are_left_or_not(count: int) -> None:
    shop = Shop(count)
    shop.claim(key="k1")

    with pytest.raises(IdempotencyKeyReused):
        shop.claim(key="k1", body=b'{"holder": "bob"}')

    assert shop.codes.level("bonus-100") == Level(free=count - 1, given=1, void=0)


def test_a_key_is_forgotten_after_a_day() -> None:
    shop = Shop(2)
    first = shop.claim(key="k1")
    shop.clock.move_on(24 * 3600)

    assert shop.claim(key="k1")["promo_code"] != first["promo_code"]


def test_a_customer_claims_only_where_one_customer_cannot_empty_the_pool() -> None:
    with pytest.raises(NotAllowed):
        Shop(1).claim(by_customer=True)

    assert Shop(1, per_holder=1).claim(by_customer=True)["amount"] == 10_000


def test_an_empty_and_an_unknown_pool_are_refused() -> None:
    shop = Shop(0)
    with pytest.raises(PoolEmpty):
        shop.claim(key="k1")
    with pytest.raises(UnknownPool):
        claim_code(ClaimCode("bonus-7"), codes=shop.codes, clock=shop.clock)


@pytest.mark.parametrize(
    ("amount", "pool_id"), [(10_000, "bonus-100"), (550, "bonus-5.5"), (1_999, "bonus-19.99")]
)
def test_a_pool_is_named_after_its_amount(amount: int, pool_id: str) -> None:
    assert pool_of_amount(amount) == pool_id


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        (" bon100x5un ", "BON100X5UN"),
        ("AB-12", "AB-12"),
        ("ABC", None),
        ("-ABC", None),
        ("A B C D", None),
        ("ÄÖÜ1", None),
        ("A" * 33, None),
        ("", None),
    ],
)
def test_people_may_type_blanks_and_small_letters(typed: str, code: str | None) -> None:
    assert canonical(typed) == code
