"""What a shop server may do with offers."""

import pytest

from offerloop.errors import InvalidInput, OfferExists, OfferHasExpired, UnknownOffer
from offerloop.idempotency import IdempotentRequest
from offerloop.offers.expire_offers import expire_offers
from offerloop.offers.manage_offers import change_offer, create_offer, pause_offer, restock_offer
from offerloop.offers.model import DiscountType, OfferStatus
from simulator.memory.administration import MemoryOfferStore
from simulator.memory.world import MemoryWorld
from tests.factories import NOON, FixedClock, an_offer

REQUEST = IdempotentRequest.of("shop", "k1", b"body")


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def store(clock):
    return MemoryOfferStore(MemoryWorld(clock))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"priority": 101}, "priority"),
        ({"priority": -1}, "priority"),
        ({"inventory_count": -1}, "inventory_count"),
        ({"inventory_count": 10**9 + 1}, "inventory_count"),
        ({"discount_hundredths": 0}, "discount_value"),
        ({"discount_hundredths": 10_001}, "discount_value"),
        ({"redemptions_per_user": -1}, "redemptions_per_user"),
        ({"expires_at": NOON}, "expires_at"),
    ],
)
def test_an_offer_out_of_range_is_refused_by_field(store, clock, changes, field):
    with pytest.raises(InvalidInput) as refused:
        create_offer(an_offer(**changes), store=store, clock=clock)

    assert [error.field for error in refused.value.fields] == [field]
    assert store.page(10, None).offers == ()


def test_an_amount_may_pass_a_hundred(store, clock):
    offer = an_offer(discount_type=DiscountType.FIXED_AMOUNT, discount_hundredths=25_000)

    assert create_offer(offer, store=store, clock=clock) == {"offer_id": "OFF001"}
    assert store.get("OFF001") == offer


def test_a_repeated_creation_is_answered_alike_another_one_refused(store, clock):
    answers = [create_offer(an_offer(), store=store, clock=clock, request=REQUEST) for _ in range(2)]

    assert answers == [{"offer_id": "OFF001"}] * 2
    with pytest.raises(OfferExists):
        create_offer(an_offer(), store=store, clock=clock)


def test_a_repeated_restock_adds_once(store, clock):
    store.create(an_offer(), None)

    answers = [restock_offer("OFF001", 5, store=store, clock=clock, request=REQUEST) for _ in range(2)]

    assert answers == [{"offer_id": "OFF001", "restocked_units": 5}] * 2
    assert store.get("OFF001").inventory_count == 15


@pytest.mark.parametrize("units", [0, -1, 10**9 + 1])
def test_a_restock_adds_something(store, clock, units):
    with pytest.raises(InvalidInput):
        restock_offer("OFF001", units, store=store, clock=clock)


@pytest.mark.parametrize("changes", [{}, {"inventory_count": 5}, {"received_count": 5, "priority": 1}])
def test_stock_and_counts_cannot_be_changed(store, clock, changes):
    store.create(an_offer(), None)

    with pytest.raises(InvalidInput):
        change_offer("OFF001", changes, store=store, clock=clock)


def test_a_change_is_checked_against_the_offer_as_it_would_be(store, clock):
    store.create(an_offer(discount_type=DiscountType.FIXED_AMOUNT, discount_hundredths=25_000), None)

    with pytest.raises(InvalidInput):
        change_offer("OFF001", {"discount_type": "PERCENTAGE"}, store=store, clock=clock)
    with pytest.raises(UnknownOffer):
        change_offer("OFF404", {"priority": 1}, store=store, clock=clock)


def test_a_paused_offer_comes_back_with_its_status(store, clock):
    store.create(an_offer(), None)

    paused = pause_offer("OFF001", store=store, clock=clock)
    back = change_offer("OFF001", {"status": "ACTIVE"}, store=store, clock=clock)

    assert (paused.status, back.status) == (OfferStatus.PAUSED, OfferStatus.ACTIVE)


def test_an_ended_offer_needs_a_later_end_to_come_back(store, clock):
    store.create(an_offer(expires_at=NOON + 5), None)
    clock.move_on(5)
    assert expire_offers(store=store, now=NOON + 5) == ["OFF001"]
    assert expire_offers(store=store, now=NOON + 5) == []

    with pytest.raises(OfferHasExpired):
        change_offer("OFF001", {"status": "ACTIVE"}, store=store, clock=clock)
    back = change_offer("OFF001", {"status": "ACTIVE", "expires_at": NOON + 60}, store=store, clock=clock)

    assert back.is_available(NOON + 5)
