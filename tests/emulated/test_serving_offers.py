"""System A on the deployed stack, as its documentation shows it."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.system import RunningSystem
from tests.emulated.storefront import Storefront, unique, wait_for

PREPARED_WITHIN_S = 120  # the streams also have what the tests before this wrote

pytestmark = pytest.mark.emulated


@pytest.fixture
def shop(system: RunningSystem) -> Storefront:
    return Storefront(system)


def test_the_documented_sample_answer_holds_straight_after_seeding(pristine_system: RunningSystem) -> None:
    answer = Storefront(pristine_system).http.post("/offers/recommend", json={"user_id": "USER001"})

    assert answer.status_code == 200
    body = answer.json()
    shown = [
        {
            name: offer[name]
            for name in ("offer_id", "offer_name", "category", "discount_type", "discount_value")
        }
        | {name: offer[name] for name in ("priority", "inventory_count", "score")}
        for offer in body["recommended_offers"]
    ]
    percent = {"discount_type": "PERCENTAGE"}
    laptop = {"offer_id": "OFF001", "offer_name": "Premium Laptop Deal", "category": "electronics"} | percent
    fashion = {"offer_id": "OFF002", "offer_name": "Fashion Flash Sale", "category": "fashion"} | percent
    bundle = {"offer_id": "OFF004", "offer_name": "Smart Home Bundle", "category": "electronics"} | percent
    assert (body["user_id"], body["total_available"]) == ("USER001", 5)
    assert shown == [
        laptop | {"discount_value": 25, "priority": 95, "inventory_count": 50, "score": 87.5},
        fashion | {"discount_value": 40, "priority": 88, "inventory_count": 200, "score": 72.3},
        bundle | {"discount_value": 30, "priority": 82, "inventory_count": 30, "score": 68.9},
    ]


def test_the_four_terms_explain_the_score(shop: Storefront) -> None:
    for offer in shop.recommend("USER002")["recommended_offers"]:
        assert sum(offer["score_breakdown"].values()) == pytest.approx(offer["score"], abs=0.07)


def test_the_documented_event_is_stored_and_answered(shop: Storefront) -> None:
    body = {"user_id": "USER001", "offer_id": "OFF001", "category": "electronics", "event_type": "CLICK"}

    answer = shop.http.post("/events/track", json=body)

    assert answer.status_code == 200
    assert answer.json()["message"] == "Event tracked successfully"
    event_id = str(uuid.UUID(answer.json()["event_id"]))
    stored = shop.system.client("dynamodb").query(
        TableName=shop.system.named("UserActivity"),
        KeyConditionExpression="PK = :pk AND begins_with(SK, :event)",
        ExpressionAttributeValues={":pk": {"S": "USER#USER001"}, ":event": {"S": "EVENT#"}},
    )
    assert event_id in {item["event_id"]["S"] for item in stored["Items"]}


def test_an_unknown_user_gets_the_general_best_three(shop: Storefront) -> None:
    assert len(shop.served(unique("nobody"))) == 3


def test_what_a_user_does_changes_what_it_is_served(shop: Storefront) -> None:
    user, category = unique("fan"), unique("kites")
    liked = shop.create(category, priority=75, stock=100)
    wait_for("the offer is listed", lambda: shop.offer(liked["offer_id"])["status"] == "ACTIVE", 2)
    before = next(
        (o for o in shop.recommend(user)["recommended_offers"] if o["offer_id"] == liked["offer_id"]), None
    )

    for _ in range(6):
        assert shop.track(user, liked, "ADD_TO_CART").status_code == 200

    after = wait_for("the offer is served", lambda: _find(shop, user, liked["offer_id"]), 2)
    assert before is None or after["score"] > before["score"]
    assert after["score_breakdown"]["relevance"] > 15.0  # the default: 0.3 of 50


def _find(shop: Storefront, user: str, offer_id: str) -> dict[str, object] | None:
    return next((o for o in shop.recommend(user)["recommended_offers"] if o["offer_id"] == offer_id), None)


def test_a_dismissed_offer_is_not_served_to_that_user_again(shop: Storefront) -> None:
    user = unique("picky")
    first = shop.recommend(user)["recommended_offers"][0]

    assert shop.track(user, first, "DISMISS").status_code == 200

    wait_for("the dismissed offer is gone", lambda: first["offer_id"] not in shop.served(user), 2)
    assert first["offer_id"] in shop.served(unique("somebody-else"))


def test_sixty_four_takers_of_ten_units_leave_ten_happy_and_one_pivot(shop: Storefront) -> None:
    category = unique("rush")
    scarce = shop.create(category, priority=60, stock=10)
    heir = shop.create(category, priority=40, stock=100)
    users = [unique("taker") for _ in range(64)]

    def take(user: str) -> tuple[int, str | None]:
        for _ in range(20):
            answer = shop.track(user, scarce, "REDEMPTION")
            if answer.status_code not in (429, 503):
                return answer.status_code, answer.json().get("code")
        return answer.status_code, "gave up"

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(take, users))

    assert answers.count((200, None)) == 10
    assert set(answers) == {(200, None), (409, "out_of_stock")}
    assert shop.offer(scarce["offer_id"])["inventory_count"] == 0
    wait_for("the pivot boosts the heir", lambda: shop.offer(heir["offer_id"])["priority_boost"] == 20, 5)
    assert len(_pivots_from(shop, scarce["offer_id"])) == 1


def _pivots_from(shop: Storefront, offer_id: str) -> list[dict[str, object]]:
    table = shop.system.resource("dynamodb").Table(shop.system.named("Offers"))
    rows = table.scan(ConsistentRead=True)["Items"]
    return [row for row in rows if row["PK"].startswith("PIVOTS#") and row["from_offer"] == offer_id]


def test_a_refused_redemption_stores_nothing(shop: Storefront) -> None:
    user = unique("late")
    gone = shop.create(unique("gone"), stock=1)
    assert shop.track(unique("early"), gone, "REDEMPTION").status_code == 200

    refused = shop.track(user, gone, "REDEMPTION")

    assert (refused.status_code, refused.json()["code"]) == (409, "out_of_stock")
    assert refused.headers["content-type"] == "application/problem+json"
    items = shop.system.client("dynamodb").query(
        TableName=shop.system.named("UserActivity"),
        KeyConditionExpression="PK = :pk",
        ExpressionAttributeValues={":pk": {"S": f"USER#{user}"}},
    )["Items"]
    assert items == []


def test_a_user_redeems_an_offer_once(shop: Storefront) -> None:
    user, offer = unique("twice"), shop.create(unique("once"), stock=5)

    answers = [shop.track(user, offer, "REDEMPTION") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[1].json()["code"] == "already_redeemed"
    assert shop.offer(offer["offer_id"])["inventory_count"] == 4


def test_one_key_is_one_redemption_however_often_it_is_sent(shop: Storefront) -> None:
    user, key = unique("retry"), unique("key")
    offer = shop.create(unique("safe"), stock=5, redemptions_per_user=0)

    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: shop.track(user, offer, "REDEMPTION", **{"Idempotency-Key": key}), range(8))
        )

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["event_id"] for answer in answers}) == 1
    assert shop.offer(offer["offer_id"])["inventory_count"] == 4
    other = shop.track(user, offer, "CLICK", **{"Idempotency-Key": key})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_a_foreign_client_that_empties_an_offer_gets_both_log_lines_within_two_seconds(
    shop: Storefront,
) -> None:
    """The documented snippet: boto3, table Offers, key OFFER#… / METADATA, inventory_count 0."""
    category = unique("tv")
    first, second = shop.create(category, priority=95), shop.create(category, priority=82)
    wait_for("both are listed", lambda: len(shop.served(unique("viewer"))) == 3, 2)
    table = shop.system.resource("dynamodb").Table(shop.system.named("Offers"))

    table.update_item(
        Key={"PK": f"OFFER#{first['offer_id']}", "SK": "METADATA"},
        UpdateExpression="SET inventory_count = :none",
        ExpressionAttributeValues={":none": 0},
    )

    wanted = [
        f"STOCKOUT DETECTED: {first['offer_id']} ({category})",
        f"PIVOT TO: {second['offer_id']} (Priority: 82)",
    ]
    wait_for(f"log lines {wanted}", lambda: _messages(shop, wanted), 2.5)


