"""Rows that foreign clients write by hand are read without a stumble."""

import pytest

from handlers.aws.engagement_rows import shopper_of
from handlers.aws.offer_rows import offer_item, offer_of
from offerloop.offers.model import DiscountType, Offer, OfferStatus, Shopper
from tests.factories import NOON, an_offer

KEY = {"PK": {"S": "OFFER#OFF001"}, "SK": {"S": "METADATA"}}


def test_a_row_of_nothing_but_its_key_is_an_offer_without_stock():
    assert offer_of(KEY) == Offer("OFF001", "OFF001", "", DiscountType.PERCENTAGE, 0, 0, 0)


def test_a_row_without_our_own_attributes_gets_their_defaults():
    row = KEY | {
        "offer_name": {"S": "Premium Laptop Deal"},
        "category": {"S": "electronics"},
        "discount_type": {"S": "PERCENTAGE"},
        "discount_value": {"N": "25"},
        "priority": {"N": "95"},
        "inventory_count": {"N": "50"},
        "status": {"S": "ACTIVE"},
    }

    assert offer_of(row) == Offer(
        "OFF001", "Premium Laptop Deal", "electronics", DiscountType.PERCENTAGE, 2_500, 95, 50
    )


def test_an_unknown_status_is_never_served():
    assert offer_of(KEY | {"status": {"S": "on hold"}}).status is OfferStatus.PAUSED


@pytest.mark.parametrize(
    ("value", "hundredths"),
    [("25", 2_500), ("12.5", 1_250), ("0.05", 5), ("1E+2", 10_000), ("9.999", 1_000), ("2.50", 250)],
)
def test_a_discount_is_read_exactly(value, hundredths):
    assert offer_of(KEY | {"discount_value": {"N": value}}).discount_hundredths == hundredths


@pytest.mark.parametrize(("hundredths", "value"), [(2_500, "25"), (1_250, "12.5"), (5, "0.05"), (110, "1.1")])
def test_a_discount_is_written_as_a_plain_number(hundredths, value):
    assert offer_item(an_offer(discount_hundredths=hundredths))["discount_value"] == {"N": value}


def test_a_fraction_of_a_unit_is_cut_off():
    assert offer_of(KEY | {"inventory_count": {"N": "5.9"}}).inventory_count == 5


def test_an_attribute_of_the_wrong_type_counts_as_missing():
    row = KEY | {"priority": {"S": "high"}, "category": {"N": "7"}, "expires_at": {"S": "tomorrow"}}

    offer = offer_of(row)

    assert (offer.priority, offer.category, offer.expires_at) == (0, "", None)


def test_a_row_may_be_deleted_thirty_days_after_its_offers_end():
    assert offer_item(an_offer(expires_at=NOON))["delete_at"] == {"N": str(NOON + 30 * 86_400)}
    assert "delete_at" not in offer_item(an_offer())


def test_a_profile_of_segment_and_preferences_only_is_a_shopper():
    row = {
        "PK": {"S": "USER#ann"},
        "SK": {"S": "PROFILE"},
        "segment": {"S": "premium"},
        "preferences": {"L": [{"S": "electronics"}]},
    }

    assert shopper_of(row) == Shopper("ann", "premium", ("electronics",))
