"""POST /chatbot as the gateway calls it, over orders in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers import wiring
from simulator.memory.world import MemoryWorld
from tests.factories import FixedClock
from tests.orders import a_stored_order
from tests.routes import SHOP, Route, a_route

ANNS = "abc12345-1111-4000-8000-000000000001"
BOBS = "b0b12345-3333-4000-8000-000000000003"

Answer = tuple[int, dict[str, Any]]


@pytest.fixture
def route(monkeypatch: pytest.MonkeyPatch) -> Route:
    world = MemoryWorld(FixedClock())
    for order in (a_stored_order(ANNS), a_stored_order(BOBS, customer_id="bob")):
        world.orders[order.order_id] = order
        world.orders_of[order.customer_id] = [order.order_id]
    return a_route(monkeypatch, "AnswerQuestions", world, REQUESTS_PER_USER="3")


def ask(route: Route, headers: dict[str, str], **body: Any) -> Answer:
    return route.call("/chatbot", body, headers=headers)


def test_the_shops_key_asks_for_the_customer_that_it_names(route: Route) -> None:
    status, answer = ask(route, SHOP, query="What's my order status?", customerId="ann")

    assert (status, answer["source"], answer["orders"]) == (200, "template", [ANNS])
    assert ANNS in answer["answer"]


def test_without_a_customer_the_shops_key_is_told_which_field_is_missing(route: Route) -> None:
    status, answer = ask(route, SHOP, query="What's my order status?")

    assert (status, answer["code"], answer["errors"][0]["field"]) == (400, "invalid_input", "customerId")


def test_a_token_beats_the_body(route: Route) -> None:
    for customer in ({}, {"customerId": "bob"}):
        status, answer = ask(route, route.token("ann"), query="recent orders", **customer)

        assert (status, answer["orders"]) == (200, [ANNS])


def test_another_ones_order_and_none_get_the_same_answer(route: Route) -> None:
    missing = BOBS.replace("b0b", "b1b")

    answers = [ask(route, route.token("ann"), query=f"status of {order}") for order in (BOBS, missing)]

    assert answers[0] == answers[1]
    assert answers[0][1]["orders"] == []


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong"}, {"X-Customer-Token": "wrong"}])
def test_nobody_unknown_gets_an_answer(route: Route, headers: dict[str, str]) -> None:
    assert ask(route, headers, query="recent orders", customerId="ann")[0] == 401


@pytest.mark.parametrize(
    "body", [{"query": ""}, {"query": "x" * 1_001}, {"query": 1}, {}, {"query": "x", "more": 1}]
)
def test_a_question_that_is_none_is_refused(route: Route, body: dict[str, Any]) -> None:
    status, answer = ask(route, route.token("ann"), **body)

    assert (status, answer["code"]) == (400, "invalid_input")


def test_customers_are_limited_and_the_shop_is_not(route: Route) -> None:
    body = {"query": "recent orders", "customerId": "ann"}

    assert [ask(route, route.token("ann"), **body)[0] for _ in range(4)] == [200, 200, 200, 429]
    assert {ask(route, SHOP, **body)[0] for _ in range(9)} == {200}


def test_a_model_answers_where_one_is_named(route: Route, monkeypatch: pytest.MonkeyPatch) -> None:
    class Model:
        def complete(self, instructions: str, message: str) -> str:
            assert BOBS not in message
            return f"Order {ANNS} is on its way."

    monkeypatch.setattr(wiring, "language_model", Model)

    status, answer = ask(route, route.token("ann"), query="Where is it?")

    assert (status, answer) == (
        200,
        {"answer": f"Order {ANNS} is on its way.", "source": "bedrock", "orders": [ANNS]},
    )


def test_the_log_has_the_decision_and_not_the_question(
    route: Route, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(route.module.logger, "info", lambda message, **fields: told.append(fields))

    ask(route, route.token("ann"), query="Where is my package, says Secretly?")

    assert told == [
        {
            "customer_id": "ann",
            "intent": "TRACKING",
            "source": "template",
            "fallback": None,
            "orders": [ANNS],
        }
    ]
    [metric] = [json.loads(each) for each in capsys.readouterr().out.splitlines() if "ChatAnswers" in each]
    assert (metric["service"], metric["source"], metric["ChatAnswers"]) == ("offerloop", "template", [1])
