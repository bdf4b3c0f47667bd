"""Functions may do what they do: no emulator refuses what a role lacks.

They run as deployed, on the adapters of AWS over moto. What they ask of tables and buckets is noted for each
function, and then held against its role.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from moto import mock_aws

from handlers.aws.bonus_ledger import DynamoBonusLedger
from handlers.aws.keys import OUTBOX_PREFIX, order_key
from offerloop.bonuses import accounts
from offerloop.codes.model import SupplierKind
from offerloop.outbox import Topic
from tests.bonuses import a_step
from tests.expanded_template import application
from tests.factories import NOON_MS
from tests.functions_on_moto import PROMO, Deployed, Need, is_allowed, key_of

ADDRESS = {"street": "1 Main Street", "city": "S", "state": "IL", "zipCode": "62701", "country": "US"}


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield Deployed(monkeypatch)


def lacking(deployed: Deployed) -> dict[str, list[Need]]:
    """What functions did that their roles do not allow."""
    found = {
        function: sorted({need[:2] for need in needs if not is_allowed(function, need)})
        for function, needs in deployed.needs.items()
    }
    return {function: needs for function, needs in found.items() if needs}


OFFER = {
    "offer_name": "Deal",
    "category": "electronics",
    "discount_type": "PERCENTAGE",
    "discount_value": 25,
    "priority": 95,
    "inventory_count": 1,
}
KEYED = {"Idempotency-Key": "k1"}
CODES = ["CODE1", "CODE2", "CODE3"]
POOL = {"poolId": "bonus-100", "name": "P", "amount": 100, "currency": "EUR", "perHolder": 9}


def with_codes(deployed: Deployed) -> None:
    """A pool of the generator's, of which ann has claimed a code."""
    pool = POOL | {"supplier": SupplierKind.GENERATOR.value, "threshold": 30}
    deployed.call("ManageCodes", "POST", "/pools", pool, expect=201, and_headers=KEYED)
    deployed.call("ManageCodes", "POST", "/pools/{pool_id}/codes", CODES, pool_id="bonus-100")


def test_codes(deployed: Deployed) -> None:
    with_codes(deployed)
    admin, pool = "ManageCodes", {"pool_id": "bonus-100"}
    deployed.call(admin, "GET", "/pools")
    deployed.call(admin, "GET", "/pools/{pool_id}", **pool)
    deployed.call(admin, "PATCH", "/pools/{pool_id}", {"validDays": None, "batch": 5}, **pool)
    for _ in range(2):
        generate = "/pools/{pool_id}/generate"
        deployed.call(admin, "POST", generate, {"count": 3}, expect=201, and_headers=KEYED, **pool)
    deployed.call(admin, "DELETE", "/codes/{code}", code="CODE1")
    for _ in range(2):
        get = {"query": {"amount": "100"}, "and_headers": KEYED}
        deployed.call("ClaimCode", "GET", "/get-code", **get)
    ann = deployed.token("ann")
    claimed = deployed.call("ClaimCode", "POST", "/codes/claim", {"amount": 100}, headers=ann)
    deployed.call(admin, "GET", "/codes/{code}", code=claimed["promo_code"], headers=ann)
    deployed.call(admin, "GET", "/customers/{customer_id}/codes", customer_id="ann")

    deployed.stream("WatchCodes", "Codes", deployed.rows("Codes", "POOL#bonus-100#"))
    [message] = deployed.messages("Codes")
    deployed.take("ReplenishCodes", message)
    deployed.run("SweepCodes", {})
    deployed.s3.put_object(Bucket=PROMO, Key="promo-codes/inbox/new.csv", Body=b"NEW1,100\n")
    for name in ("inbox/new.csv", "available_codes.json"):
        deployed.run("TakeInCodes", {"detail": {"object": {"key": f"promo-codes/{name}"}}})

    assert set(deployed.needs) == {
        *("ManageCodes", "ClaimCode", "WatchCodes", "ReplenishCodes", "SweepCodes", "TakeInCodes")
    }
    assert lacking(deployed) == {}


def test_points_and_their_figures(deployed: Deployed) -> None:
    accrual = {"orderId": "12345", "orderTotal": 1000, "customerId": "ann"}
    for key in ("k1", "k1", "k2"):  # new, repeated, and with nothing left to do
        deployed.call(
            "ManageBonuses", "POST", "/bonus-accrual", accrual, and_headers={"Idempotency-Key": key}
        )
    deployed.call("ManageBonuses", "GET", "/bonus/quote", query={"orderTotal": "10", "customerId": "ann"})
    deployed.call("ManageBonuses", "GET", "/customers/{customer_id}/bonus", customer_id="ann")
    ledger = DynamoBonusLedger(deployed.raw, deployed.tables)
    before = ledger.account("ben")
    due = NOON_MS // 1_000 - 1
    ledger.write(a_step(before, accounts.pend(before, "order-9", 100, due, None, NOON_MS)))
    assert deployed.run("SweepBonuses", {})["accounts"] == 1
    entries = [item for item in deployed.rows("Rewards", "CUSTOMER#") if item["SK"]["S"].startswith("ENTRY#")]
    deployed.stream("TotalRewards", "Rewards", entries)
    for _ in range(2):
        deployed.run("AggregateRewards", {"attended": True, "day": "2027-01-14"})

    assert set(deployed.needs) == {"ManageBonuses", "SweepBonuses", "TotalRewards", "AggregateRewards"}
    assert lacking(deployed) == {}


