"""Points on the word of the shop's server: computed here, once an order, never more used than there are."""

from dataclasses import replace

import pytest

from offerloop.bonuses.accrue_bonus import AccrueBonus, Accruing, accrue_bonus
from offerloop.bonuses.customers import customer_id_of
from offerloop.bonuses.model import Account, EntryKind, Lot
from offerloop.bonuses.ports import AccountStep, StaleAccount
from offerloop.bonuses.quote_bonus import BonusQuote, quote_bonus
from offerloop.bonuses.rules import AccrualRules
from offerloop.errors import (
    AmountMismatch,
    IdempotencyKeyReused,
    InsufficientBonus,
    InvalidInput,
    OrderAlreadyAccrued,
    OrderNotOpen,
)
from offerloop.idempotency import IdempotentRequest
from offerloop.orders.model import OrderStatus
from simulator.memory.bonuses import MemoryBonusLedger
from simulator.memory.orders import MemoryOrderStore
from simulator.memory.world import MemoryWorld
from tests.bonuses import TOMORROW, all_entries, an_account
from tests.factories import NOON, NOON_MS, FixedClock
from tests.orders import a_stored_order

WANTED = AccrueBonus("12345", "ann", total=100_000, used=0)
RULES = AccrualRules()


def accruing(*lots: Lot) -> Accruing:
    """Over a world in which ann has these points."""
    clock = FixedClock()
    world = MemoryWorld(clock)
    if lots:
        world.put_account(an_account(*lots))
    return Accruing(MemoryBonusLedger(world), MemoryOrderStore(world), RULES, clock)


def with_order(desk: Accruing, **changes: object) -> None:
    order = a_stored_order("12345", **({"status": OrderStatus.COMPLETED, "total": 100_000} | changes))
    desk.orders._world.orders["12345"] = order


def request(body: bytes = b"{}") -> IdempotentRequest:
    return IdempotentRequest.of("shop:POST /bonus-accrual", "k1", body)


def kinds(desk: Accruing) -> list[tuple[EntryKind, int]]:
    return [(entry.kind, entry.amount) for entry in all_entries(desk.ledger)]


def test_the_documented_order_earns_a_hundred_and_uses_fifty():
    desk = accruing(Lot(8_000))

    answer = accrue_bonus(replace(WANTED, used=5_000, expected=10_000), desk)

    assert answer == {
        "success": True,
        "orderId": "12345",
        "bonusAmount": 10_000,
        "usedBonusAmount": 5_000,
        "balance": 13_000,
    }
    assert kinds(desk) == [(EntryKind.REDEEMED, 5_000), (EntryKind.ISSUED, 10_000)]


def test_an_amount_that_the_server_does_not_come_to_is_refused_with_its_own():
    desk = accruing()

    with pytest.raises(AmountMismatch, match=r"100\.00") as refusal:
        accrue_bonus(replace(WANTED, expected=9_999), desk)

    assert refusal.value.fields[0].field == "bonusAmount"
    assert desk.ledger.account("ann") == Account("ann")


def test_the_same_figures_get_the_same_answer_and_have_one_effect():
    desk = accruing()
    first = accrue_bonus(WANTED, desk)
    accrue_bonus(replace(WANTED, order_id="12346"), desk)

    assert accrue_bonus(WANTED, desk) == first
    assert desk.ledger.account("ann").balance == 20_000


@pytest.mark.parametrize("other", [{"total": 99_999}, {"used": 1}, {"customer_id": "ben"}])
def test_other_figures_for_the_same_order_are_refused(other):
    desk = accruing(Lot(5))
    accrue_bonus(WANTED, desk)

    with pytest.raises(OrderAlreadyAccrued):
        accrue_bonus(replace(WANTED, **other), desk)

    assert desk.ledger.account("ann").balance == 10_005


def test_an_order_that_has_earned_is_still_refused_a_wrong_amount():
    desk = accruing()
    accrue_bonus(WANTED, desk)

    with pytest.raises(AmountMismatch):
        accrue_bonus(replace(WANTED, expected=1), desk)


def test_points_that_the_account_has_not_cannot_be_used():
    desk = accruing(Lot(4_999), Lot(9, NOON))
    with pytest.raises(InsufficientBonus):
        accrue_bonus(replace(WANTED, used=5_000), desk)

    assert desk.ledger.reward("12345") is None


def test_more_points_than_the_order_came_to_cannot_be_used():
    with pytest.raises(InvalidInput):
        accrue_bonus(replace(WANTED, used=100_001), accruing(Lot(200_000)))


def test_a_repeated_key_gets_its_answer_and_another_body_is_refused():
    desk = accruing()
    first = accrue_bonus(WANTED, desk, request=request())

    assert accrue_bonus(WANTED, desk, request=request()) == first
    with pytest.raises(IdempotencyKeyReused):
        accrue_bonus(replace(WANTED, order_id="other"), desk, request=request(b"other"))


