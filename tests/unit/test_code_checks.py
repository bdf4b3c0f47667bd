"""Whether a code is good: its holder is told why not, nobody else learns anything by trying."""

from __future__ import annotations

import pytest

from offerloop.codes.check_code import GuessBudget, good_for, guesser, within_budget
from offerloop.codes.model import Code, CodeStatus, canonical
from offerloop.errors import CodeNotGood, TooManyRequests
from offerloop.identity import Caller, Role
from simulator.memory.activity import MemoryRateCounter
from simulator.memory.codes import MemoryCodeStore
from simulator.memory.world import MemoryWorld
from tests.codes import a_code
from tests.factories import NOON, FixedClock

SAME_WORDS = "the promo code cannot be used"


@pytest.mark.parametrize("code", [a_code(), a_code(holder_id=None), a_code(expires_at=NOON + 1)])
def test_a_code_that_was_given_out_is_good(code: Code) -> None:
    assert good_for(code, "ann", "UAH", NOON) == code


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (a_code(status=CodeStatus.HELD, order_id="O1"), "the promo code is held by the order O1"),
        (a_code(status=CodeStatus.USED, order_id="O1"), "the promo code was used in the order O1"),
        (a_code(expires_at=NOON), "the promo code has expired"),
        (a_code(currency="EUR"), "the promo code is for orders in EUR, not in UAH"),
    ],
)
def test_the_holder_is_told_what_is_wrong(code: Code, reason: str) -> None:
    with pytest.raises(CodeNotGood) as refused:
        good_for(code, "ann", "UAH", NOON)

    assert refused.value.message == reason


@pytest.mark.parametrize(
    "code",
    [
        None,
        a_code(holder_id="bob"),
        a_code(holder_id="bob", status=CodeStatus.USED, order_id="O1"),
        a_code(holder_id=None, status=CodeStatus.FREE),
        a_code(holder_id=None, status=CodeStatus.VOID),
        a_code(holder_id=None, status=CodeStatus.HELD, order_id="O1"),
        a_code(holder_id=None, status=CodeStatus.USED, order_id="O1"),
        a_code(holder_id=None, expires_at=NOON),
        a_code(holder_id=None, currency="EUR"),
    ],
)
def test_everybody_else_gets_the_same_words(code: Code | None) -> None:
    with pytest.raises(CodeNotGood) as refused:
        good_for(code, "ann", "UAH", NOON)

    assert refused.value.message == SAME_WORDS


class Checkout:
    """Codes in memory, presented by ann."""

    def __init__(self, *codes: Code) -> None:
        self.world = MemoryWorld(FixedClock())
        self.world.codes = {code.code: code for code in codes}
        self.guesses = GuessBudget(MemoryRateCounter(self.world), limit=3)

    def present(self, text: str, identity: str = "customer:ann", now: int = NOON) -> Code:
        form = canonical(text)
        code = None if form is None else MemoryCodeStore(self.world).code(form)
        return within_budget(identity, self.guesses)(code, "ann", "UAH", now)

    def guess_wrong(self, times: int) -> None:
        for _ in range(times):
            with pytest.raises(CodeNotGood):
                self.present("WRONG1")


def test_a_code_is_found_however_it_was_typed() -> None:
    assert Checkout(a_code()).present(" bon100aaaa") == a_code()


def test_right_codes_use_up_no_guesses() -> None:
    checkout = Checkout(a_code(), a_code("BEARER1", holder_id=None))

    for _ in range(5):
        checkout.present("BEARER1")
        checkout.present("BON100AAAA")

    checkout.guess_wrong(3)


@pytest.mark.parametrize("text", ["WRONG1", "BEARER1", "no code at all", "BOBS1"])
def test_who_has_guessed_too_often_is_refused_right_or_wrong(text: str) -> None:
    checkout = Checkout(a_code("BEARER1", holder_id=None), a_code("BOBS1", holder_id="bob"))
    checkout.guess_wrong(3)

    with pytest.raises(TooManyRequests) as refused:
        checkout.present(text)

    assert refused.value.retry_after_s == 3600 - NOON % 3600


def test_ones_own_code_passes_and_is_explained_all_the_same() -> None:
    checkout = Checkout(a_code(), a_code("USED1", status=CodeStatus.USED, order_id="O1"))
    checkout.guess_wrong(3)

    assert checkout.present("BON100AAAA") == a_code()
    with pytest.raises(CodeNotGood, match="used in the order O1"):
        checkout.present("USED1")


def test_ones_own_code_that_is_no_good_is_no_guess() -> None:
    checkout = Checkout(a_code(status=CodeStatus.USED, order_id="O1"))

    for _ in range(4):
        with pytest.raises(CodeNotGood):
            checkout.present("BON100AAAA")

    checkout.guess_wrong(3)


def test_guesses_are_counted_by_identity_and_hour() -> None:
    checkout = Checkout(a_code("BEARER1", holder_id=None))
    checkout.guess_wrong(3)

    assert checkout.present("BEARER1", identity="address:192.0.2.1").code == "BEARER1"
    assert checkout.present("BEARER1", now=NOON + 3600).code == "BEARER1"


@pytest.mark.parametrize(
    ("caller", "identity"),
    [
        (Caller(Role.CUSTOMER, "bob", "192.0.2.1"), "customer:bob"),
        (Caller(Role.VISITOR, None, "192.0.2.1"), "address:192.0.2.1"),
        (Caller(Role.SHOP), "customer:ann"),
    ],
)
def test_guesses_are_those_of_the_customer_or_of_an_address(caller: Caller, identity: str) -> None:
    assert guesser(caller, "ann") == identity
