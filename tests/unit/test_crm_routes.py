"""The CRM routes as the gateway calls them, and the queue's consumer as SQS does, over memory."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from handlers import wiring, wiring_crm
from handlers.aws.keys import CRM_PREFIX, OUTBOX_PREFIX
from handlers.aws.outbox_table import DynamoOutbox
from handlers.aws.table_access import Tables
from handlers.aws.transport import queue_body
from offerloop.crm.model import Buyer
from offerloop.crm.ports import CrmSilent
from offerloop.crm.read_buyer import CrmDesk
from offerloop.errors import CrmUnavailable
from simulator.memory.crm import MemoryBonusWrites, MemoryBuyerCache, MemoryCrm
from simulator.memory.world import MemoryWorld
from tests.crm_service import FIELD, KEY, add_buyer, crm_server
from tests.expanded_template import application
from tests.factories import NOON_MS, FixedClock
from tests.mocked_aws import mocked_aws
from tests.routes import CONTEXT, SHOP, Route, a_route
from tests.template_tables import create_tables

PHONE, EMAIL = "+380501234567", "ann@example.com"
BUYERS, BONUS = "/crm/buyers", "/crm/buyers/{buyer_id}/bonus"
NAMED = {"CRM_URL": "https://crm.example/v1", "CRM_BONUS_FIELD": "CT_1001", "CRM_QUEUE_URL": "crm-queue"}
Answer = tuple[int, dict[str, Any]]


class Sqs:
    """Remembers what was put back."""

    def __init__(self) -> None:
        self.hidden: list[tuple[str, str, int]] = []

    def change_message_visibility(self, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:
        self.hidden.append((QueueUrl, ReceiptHandle, VisibilityTimeout))


@pytest.fixture
def crm() -> MemoryCrm:
    crm = MemoryCrm()
    crm.put(Buyer("12", "Ann Smith", 15_050), PHONE, EMAIL)
    return crm


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with mocked_aws() as client:
        yield client("dynamodb")


@pytest.fixture
def sqs() -> Sqs:
    return Sqs()


@pytest.fixture
def route(monkeypatch: pytest.MonkeyPatch, crm: MemoryCrm, sqs: Sqs) -> Route:
    world = MemoryWorld(FixedClock())
    found = a_route(monkeypatch, "CrmProxy", world, REQUESTS_PER_USER="3", **NAMED)
    writes = MemoryBonusWrites(world)
    desk = CrmDesk(crm, writes, MemoryBuyerCache(), world.clock, 60)
    wired = {"crm_desk": desk, "bonus_writes": writes, "crm_for_writing": crm}
    for name, value in wired.items():
        monkeypatch.setattr(wiring_crm, name, lambda value=value: value)
    monkeypatch.setattr(wiring, "client", lambda service: sqs)
    return found


def find(route: Route, headers: dict[str, str], **query: str) -> dict[str, Any]:
    """The whole answer to a question by query string."""
    event = {
        "resource": BUYERS,
        "path": BUYERS,
        "httpMethod": "GET",
        "headers": headers,
        "queryStringParameters": query or None,
        "requestContext": {"identity": {"sourceIp": "192.0.2.1"}, "stage": "prod"},
        "body": None,
        "isBase64Encoded": False,
    }
    answer: dict[str, Any] = route.module.handle(event, CONTEXT)
    return answer


def body_of(answer: dict[str, Any]) -> Answer:
    return answer["statusCode"], json.loads(answer["body"])


def get_bonus(route: Route, headers: dict[str, str] = SHOP, buyer_id: str = "12") -> Answer:
    return route.call(BONUS, method="GET", headers=headers, buyer_id=buyer_id)


def put_bonus(route: Route, body: object, headers: dict[str, str] = SHOP, buyer_id: str = "12") -> Answer:
    return route.call(BONUS, body, method="PUT", headers=headers, buyer_id=buyer_id)


def consume(route: Route, received: int = 1) -> list[str]:
    """Let the consumer take what is in the outbox; gives the messages that stay in the queue."""
    properties = application()["Resources"]["SendCrmUpdates"]["Properties"]
    consumer = importlib.import_module(properties["Handler"].rpartition(".")[0])
    records = [
        {
            "messageId": str(at),
            "receiptHandle": f"receipt-{at}",
            "body": queue_body(message).decode(),
            "attributes": {"ApproximateReceiveCount": str(received)},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:crm-queue",
        }
        for at, message in enumerate(route.world.messages)
    ]
    answer = consumer.handle({"Records": records}, CONTEXT)
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


@pytest.mark.parametrize(
    "query",
    [
        {"phone": PHONE},
        {"phone": PHONE.replace("+", " ")},
        {"phone": PHONE[1:]},
        {"email": "Ann@Example.com"},
    ],
)
def test_a_buyer_is_found_by_phone_or_address(route: Route, query: dict[str, str]) -> None:
    answer = find(route, SHOP, **query)

    assert body_of(answer) == (
        200,
        {"buyerId": "12", "name": "Ann Smith", "bonus": 150.5, "pending": False},
    )
    assert answer["multiValueHeaders"]["Cache-Control"] == ["no-store"]


def test_the_log_shows_neither_name_nor_contact(
    route: Route, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    find(route, SHOP, phone=PHONE)
    find(route, SHOP, email=EMAIL)
    find(route, SHOP, phone="+15550001111")
    find(route, SHOP, phone="12")
    find(route, SHOP, email="nobody")

    told = capsys.readouterr().out + "".join(str(vars(each)) for each in caplog.records)
    assert "A*** S***" in told
    assert not [word for word in ("Smith", "501234567", "5550001111", "ann@", "nobody") if word in told]


@pytest.mark.parametrize(
    "query",
    [{}, {"phone": PHONE, "email": EMAIL}, {"phone": "x"}, {"phone": "+0"}, {"email": "x"}, {"email": ""}],
)
def test_what_is_no_contact_is_refused(route: Route, crm: MemoryCrm, query: dict[str, str]) -> None:
    status, problem = body_of(find(route, SHOP, **query))

    assert (status, problem["code"], crm.requests) == (400, "invalid_input", [])


def test_nobody_by_that_contact_is_not_found(route: Route) -> None:
    status, problem = body_of(find(route, SHOP, phone="+15550001111"))

    assert (status, problem["code"]) == (404, "unknown_buyer")


def test_only_the_shop_finds_buyers_and_sets_their_bonus(route: Route) -> None:
    for headers, status in (({}, 403), (route.token("12"), 403), ({"X-API-Key": "wrong"}, 401)):
        assert find(route, headers, phone=PHONE)["statusCode"] == status
        assert put_bonus(route, {"bonus": 1}, headers)[0] == status
    assert route.world.messages == []


def test_a_customer_sees_its_own_bonus_and_nobody_elses(route: Route) -> None:
    assert get_bonus(route, route.token("12")) == (200, {"buyerId": "12", "bonus": 150.5, "pending": False})
    assert get_bonus(route, route.token("13"))[0] == 403
    assert get_bonus(route, {})[0] == 401


def test_customers_are_limited_and_the_shop_is_not(route: Route) -> None:
    statuses = [get_bonus(route, route.token("12"))[0] for _ in range(4)]

    assert statuses == [200, 200, 200, 429]
    assert get_bonus(route)[0] == 200


@pytest.mark.parametrize("buyer_id", ["0", "x", "-1", "1.5", "1" * 19, "١٢"])
def test_an_id_that_the_crm_cannot_have_is_refused(route: Route, buyer_id: str) -> None:
    assert get_bonus(route, buyer_id=buyer_id)[0] == 400
    assert put_bonus(route, {"bonus": 1}, buyer_id=buyer_id)[0] == 400


def test_a_bonus_is_queued_shown_at_once_and_written(route: Route, crm: MemoryCrm) -> None:
    queued = put_bonus(route, {"bonus": 7.25})

    assert queued == (202, {"buyerId": "12", "bonus": 7.25, "version": 1, "pending": True})
    assert get_bonus(route) == (200, {"buyerId": "12", "bonus": 7.25, "pending": True})
    assert crm.requests == []
    assert consume(route) == []
    assert get_bonus(route) == (200, {"buyerId": "12", "bonus": 7.25, "pending": False})
    assert crm.buyers["12"].bonus == 725


def test_the_same_request_queues_once(route: Route) -> None:
    headers = SHOP | {"Idempotency-Key": "k1"}

    answers = [put_bonus(route, {"bonus": 7}, headers) for _ in range(2)]

    assert answers[0] == answers[1]
    assert len(route.world.messages) == 1
    assert put_bonus(route, {"bonus": 8}, headers)[1]["code"] == "idempotency_key_reused"
    assert put_bonus(route, {"bonus": 7}, headers, buyer_id="13")[0] == 202


@pytest.mark.parametrize(
    "body", [{}, {"bonus": -1}, {"bonus": 1.005}, {"bonus": 1e10}, {"bonus": None}, {"bonus": 1, "more": 1}]
)
def test_what_is_no_bonus_is_refused(route: Route, body: object) -> None:
    assert put_bonus(route, body)[0] == 400
    assert route.world.messages == []


@pytest.mark.parametrize("refusal", [CrmUnavailable("too many", 17), CrmSilent("no answer", 17)])
def test_an_outage_is_told_with_the_time_to_wait(route: Route, crm: MemoryCrm, refusal: Exception) -> None:
    crm.refusals = [refusal]

    answer = find(route, SHOP, phone=PHONE)

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "crm_unavailable")
    assert answer["multiValueHeaders"]["Retry-After"] == ["17"]


def test_an_outage_loses_no_bonus(
    route: Route, crm: MemoryCrm, sqs: Sqs, capsys: pytest.CaptureFixture[str]
) -> None:
    put_bonus(route, {"bonus": 7})
    crm.refusals = [CrmSilent("no answer")]

    assert consume(route, received=3) == ["0"]
    assert [(queue, receipt) for queue, receipt, _ in sqs.hidden] == [("crm-queue", "receipt-0")]
    assert 4 <= sqs.hidden[0][2] <= 8
    assert get_bonus(route)[1] == {"buyerId": "12", "bonus": 7, "pending": True}

    assert consume(route) == []
    assert crm.buyers["12"].bonus == 700
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [line["CrmWrites"] for line in metrics if "CrmWrites" in line] == [[1]]


def test_a_bonus_of_nobody_is_counted_and_told(
    route: Route, sqs: Sqs, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    put_bonus(route, {"bonus": 7}, buyer_id="99")

    assert (consume(route), sqs.hidden) == ([], [])

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [line["CrmWritesRefused"] for line in lines if "CrmWritesRefused" in line] == [[1]]
    [told] = [vars(each) for each in caplog.records if each.message == "Bonus for the CRM"]
    assert (told["levelname"], told["outcome"], told["buyer_id"]) == ("ERROR", "REFUSED", "99")
    assert get_bonus(route, buyer_id="99")[1]["code"] == "unknown_buyer"


@pytest.mark.parametrize("missing", ["CRM_URL", "CRM_BONUS_FIELD"])
def test_without_a_crm_every_route_says_so(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    world = MemoryWorld(FixedClock())
    route = a_route(
        monkeypatch, "CrmProxy", world, **(NAMED | {missing: "", "CRM_REQUESTS_PER_MINUTE": "30"})
    )
    for name in ("crm_desk", "crm_budget", "bonus_writes", "buyer_cache"):
        monkeypatch.setattr(wiring_crm, name, getattr(wiring_crm, name).__wrapped__)

    answers = [body_of(find(route, SHOP, phone=PHONE)), get_bonus(route), put_bonus(route, {"bonus": 1})]

    assert [(status, problem["code"]) for status, problem in answers] == [(503, "crm_not_configured")] * 3
    assert world.messages == []


@pytest.mark.parametrize(("resource", "method"), [(BUYERS, "POST"), (BONUS, "POST"), (BONUS, "DELETE")])
def test_a_method_that_there_is_not_is_refused(route: Route, resource: str, method: str) -> None:
    status, problem = route.call(resource, {}, method=method, headers=SHOP, buyer_id="12")

    assert (status, problem["code"]) == (405, "method_not_allowed")


def test_nobody_but_the_two_functions_reads_the_crms_key() -> None:
    readers = {
        name
        for name, each in application()["Resources"].items()
        if each["Type"] == "AWS::IAM::Role" and "CrmKeySecretArn" in json.dumps(each)
    }

    assert readers == {"CrmProxyRole", "SendCrmUpdatesRole"}


@pytest.mark.parametrize(
    ("function", "keys"), [("CrmProxy", ["CRM#*", "OUTBOX#*"]), ("SendCrmUpdates", ["CRM#*"])]
)
def test_whoever_keeps_bonuses_reads_and_writes_no_shoppers_row(function: str, keys: list[str]) -> None:
    """Shoppers, events and bonuses for the CRM share a table; partition keys tell them apart."""
    [policy] = application()["Resources"][f"{function}Role"]["Properties"]["Policies"]

    [found] = [
        each for each in policy["PolicyDocument"]["Statement"] if "UserActivityTableArn" in json.dumps(each)
    ]

    assert found["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}}
    prefix = CRM_PREFIX, OUTBOX_PREFIX
    assert [key.removesuffix("*") for key in keys] == list(prefix[: len(keys)])


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_wired_as_deployed_the_key_comes_from_its_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dynamodb: Any
) -> None:
    """From the route through the tables and the adapter to the CRM, and back."""
    create_tables(dynamodb)

    class Secrets:
        def get_secret_value(self, SecretId: str) -> dict[str, str]:
            return {"SecretString": {"arn:crm": f" {KEY}\n"}[SecretId]}

    clients = {"dynamodb": dynamodb, "secretsmanager": Secrets()}
    with crm_server(tmp_path) as server:
        buyer_id = add_buyer(server, phone=[PHONE])
        named = NAMED | {"CRM_URL": server.url, "CRM_KEY_SECRET_ARN": "arn:crm"}
        numbers = {"CRM_REQUESTS_PER_MINUTE": "30", "CRM_CACHE_S": "60"}
        route = a_route(monkeypatch, "CrmProxy", MemoryWorld(FixedClock()), **named, **numbers)
        monkeypatch.setattr(wiring, "client", clients.__getitem__)
        monkeypatch.setattr(wiring, "tables", lambda: Tables.with_prefix(""))
        built = ("crm_desk", "crm_for_writing", "crm_budget", "bonus_writes", "buyer_cache")
        for name in built:
            monkeypatch.setattr(wiring_crm, name, cache(getattr(wiring_crm, name).__wrapped__))

        found = body_of(find(route, SHOP, phone=PHONE))
        queued = put_bonus(route, {"bonus": 7.5}, buyer_id=buyer_id)
        route.world.messages = list(DynamoOutbox(dynamodb, "UserActivity").overdue(NOON_MS + 1, 10))
        left = consume(route)

        assert found[1]["bonus"] == 150.5
        assert (queued[0], left) == (202, [])
        bonus = (server.books.buyer(int(buyer_id)) or {})["custom_fields"]
        assert bonus == {FIELD: "7.5"}
        assert get_bonus(route, buyer_id=buyer_id)[1]["pending"] is False
