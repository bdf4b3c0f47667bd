"""`BuyerCache`: what the CRM said last, by id and by contact."""

from dataclasses import replace
from typing import Any

import pytest

from handlers.aws.crm_cache import DynamoBuyerCache
from offerloop.crm.model import Buyer, Contact, ContactKind, KeptBuyer
from offerloop.crm.ports import BuyerCache
from simulator.memory.crm import MemoryBuyerCache
from tests.factories import NOON, NOON_MS
from tests.template_tables import create_tables

ANN = KeptBuyer(Buyer("12", "Ann Smith", 15_050), NOON_MS, NOON + 60)
PHONE = Contact(ContactKind.PHONE, "+380501234567")
EMAIL = Contact(ContactKind.EMAIL, "ann@example.com")


@pytest.fixture(params=["memory", "dynamodb"])
def cache(request: pytest.FixtureRequest) -> BuyerCache:
    if request.param == "memory":
        return MemoryBuyerCache()
    client = request.getfixturevalue("dynamodb")
    return DynamoBuyerCache(client, create_tables(client))


def test_nothing_is_known_at_first(cache: BuyerCache) -> None:
    assert (cache.buyer("12"), cache.buyer_with(PHONE, NOON)) == (None, None)


@pytest.mark.parametrize("bonus", [15_050, 0, -100, None])
def test_what_is_kept_is_given_back(cache: BuyerCache, bonus: int | None) -> None:
    kept = replace(ANN, buyer=Buyer("12", "Ann Smith", bonus))

    cache.keep(kept)

    assert (cache.buyer("12"), cache.buyer("13"), cache.buyer_with(PHONE, NOON)) == (kept, None, None)


def test_a_contact_leads_to_its_buyer_until_its_end(cache: BuyerCache) -> None:
    cache.keep(ANN, PHONE)

    assert cache.buyer_with(PHONE, NOON + 59) == "12"
    assert cache.buyer_with(PHONE, NOON + 60) is None
    assert cache.buyer_with(EMAIL, NOON) is None
    assert cache.buyer("12") == ANN


def test_an_answer_to_an_earlier_question_changes_nothing(cache: BuyerCache) -> None:
    cache.keep(ANN, PHONE)

    earlier = KeptBuyer(Buyer("12", "Ann", 1), NOON_MS - 1, NOON + 59)
    cache.keep(earlier, PHONE)
    cache.keep(KeptBuyer(Buyer("13", "Bob", 1), NOON_MS - 1, NOON + 59), PHONE)

    assert (cache.buyer("12"), cache.buyer_with(PHONE, NOON)) == (ANN, "12")


def test_an_answer_to_a_later_question_takes_its_place(cache: BuyerCache) -> None:
    cache.keep(ANN, PHONE)
    later = KeptBuyer(Buyer("13", "Bob", 1), NOON_MS + 1, NOON + 61)

    cache.keep(later, PHONE)
    cache.keep(replace(ANN, asked_at_ms=NOON_MS + 1, expires_at=NOON + 61))

    assert cache.buyer_with(PHONE, NOON) == "13"
    assert cache.buyer("12") == replace(ANN, asked_at_ms=NOON_MS + 1, expires_at=NOON + 61)


def test_keys_show_nobodys_number_and_every_row_ends_by_itself(dynamodb: Any) -> None:
    tables = create_tables(dynamodb)
    DynamoBuyerCache(dynamodb, tables).keep(ANN, PHONE)

    rows = dynamodb.scan(TableName=tables.idempotency)["Items"]

    assert len(rows) == 2
    assert all(row["delete_at"] == {"N": str(NOON + 60)} for row in rows)
    assert not any("380501234567" in str(row) for row in rows)