def _messages(shop: Storefront, wanted: list[str]) -> bool:
    import json

    logs = shop.system.client("logs")
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{shop.system.prefix}offer-inventory-monitor")[
        "events"
    ]
    found = set()
    for event in events:
        for line in event["message"].splitlines():
            if line.startswith("{"):
                found.add(json.loads(line).get("message"))
    return set(wanted) <= found


def test_a_restock_takes_the_boost_back(shop: Storefront) -> None:
    category = unique("bikes")
    first, second = shop.create(category, stock=1), shop.create(category, priority=40)
    assert shop.track(unique("rider"), first, "REDEMPTION").status_code == 200
    wait_for("the boost", lambda: shop.offer(second["offer_id"])["priority_boost"] == 20, 3)

    assert shop.post(f"/offers/{first['offer_id']}/restock", {"units": 5}).status_code == 200

    wait_for("the boost is taken back", lambda: shop.offer(second["offer_id"])["priority_boost"] == 0, 3)


def test_a_change_shows_in_recommendations_within_two_seconds(shop: Storefront) -> None:
    user = unique("watcher")
    offer = shop.create(unique("news"), priority=100, stock=1_000)
    wait_for("the new offer is served", lambda: offer["offer_id"] in shop.served(user), 2)

    assert shop.post(f"/offers/{offer['offer_id']}/pause").json()["status"] == "PAUSED"
    wait_for("the paused offer is gone", lambda: offer["offer_id"] not in shop.served(user), 2)

    assert shop.patch(f"/offers/{offer['offer_id']}", {"status": "ACTIVE"}).status_code == 200
    wait_for("the offer is back", lambda: offer["offer_id"] in shop.served(user), 2)
    assert shop.patch(f"/offers/{offer['offer_id']}", {"priority": 0}).json()["priority"] == 0


