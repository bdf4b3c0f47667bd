"""`OfferStore`: what administration does to offers."""

from dataclasses import replace

import pytest

from offerloop.errors import InvalidInput, OfferExists, UnknownOffer
from offerloop.offers.model import DiscountType, OfferStatus
from offerloop.offers.ports import StaleVisit
from offerloop.offers.rank_offers import settle_listings
from tests.factories import NOON, an_answered, an_offer


@pytest.mark.parametrize("discount_hundredths", [1, 5, 10, 99, 100, 1_250, 2_500, 10_000, 123_456_789])
def test_an_offer_comes_back_as_it_was_created(stores, discount_hundredths):
    offer = an_offer(
        offer_name="Größe ✨ 25 % off",
        discount_type=DiscountType.FIXED_AMOUNT,
        discount_hundredths=discount_hundredths,
        expires_at=NOON + 60,
        redemptions_per_user=0,
        redeemed_count=3,
        priority_boost=20,
    )

    stores.offers.create(offer, None)

    assert stores.offers.get("OFF001") == offer
    assert stores.offers.get_many(["OFF001", "OFF001", "OFF404"]) == {"OFF001": offer}


def test_an_id_is_created_once(stores):
    stores.offers.create(an_offer(), None)

    with pytest.raises(OfferExists):
        stores.offers.create(an_offer(priority=99), None)

    assert stores.offers.get("OFF001").priority == 50


def test_an_unknown_offer_is_refused_by_every_operation(stores):
    with pytest.raises(UnknownOffer):
        stores.offers.get("OFF404")
    with pytest.raises(UnknownOffer):
        stores.offers.change("OFF404", {"priority": 1})
    with pytest.raises(UnknownOffer):
        stores.offers.restock("OFF404", 1, None)
    assert stores.offers.get_many(["OFF404"]) == {}


def test_a_twin_of_an_answered_creation_is_stale(stores):
    stores.offers.create(an_offer(), an_answered())

    with pytest.raises(StaleVisit):
        stores.offers.create(an_offer(), an_answered())

    assert stores.offers.find("shop:POST /x", "k1") == an_answered()


def test_a_refused_creation_leaves_no_answer(stores):
    stores.offers.create(an_offer(), None)

    with pytest.raises(OfferExists):
        stores.offers.create(an_offer(), an_answered())

    assert stores.offers.find("shop:POST /x", "k1") is None


def test_changes_touch_only_what_they_name(stores):
    offer = an_offer(expires_at=NOON + 60)
    stores.offers.create(offer, None)

    changed = stores.offers.change(
        "OFF001",
        {"discount_hundredths": 1_050, "status": "PAUSED", "expires_at": None, "category": "fashion"},
    )

    expected = replace(
        offer,
        discount_hundredths=1_050,
        status=OfferStatus.PAUSED,
        expires_at=None,
        category="fashion",
    )
    assert (changed, stores.offers.get("OFF001")) == (expected, expected)


def test_a_restock_counts_as_received_and_once_per_key(stores):
    stores.offers.create(an_offer(), None)
    stores.offers.restock("OFF001", 5, an_answered())

    with pytest.raises(StaleVisit):
        stores.offers.restock("OFF001", 5, an_answered())
    stores.offers.restock("OFF001", 1, None)

    restocked = stores.offers.get("OFF001")
    assert (restocked.inventory_count, restocked.received_count) == (16, 16)


def test_pages_hold_every_offer_once(stores):
    ids = {f"OFF{number:03d}" for number in range(23)}
    for offer_id in ids:
        stores.put_offer(an_offer(offer_id))
    situations = stores.inventory.situations(ids)
    settle_listings(situations, stores.inventory.rankings(), stores.inventory)  # rows between the offers

    pages, cursor = [], None
    while True:
        page = stores.offers.page(5, cursor)
        pages.append([offer.offer_id for offer in page.offers])
        cursor = page.cursor
        if cursor is None:
            break

    assert [len(page) for page in pages] == [5, 5, 5, 5, 3]
    assert {offer_id for page in pages for offer_id in page} == ids


def test_a_full_last_page_has_no_cursor(stores):
    for number in range(4):
        stores.put_offer(an_offer(f"OFF{number}"))

    page = stores.offers.page(4, None)

    assert (len(page.offers), page.cursor) == (4, None)


def test_an_empty_table_has_one_empty_page(stores):
    page = stores.offers.page(5, None)

    assert (page.offers, page.cursor) == ((), None)


@pytest.mark.parametrize("cursor", ["", "%%%", "🎁", "A", "_____w"])
def test_a_foreign_cursor_is_refused(stores, cursor):
    with pytest.raises(InvalidInput):
        stores.offers.page(5, cursor)


def test_offers_are_due_once_their_end_has_passed_sold_out_or_not(stores):
    ends = {"OFF1": NOON - 5, "OFF2": NOON, "OFF3": NOON + 1, "OFF4": None}
    for offer_id, expires_at in ends.items():
        stores.offers.create(an_offer(offer_id, expires_at=expires_at), None)
    stores.offers.create(an_offer("OFF5", expires_at=NOON - 9, inventory_count=0), None)

    assert stores.offers.due_to_expire(NOON, 10) == ["OFF5", "OFF1", "OFF2"]
    assert stores.offers.due_to_expire(NOON, 1) == ["OFF5"]


def test_an_expired_offer_is_due_no_more_until_it_gets_a_later_end(stores):
    stores.offers.create(an_offer(expires_at=NOON), None)
    stores.offers.expire("OFF001", NOON)
    after_its_end = stores.offers.due_to_expire(NOON + 9, 10)

    stores.offers.change("OFF001", {"status": "ACTIVE", "expires_at": NOON + 5})

    assert (after_its_end, stores.offers.due_to_expire(NOON + 9, 10)) == ([], ["OFF001"])


def test_an_offer_expires_once_and_only_past_its_end(stores):
    stores.put_offer(an_offer("OFF1", expires_at=NOON))
    stores.put_offer(an_offer("OFF2", expires_at=NOON + 1, status=OfferStatus.PAUSED))
    stores.put_offer(an_offer("OFF3"))

    assert [
        stores.offers.expire(offer_id, NOON) for offer_id in ("OFF1", "OFF1", "OFF2", "OFF3", "OFF4")
    ] == [
        True,
        False,
        False,
        False,
        False,
    ]
    assert stores.offers.get("OFF1").status is OfferStatus.EXPIRED
    assert stores.offers.expire("OFF2", NOON + 1)