def test_orders_paid_with_a_code_and_points(deployed: Deployed) -> None:
    with_codes(deployed)
    with_a_laptop(deployed)
    code = deployed.call("ClaimCode", "POST", "/codes/claim", {"amount": 100, "holder": "ann"})["promo_code"]
    accrual = {"orderId": "12345", "orderTotal": 1000, "customerId": "ann"}
    deployed.call("ManageBonuses", "POST", "/bonus-accrual", accrual)
    wanted = {
        "customerId": "ann",
        "items": [{"productId": "LAPTOP001", "quantity": 1}],
        "promoCode": code,
        "useBonus": 50,
    }
    orders = "ManageOrders"
    ann = deployed.token("ann")
    wrong = wanted | {"promoCode": "WRONG1"}
    deployed.call(orders, "POST", "/orders/quote", wrong, headers=ann, expect=409)
    quote = deployed.call(orders, "POST", "/orders/quote", wanted, headers=ann)
    order = wanted | {
        "items": [{"productId": "LAPTOP001", "name": "L", "quantity": 1, "price": 1299.99}],
        "totalAmount": quote["totalAmount"],
        "customerEmail": "ann@shop.test",
        "customerPhone": "+447700900123",
        "shippingAddress": ADDRESS,
    }
    placed = [
        deployed.call(orders, "POST", "/orders", order, expect=201, and_headers=KEYED)["orderId"]
        for _ in range(2)
    ]
    order_id = placed[0]
    [work] = [each for each in deployed.messages("Orders") if each.topic is Topic.ORDER_WORK]
    deployed.stream("PublishEvents", "Orders", deployed.rows("Orders", OUTBOX_PREFIX))
    deployed.take("ProcessOrders", work)
    deployed.run("SweepOrders", {})
    image = deployed.raw.get_item(TableName="Orders", Key=order_key(order_id))["Item"]
    assert image["status"]["S"] == "COMPLETED"
    deployed.stream("AccrueBonuses", "Orders", [image])
    deployed.take("FollowOrders", *deployed.messages("Orders"))
    one = {"order_id": order_id}
    deployed.call(orders, "POST", "/orders/{order_id}/rating", {"rating": 5}, headers=ann, **one)
    deployed.call(orders, "GET", "/orders/{order_id}", **one)
    deployed.call(orders, "GET", "/customers/{customer_id}/orders", customer_id="ann")
    deployed.call(orders, "POST", "/orders/{order_id}/refund", {"reason": "broken"}, and_headers=KEYED, **one)
    for speech in ("/messages/opt-out", "/messages/opt-in"):
        deployed.call(orders, "POST", speech, {"phone": "+447700900123"})
    deployed.world.clock.move_on(3_600)
    deployed.run("RelayEvents", {})

    assert placed == [order_id] * 2
    assert lacking(deployed) == {}


def with_a_laptop(deployed: Deployed) -> None:
    """In the catalogue, entered and changed by the shop."""
    laptop = {"productId": "LAPTOP001", "name": "L", "category": "electronics", "price": 1, "stock": 9}
    catalogue, one = "ManageProducts", {"product_id": "LAPTOP001"}
    deployed.call(catalogue, "POST", "/products", laptop, expect=201, and_headers=KEYED)
    deployed.call(catalogue, "PATCH", "/products/{product_id}", {"price": 1299.99}, **one)
    deployed.call(catalogue, "POST", "/products/{product_id}/restock", {"units": 1}, **one)
    deployed.call(catalogue, "GET", "/products/{product_id}", **one)
    deployed.call(catalogue, "GET", "/products")


def test_orders_that_come_to_nothing(deployed: Deployed) -> None:
    with_a_laptop(deployed)
    order = {
        "customerId": "ann",
        "items": [{"productId": "LAPTOP001", "name": "L", "quantity": 1, "price": 1299.99}],
        "totalAmount": 1299.99,
        "customerEmail": "ann@shop.test",
        "shippingAddress": ADDRESS,
    }
    called_off, given_up = (
        deployed.call("ManageOrders", "POST", "/orders", order, expect=201)["orderId"] for _ in range(2)
    )
    work = [each for each in deployed.messages("Orders") if each.topic is Topic.ORDER_WORK]
    deployed.call("ManageOrders", "POST", "/orders/{order_id}/cancel", order_id=called_off)
    deployed.take("ReconcileOrders", *work)
    deployed.take("FollowOrders", *[each for each in deployed.messages("Orders") if each not in work])
    question = {"query": "Show me my recent orders", "customerId": "ann"}
    deployed.call("AnswerQuestions", "POST", "/chatbot", question)
    about = {"query": f"What's the status of order {given_up}?", "customerId": "ann"}
    deployed.call("AnswerQuestions", "POST", "/chatbot", about)

    ends = {item["status"]["S"] for item in deployed.rows("Orders", "ORDER#") if "customer_id" in item}
    assert ends == {"CANCELLED", "FAILED"}
    assert lacking(deployed) == {}