def test_offers_are_listed_page_by_page(shop: Storefront) -> None:
    category = unique("pages")
    mine = {shop.create(category)["offer_id"] for _ in range(5)}

    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = shop.get("/offers", limit=2, **({"cursor": cursor} if cursor else {})).json()
        assert len(page["offers"]) <= 2
        seen += [offer["offer_id"] for offer in page["offers"]]
        cursor = page["cursor"]
        if cursor is None:
            break

    assert mine <= set(seen)
    assert len(seen) == len(set(seen))


def test_a_customer_token_beats_the_id_in_the_body(shop: Storefront) -> None:
    customer = unique("ann")
    token = shop.post(f"/customers/{customer}/token", {}).json()["token"]

    answer = shop.http.post(
        "/offers/recommend", json={"user_id": "USER001"}, headers={"X-Customer-Token": token}
    )

    assert answer.json()["user_id"] == customer
    forged = shop.http.post(
        "/offers/recommend", json={"user_id": "USER001"}, headers={"X-Customer-Token": token[:-2] + "xx"}
    )
    assert (forged.status_code, forged.json()["code"]) == (401, "not_signed_in")


def test_the_admin_routes_need_the_key(shop: Storefront) -> None:
    for answer in (shop.http.get("/offers"), shop.http.get("/offers", headers={"X-API-Key": "wrong"})):
        assert answer.status_code in (401, 403)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] in ("api_key_needed", "not_signed_in")


