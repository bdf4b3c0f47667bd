"""A large catalogue, deployed: the answers of a full scan at the reads of a small catalogue."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from handlers.aws.ranked_lists import DynamoRankedLists
from handlers.aws.serving import DynamoContextReader
from handlers.aws.system_clock import SystemClock
from handlers.aws.table_access import ReadMeter, Tables
from harness.catalogue import load_catalogue
from harness.system import RunningSystem
from offerloop.offers.model import DiscountType, Offer
from offerloop.offers.recommend import recommend
from tests.emulated.storefront import Storefront
from tests.emulated.target import TARGET_NAME, Target

pytestmark = pytest.mark.emulated

# LocalStack takes minutes for what the embedded target lists in seconds, and the rule is the same one.
OFFERS, CATEGORIES = (10_000, 296) if TARGET_NAME == "embedded" else (2_000, 296)
HOUR = 3600
URGENT_WITHIN_S = 168 * HOUR


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningSystem, list[Offer], ReadMeter]]:
    """A system of its own with a large catalogue, and what a recommendation read before it was loaded."""
    with Target(tmp_path_factory.mktemp("large")) as target:
        system = target.up()
        small = _reads(system, "USER003")
        offers = _catalogue(int(time.time()))
        load_catalogue(system, offers, written=lambda _: None, listed=lambda _: None)
        yield system, offers, small


def _catalogue(now: int) -> list[Offer]:
    chance = random.Random(20260101)
    offers = []
    for number in range(OFFERS):
        stock = chance.randint(1, 300)
        offers.append(
            Offer(
                offer_id=f"BIG{number:05d}",
                offer_name=f"Offer {number}",
                category=f"shelf-{chance.randrange(CATEGORIES):03d}",
                discount_type=DiscountType.PERCENTAGE,
                discount_hundredths=1_000,
                priority=chance.randint(0, 100),
                inventory_count=stock,
                # None ends during the test; half are inside the window in which urgency grows.
                expires_at=chance.choice([None, now + chance.randint(2 * HOUR, 336 * HOUR)]),
                received_count=stock,
            )
        )
    return offers


def _reads(system: RunningSystem, user_id: str) -> ReadMeter:
    """What one recommendation reads, counted by the adapters that the function itself uses."""
    meter = ReadMeter()
    tables, client = Tables.with_prefix(system.prefix), system.client("dynamodb")
    lists = DynamoRankedLists(client, tables, meter)
    contexts = DynamoContextReader(client, tables, meter)
    served = recommend(user_id, contexts=contexts, lists=lists, offers=lists, clock=SystemClock())
    assert len(served.offers) == 3
    return meter


def _score(priority: int, relevance: int, stock: int, expires_at: int | None, now: int) -> int:
    """The score as the requirements write it, with no code of the product; in units of 1/60,480,000.

    Whole numbers, because 20 users times 10,000 offers are too many for fractions.
    """
    urgency_s = max(0, URGENT_WITHIN_S - (expires_at - now)) if expires_at is not None else 0  # of a week
    terms = 40 * priority + 30 * relevance + 10 * min(100, stock)
    return terms * URGENT_WITHIN_S + 20 * 100 * urgency_s


def _scan(system: RunningSystem) -> list[dict[str, object]]:
    rows = (
        system.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=system.named("Offers"),
            FilterExpression="SK = :metadata",
            ExpressionAttributeValues={":metadata": {"S": "METADATA"}},
        )
    )
    return [
        {
            "offer_id": row["PK"]["S"].removeprefix("OFFER#"),
            "category": row["category"]["S"],
            "priority": int(row["priority"]["N"]) + int(row["priority_boost"]["N"]),
            "stock": int(row["inventory_count"]["N"]),
            "expires_at": int(row["expires_at"]["N"]) if "expires_at" in row else None,
        }
        for page in rows
        for row in page["Items"]
        if row["status"]["S"] == "ACTIVE" and int(row["inventory_count"]["N"]) > 0
    ]


def test_many_offers_are_served_as_a_scan_would(
    large: tuple[RunningSystem, list[Offer], ReadMeter],
) -> None:
    system, offers, _ = large
    shop = Storefront(system)
    rows = _scan(system)
    assert len(rows) == OFFERS + 5
    categories = sorted({offer.category for offer in offers})
    for number in range(20):
        user, liked = f"SCAN-{number}", categories[number * 14]
        favourite = next(offer for offer in offers if offer.category == liked)
        relevance = 50
        if number % 2:
            body = {"offer_id": favourite.offer_id, "category": liked}
            for _ in range(2):
                assert shop.track(user, body, "ADD_TO_CART").status_code == 200
            relevance = 62  # 10 points of affinity: 50 + round(40 * (1 - 2 ** -(10 / 20)))
        before = int(time.time())
        answer = shop.recommend(user)
        after = int(time.time())
        wanted = [
            [str(row["offer_id"]) for row in _best(rows, liked, relevance, now)]
            for now in range(before, after + 1)
        ]
        assert [offer["offer_id"] for offer in answer["recommended_offers"]] in wanted
        assert answer["total_available"] == OFFERS + 5


def _best(rows: list[dict[str, object]], liked: str, relevance: int, now: int) -> list[dict[str, object]]:
    def order(row: dict[str, object]) -> tuple[int, str]:
        own = relevance if row["category"] == liked else 50
        score = _score(row["priority"], own, row["stock"], row["expires_at"], now)  # type: ignore[arg-type]
        return -score, str(row["offer_id"])

    return sorted(rows, key=order)[:3]


def test_a_large_catalogue_costs_the_reads_of_a_small_one(
    large: tuple[RunningSystem, list[Offer], ReadMeter],
) -> None:
    system, _, small = large

    big = _reads(system, "USER003")

    assert big.items <= 100
    assert big.rcu_halves / 2 <= 30
    assert big.calls <= 25
    for read, of_small in (
        (big.items, small.items),
        (big.rcu_halves, small.rcu_halves),
        (big.calls, small.calls),
    ):
        assert read <= 2 * of_small
    print(f"reads at 5 offers: {small}; at {OFFERS:,}: {big}")