def test_offers(deployed: Deployed) -> None:
    for offer_id in ("OFF001", "OFF004"):
        deployed.call("ManageOffers", "POST", "/offers", OFFER | {"offer_id": offer_id}, expect=201)
    offers = deployed.rows("Offers", "OFFER#")
    deployed.stream("WatchInventory", "Offers", offers)
    deployed.call("RecommendOffers", "POST", "/offers/recommend", {"user_id": "USER001"})
    event = {"user_id": "USER001", "offer_id": "OFF001", "category": "electronics"}
    for kind in ("CLICK", "REDEMPTION"):
        tracked = event | {"event_type": kind}
        deployed.call("TrackEvent", "POST", "/events/track", tracked, and_headers={"Idempotency-Key": kind})
    sold_out = deployed.rows("Offers", "OFFER#OFF001")
    deployed.stream("WatchInventory", "Offers", sold_out, {key_of(item): item for item in offers})
    one = {"offer_id": "OFF001"}
    deployed.call(
        "ManageOffers", "POST", "/offers/{offer_id}/restock", {"units": 5}, and_headers=KEYED, **one
    )
    deployed.call("ManageOffers", "PATCH", "/offers/{offer_id}", {"priority": 90}, **one)
    deployed.call("ManageOffers", "POST", "/offers/{offer_id}/pause", **one)
    deployed.call("ManageOffers", "GET", "/offers/{offer_id}", **one)
    deployed.call("ManageOffers", "GET", "/offers")
    deployed.run("ExpireOffers", {})

    assert len(deployed.rows("Offers", "PIVOTS#")) == 1
    assert lacking(deployed) == {}


def test_an_experiment_and_what_it_counts(deployed: Deployed) -> None:
    weights = {"priority_bp": 4_000, "relevance_bp": 3_000, "urgency_bp": 2_000, "inventory_bp": 1_000}
    variants = [{"name": name, "share_bp": 5_000, "weights": weights} for name in ("A", "B")]
    routes, one = "ManageExperiments", {"experiment_id": "exp-1"}
    deployed.call(
        routes, "POST", "/experiments", {"experiment_id": "exp-1", "variants": variants}, expect=201
    )
    deployed.call(routes, "GET", "/experiments")
    deployed.call(routes, "POST", "/experiments/{experiment_id}/start", **one)
    deployed.stream("PrepareExperiment", "UserActivity", deployed.rows("UserActivity", "EXPERIMENT#"))
    event = {"user_id": "USER001", "offer_id": "OFF001", "category": "electronics", "event_type": "VIEW"}
    offer = OFFER | {"offer_id": "OFF001"}
    deployed.call("ManageOffers", "POST", "/offers", offer, expect=201)
    deployed.call("TrackEvent", "POST", "/events/track", event)
    [message] = deployed.messages("UserActivity")
    data = base64.b64encode(json.dumps(dict(message.body)).encode()).decode()
    record = {"kinesis": {"data": data, "sequenceNumber": "1"}}
    for _ in range(2):
        assert deployed.run("CountEngagement", {"Records": [record]}) == {"batchItemFailures": []}
    deployed.stream("PublishEvents", "UserActivity", deployed.rows("UserActivity", OUTBOX_PREFIX))
    deployed.call(routes, "GET", "/experiments/{experiment_id}", **one)
    deployed.call(routes, "POST", "/experiments/{experiment_id}/stop", **one)

    assert lacking(deployed) == {}


def test_the_crm(deployed: Deployed) -> None:
    deployed.call("CrmProxy", "GET", "/crm/buyers", query={"phone": "+380501234567"})
    one = {"buyer_id": "12"}
    for _ in range(2):
        bonus = "/crm/buyers/{buyer_id}/bonus"
        deployed.call("CrmProxy", "PUT", bonus, {"bonus": 7.5}, expect=202, and_headers=KEYED, **one)
        deployed.call("CrmProxy", "GET", bonus, **one)
    [message] = deployed.messages("UserActivity")
    deployed.take("SendCrmUpdates", message)

    assert set(deployed.needs) == {"CrmProxy", "SendCrmUpdates"}
    assert lacking(deployed) == {}


def test_a_right_that_a_role_lacks_is_found(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    with_codes(deployed)
    allowed = application()["Resources"]["ManageCodesRole"]["Properties"]["Policies"]
    without = json.loads(json.dumps(allowed).replace('"dynamodb:UpdateItem"', '"dynamodb:Scan"'))
    monkeypatch.setitem(application()["Resources"]["ManageCodesRole"]["Properties"], "Policies", without)

    assert lacking(deployed) == {"ManageCodes": [("dynamodb:UpdateItem", "CodesTableArn")]}