def test_a_running_experiment_assigns_serves_and_counts(shop: Storefront) -> None:
    name = unique("exp")
    control = {"priority_bp": 4000, "relevance_bp": 3000, "urgency_bp": 2000, "inventory_bp": 1000}
    stocked = {"priority_bp": 1000, "relevance_bp": 3000, "urgency_bp": 1000, "inventory_bp": 5000}
    variants = [
        {"name": "control", "share_bp": 5000, "weights": control},
        {"name": "stocked", "share_bp": 5000, "weights": stocked},
    ]
    assert shop.post("/experiments", {"experiment_id": name, "variants": variants}).status_code == 201
    assert shop.post(f"/experiments/{name}/start").json()["status"] == "PREPARING"
    wait_for(
        "it runs", lambda: shop.get(f"/experiments/{name}").json()["status"] == "RUNNING", PREPARED_WITHIN_S
    )
    try:
        offer = shop.create(unique("prize"), stock=1_000)
        for number in range(30):
            user = f"{name}-{number}"
            assert shop.track(user, offer, "VIEW").status_code == 200
            if number % 3 == 0:
                assert shop.track(user, offer, "REDEMPTION").status_code == 200

        def counted() -> dict[str, object] | None:
            result = shop.get(f"/experiments/{name}").json()["result"]
            total = sum(variant["exposed"] for variant in result["variants"])
            return dict(result) if total == 30 else None

        result = wait_for("30 users are counted", counted, PREPARED_WITHIN_S)
        assert sum(variant["converted"] for variant in result["variants"]) == 10  # type: ignore[index]
        assert result["sample_ratio"]["ok"]  # type: ignore[index]
    finally:
        assert shop.post(f"/experiments/{name}/stop").json()["status"] == "STOPPED"


BAD_BODIES = [
    (b"{", 400),
    (b"[]", 400),
    (b"", 400),
    (b'"text"', 400),
    (b'{"user_id": NaN}', 400),
    (b'{"user_id": null}', 400),
    (b'{"user_id": 7}', 400),
    (b"{}", 400),
    (b'{"user_id": ""}', 400),
    (b'{"user_id": "A", "more": 1}', 400),
    ('{"user_id": "🛒"}'.encode(), 400),
    (b'{"user_id": "' + b"x" * 10_240 + b'"}', 400),
    (b'{"user_id": "' + b"x" * 200_000 + b'"}', 413),
]


@pytest.mark.parametrize(("body", "status"), BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_a_malformed_body_is_refused_as_a_problem(shop: Storefront, body: bytes, status: int) -> None:
    answer = shop.http.post("/offers/recommend", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"offer_id": "NOPE"}, 404, "unknown_offer"),
        ({"event_type": "STARE"}, 400, "invalid_input"),
        ({"category": "garden"}, 422, "category_mismatch"),
        ({"category": "🎁"}, 422, "category_mismatch"),
        ({"user_id": "x" * 10_240}, 400, "invalid_input"),
    ],
)
def test_a_bad_event_is_refused_with_its_reason(
    shop: Storefront, changes: dict[str, str], status: int, code: str
) -> None:
    body = {
        "user_id": "USER003",
        "offer_id": "OFF003",
        "category": "groceries",
        "event_type": "VIEW",
    } | changes

    answer = shop.post("/events/track", body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_wrong_method_type_and_path_are_refused_as_problems(shop: Storefront) -> None:
    wrong_method = shop.http.get("/offers/recommend")
    wrong_type = shop.http.post(
        "/offers/recommend", content=b"user_id=A", headers={"Content-Type": "text/plain"}
    )
    wrong_path = shop.http.post("/no/such/path", json={})

    assert (wrong_method.status_code, wrong_method.json()["code"]) == (405, "method_not_allowed")
    assert wrong_method.headers["allow"] == "POST"
    assert (wrong_type.status_code, wrong_type.json()["code"]) == (415, "unsupported_media_type")
    assert (wrong_path.status_code, wrong_path.json()["code"]) == (404, "unknown_route")


def test_an_expired_offer_ends_on_time_and_cannot_be_redeemed(shop: Storefront) -> None:
    import time

    offer = shop.create(unique("short"), stock=1_000, expires_at=int(time.time()) + 2)
    wait_for(
        "it cannot be redeemed",
        lambda: shop.track(unique("slow"), offer, "REDEMPTION").json().get("code") == "offer_expired",
        5,
    )

    shop.system.client("lambda").invoke(FunctionName=shop.system.named("offer-expire-offers"), Payload=b"{}")

    assert shop.offer(offer["offer_id"])["status"] == "EXPIRED"