def test_who_loses_against_a_twin_gets_the_twins_answer():
    desk = accruing()

    class Overtaken(MemoryBonusLedger):
        """A ledger in which a twin was quicker."""

        def write(self, step: AccountStep) -> None:
            if step.reward is not None and self.reward(step.reward.order_id) is None:
                super().write(step)
                raise StaleAccount
            super().write(step)

    answer = accrue_bonus(WANTED, replace(desk, ledger=Overtaken(desk.ledger._world)))

    assert (answer["balance"], kinds(desk)) == (10_000, [(EntryKind.ISSUED, 10_000)])


def test_what_was_written_is_reported_once():
    told: list[AccountStep] = []
    desk = replace(accruing(), report=told.append)

    accrue_bonus(WANTED, desk)
    accrue_bonus(WANTED, desk)

    assert len(told) == 1


# -- orders that were placed here --------------------------------------------------------------------


def test_an_order_placed_here_earns_once_whoever_asks_first():
    desk = accruing()
    with_order(desk)

    first = accrue_bonus(WANTED, desk)

    assert (first["bonusAmount"], first["balance"]) == (10_000, 10_000)
    assert accrue_bonus(replace(WANTED, expected=10_000), desk) == first
    assert kinds(desk) == [(EntryKind.ISSUED, 10_000)]


def test_an_order_placed_here_earns_for_its_own_customer_where_a_phone_alone_is_told():
    desk = accruing()
    with_order(desk)
    by_phone = customer_id_of("+380441234567", None)

    accrue_bonus(replace(WANTED, customer_id=by_phone, by_contact=True), desk)

    assert (desk.ledger.account("ann").balance, desk.ledger.account(by_phone).balance) == (10_000, 0)


def test_an_order_placed_here_is_refused_for_another_customer():
    desk = accruing()
    with_order(desk)

    with pytest.raises(OrderAlreadyAccrued, match="another customer"):
        accrue_bonus(replace(WANTED, customer_id="mallory"), desk)

    assert kinds(desk) == []


@pytest.mark.parametrize("placed_here", [True, False])
def test_a_key_under_which_nothing_was_left_to_do_is_taken_all_the_same(placed_here):
    desk = accruing()
    if placed_here:
        with_order(desk)
    accrue_bonus(WANTED, desk)

    again = accrue_bonus(WANTED, desk, request=request())

    assert accrue_bonus(WANTED, desk, request=request()) == again
    with pytest.raises(IdempotencyKeyReused):
        accrue_bonus(WANTED, desk, request=request(b"other"))


@pytest.mark.parametrize("wrong", [{"total": 100_001}, {"used": 1}])
def test_an_order_placed_here_has_its_own_figures(wrong):
    desk = accruing()
    with_order(desk)

    with pytest.raises(AmountMismatch, match="other figures"):
        accrue_bonus(replace(WANTED, **wrong), desk)


def test_an_order_placed_here_earns_nothing_before_it_is_completed():
    desk = accruing()
    with_order(desk, status=OrderStatus.FULFILLMENT)

    with pytest.raises(OrderNotOpen, match="FULFILLMENT"):
        accrue_bonus(WANTED, desk)

    assert kinds(desk) == []


# -- quotes ------------------------------------------------------------------------------------------


def test_a_quote_says_what_the_order_would_earn_and_may_use():
    account = an_account(Lot(5_000, NOON), Lot(3_000, TOMORROW))

    assert quote_bonus(account, 100_000, 0, RULES, NOON_MS) == BonusQuote(10_000, 3_000, 8_000)
    assert quote_bonus(account, 2_000, 2_000, RULES, NOON_MS) == BonusQuote(200, 2_000, 8_000)


def test_what_cannot_be_used_cannot_be_quoted():
    with pytest.raises(InsufficientBonus):
        quote_bonus(an_account(Lot(5)), 100_000, 6, RULES, NOON_MS)
    with pytest.raises(InvalidInput):
        quote_bonus(an_account(Lot(5)), 4, 5, RULES, NOON_MS)


# -- customers by their contacts ---------------------------------------------------------------------


def test_a_phone_is_the_same_customer_however_it_is_written():
    written = ["+380441234567", "+380 44 123-45-67", "+380 (44) 123.45.67"]

    ids = {customer_id_of(phone, f"{phone}@shop.test") for phone in written}

    assert len(ids) == 1
    assert not any("1234567" in each for each in ids)


def test_an_email_address_names_a_customer_where_there_is_no_phone():
    assert customer_id_of(None, "Ann@Shop.test ") == customer_id_of("", "ann@shop.test")
    assert customer_id_of(None, "ann@shop.test") != customer_id_of(None, "ben@shop.test")


@pytest.mark.parametrize(
    ("phone", "email", "field"), [("0441234567", "a@b.c", "customer.phone"), (None, None, "customer")]
)
def test_a_customer_whom_nothing_names_is_refused(phone, email, field):
    with pytest.raises(InvalidInput) as refusal:
        customer_id_of(phone, email)

    assert [error.field for error in refusal.value.fields] == [field]
