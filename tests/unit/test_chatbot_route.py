"""POST /chatbot as the gateway calls it, over orders in memory."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from handlers import wiring
from handlers.settings import Settings
from offerloop.clock import now_s
from offerloop.identity import issue_token
from simulator.memory.activity import MemoryRateCounter
from simulator.memory.orders import MemoryOrderStore
from simulator.memory.world import MemoryWorld
from tests.expanded_template import application
from tests.factories import FixedClock
from tests.orders import a_stored_order

ANNS = "abc12345-1111-4000-8000-000000000001"
BOBS = "b0b12345-3333-4000-8000-000000000003"
KEY, SECRET = "the-shops-key", b"secret"
CLOCK = FixedClock()
TOKEN = issue_token("ann", "storefront", now_s(CLOCK) + 60, SECRET)
CONTEXT = SimpleNamespace(
    function_name="order-chatbot",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:order-chatbot",
    aws_request_id="request-1",
)

Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Send a body with headers; gives the status and the answer's body."""
    variables = application()["Resources"]["AnswerQuestions"]["Properties"]["Environment"]["Variables"]
    limits = {"REQUESTS_PER_ADDRESS": "5", "REQUESTS_PER_USER": "3"}
    numbers = {"PIVOT_BOOST": "0", "SMS_PER_PHONE_AND_DAY": "1"}
    found = Settings.from_environment({**dict.fromkeys(variables, ""), **numbers, **limits})
    world = MemoryWorld(CLOCK)
    for order in (a_stored_order(ANNS), a_stored_order(BOBS, customer_id="bob")):
        world.orders[order.order_id] = order
        world.orders_of[order.customer_id] = [order.order_id]
    wired = {
        "settings": found,
        "clock": CLOCK,
        "orders": MemoryOrderStore(world),
        "rate_counter": MemoryRateCounter(world),
        "api_key": KEY.encode(),
        "token_secret": SECRET,
        "language_model": None,
    }
    for name, value in wired.items():
        monkeypatch.setattr(wiring, name, lambda value=value: value)
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Offerloop")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "offerloop")
    route = importlib.import_module("handlers.answer_questions")

    def send(body: dict[str, Any], **headers: str) -> tuple[int, dict[str, Any]]:
        event = {
            "resource": "/chatbot",
            "path": "/chatbot",
            "httpMethod": "POST",
            "headers": {"Content-Type": "application/json", **headers},
            "queryStringParameters": None,
            "requestContext": {"identity": {"sourceIp": "192.0.2.1"}, "stage": "prod"},
            "body": json.dumps(body),
            "isBase64Encoded": False,
        }
        answer = route.handle(event, CONTEXT)
        return answer["statusCode"], json.loads(answer["body"])

    return send


def test_the_shops_key_asks_for_the_customer_that_it_names(ask: Ask) -> None:
    status, answer = ask({"query": "What's my order status?", "customerId": "ann"}, **{"X-API-Key": KEY})

    assert (status, answer["source"], answer["orders"]) == (200, "template", [ANNS])
    assert ANNS in answer["answer"]


def test_without_a_customer_the_shops_key_is_told_which_field_is_missing(ask: Ask) -> None:
    status, answer = ask({"query": "What's my order status?"}, **{"X-API-Key": KEY})

    assert (status, answer["code"], answer["errors"][0]["field"]) == (400, "invalid_input", "customerId")


def test_a_token_beats_the_body(ask: Ask) -> None:
    for customer in ({}, {"customerId": "bob"}):
        status, answer = ask({"query": "recent orders", **customer}, **{"X-Customer-Token": TOKEN})

        assert (status, answer["orders"]) == (200, [ANNS])


def test_another_ones_order_and_none_get_the_same_answer(ask: Ask) -> None:
    missing = BOBS.replace("b0b", "b1b")

    answers = [
        ask({"query": f"status of {order}"}, **{"X-Customer-Token": TOKEN}) for order in (BOBS, missing)
    ]

    assert answers[0] == answers[1]
    assert answers[0][1]["orders"] == []


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong"}, {"X-Customer-Token": "wrong"}])
def test_nobody_unknown_gets_an_answer(ask: Ask, headers: dict[str, str]) -> None:
    assert ask({"query": "recent orders", "customerId": "ann"}, **headers)[0] == 401


@pytest.mark.parametrize(
    "body", [{"query": ""}, {"query": "x" * 1_001}, {"query": 1}, {}, {"query": "x", "more": 1}]
)
def test_a_question_that_is_none_is_refused(ask: Ask, body: dict[str, Any]) -> None:
    status, answer = ask(body, **{"X-Customer-Token": TOKEN})

    assert (status, answer["code"]) == (400, "invalid_input")


def test_customers_are_limited_and_the_shop_is_not(ask: Ask) -> None:
    body = {"query": "recent orders", "customerId": "ann"}

    assert [ask(body, **{"X-Customer-Token": TOKEN})[0] for _ in range(4)] == [200, 200, 200, 429]
    assert {ask(body, **{"X-API-Key": KEY})[0] for _ in range(9)} == {200}


def test_the_log_has_the_decision_and_not_the_question(
    ask: Ask, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, Any]] = []
    route = importlib.import_module("handlers.answer_questions")
    monkeypatch.setattr(route.logger, "info", lambda message, **fields: told.append({message: fields}))

    ask({"query": "Where is my package, says Secretly?"}, **{"X-Customer-Token": TOKEN})

    [[line]] = [list(each.values()) for each in told]
    assert line["intent"] == "TRACKING"
    assert line["source"] == "template"
    assert "Secretly" not in str(told)
    [metric] = [json.loads(each) for each in capsys.readouterr().out.splitlines() if "ChatAnswers" in each]
    assert (metric["service"], metric["source"], metric["ChatAnswers"]) == ("offerloop", "template", [1])
