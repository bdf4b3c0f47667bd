"""Routes of the deployed functions, called as the gateway calls them, over a world in memory."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from handlers import wiring, wiring_rewards
from handlers.settings import Settings
from offerloop.bonuses.rules import AccrualRules
from offerloop.clock import now_s
from offerloop.identity import issue_token
from simulator.memory.activity import MemoryRateCounter
from simulator.memory.bonuses import MemoryBonusLedger
from simulator.memory.codes import MemoryCodeStore
from simulator.memory.orders import MemoryNoticeLog, MemoryOrderStore, MemoryRatingStore
from simulator.memory.world import MemoryWorld
from tests.expanded_template import application

KEY, SECRET = "the-shops-key", b"secret"
SHOP = {"X-API-Key": KEY}
CONTEXT = SimpleNamespace(
    function_name="function",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:function",
    aws_request_id="request-1",
)


@dataclass(frozen=True)
class Route:
    """One function's routes, see `a_route`."""

    module: ModuleType
    world: MemoryWorld

    def token(self, customer_id: str) -> dict[str, str]:
        """The header of a customer who has signed in."""
        ends_at = now_s(self.world.clock) + 60
        return {"X-Customer-Token": issue_token(customer_id, "storefront", ends_at, SECRET)}

    def call(
        self,
        resource: str,
        body: object = None,
        method: str = "POST",
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        **parts: str,
    ) -> tuple[int, dict[str, Any]]:
        """The status and the body of the answer.

        Args:
            resource: the path as the template has it; *parts* fill it in.
            body: sent as JSON, and a text as it is.
        """
        answer = self.answer(resource, body, method, headers, query, **parts)
        return answer["statusCode"], json.loads(answer["body"])

    def answer(
        self,
        resource: str,
        body: object = None,
        method: str = "POST",
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        **parts: str,
    ) -> dict[str, Any]:
        """The whole answer, see `call`."""
        event = {
            "resource": resource,
            "path": resource.format(**parts),
            "httpMethod": method,
            "headers": {"Content-Type": "application/json", **(headers or {})},
            "queryStringParameters": query,
            "requestContext": {"identity": {"sourceIp": "192.0.2.1"}, "stage": "prod"},
            "body": body if body is None or isinstance(body, str) else json.dumps(body),
            "isBase64Encoded": False,
        }
        answer: dict[str, Any] = self.module.handle(event, CONTEXT)
        return answer


def a_route(monkeypatch: pytest.MonkeyPatch, function: str, world: MemoryWorld, **variables: str) -> Route:
    """Give a function's routes over this world.

    Args:
        function: its logical id in the template.
        variables: of its environment, where they are not to be empty or zero.
    """
    properties = application()["Resources"][function]["Properties"]
    numbers = (
        "PIVOT_BOOST",
        "SMS_PER_PHONE_AND_DAY",
        "REQUESTS_PER_ADDRESS",
        "REQUESTS_PER_USER",
        "VIEW_CODES",
    )
    numbers += ("CRM_REQUESTS_PER_MINUTE", "CRM_CACHE_S")
    empty = dict.fromkeys(properties["Environment"]["Variables"], "")
    found = Settings.from_environment(
        {**empty, **dict.fromkeys(numbers, "0"), "VIEW_CODES": "500", **variables}
    )
    wired = {
        "settings": found,
        "clock": world.clock,
        "orders": MemoryOrderStore(world),
        "ratings": MemoryRatingStore(world),
        "codes": MemoryCodeStore(world),
        "notice_log": MemoryNoticeLog(world),
        "rate_counter": MemoryRateCounter(world),
        "api_key": KEY.encode(),
        "token_secret": SECRET,
        "language_model": None,
    }
    of_points = {"bonus_ledger": MemoryBonusLedger(world), "accrual_rules": AccrualRules()}
    for root, adapters in ((wiring, wired), (wiring_rewards, of_points)):
        for name, value in adapters.items():
            monkeypatch.setattr(root, name, lambda value=value: value)
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Offerloop")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "offerloop")
    return Route(importlib.import_module(properties["Handler"].rpartition(".")[0]), world)
