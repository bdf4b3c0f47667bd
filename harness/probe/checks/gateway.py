"""API Gateway: who is let through, and how often."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx

from harness.probe.finding import Finding, Group, judged, kept, missing
from harness.probe.function import Function
from harness.probe.place import Place
from harness.system import rest_api_url

GATEWAY = Group("API Gateway")
STAGE = "prod"
CALLS = 12
OWN_LIMITS = (
    "the functions count the calls of visitors and customers (RequestsPerAddress, RequestsPerUser); "
    "those with the shop's key go unlimited there"
)


class Api:
    """A REST API with one route, GET /, that answers 200 by itself."""

    def __init__(self, place: Place, *, needs_key: bool) -> None:
        self._place, self._gateway = place, place.client("apigateway")
        self.identifier = self._gateway.create_rest_api(name=place.name("api"))["id"]
        place.remove(self._gateway.delete_rest_api, restApiId=self.identifier)
        root = self._gateway.get_resources(restApiId=self.identifier)["items"][0]["id"]
        self._route = {"restApiId": self.identifier, "resourceId": root, "httpMethod": "GET"}
        self._gateway.put_method(**self._route, authorizationType="NONE", apiKeyRequired=needs_key)
        self._gateway.put_integration(
            **self._route, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'}
        )
        self._gateway.put_method_response(**self._route, statusCode="200")
        self._gateway.put_integration_response(
            **self._route, statusCode="200", responseTemplates={"application/json": '{"ok": true}'}
        )

    def deploy(self) -> None:
        """Make it answer."""
        self._gateway.create_deployment(restApiId=self.identifier, stageName=STAGE)

    def call_function(self, function: Function) -> None:
        """Add a second route, GET /{id}, that a function answers."""
        where, region = {"restApiId": self.identifier}, self._place.system.region
        root = self._route["resourceId"]
        resource = self._gateway.create_resource(**where, parentId=root, pathPart="{id}")["id"]
        route = {**where, "resourceId": resource, "httpMethod": "GET"}
        self._gateway.put_method(**route, authorizationType="NONE")
        self._gateway.put_integration(
            **route,
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function.arn}/invocations",
        )

    def limit_stage(self, rate: int, burst: int) -> None:
        """Set the stage's limit for every route."""
        limits = {"rateLimit": rate, "burstLimit": burst}
        operations = [
            {"op": "replace", "path": f"/*/*/throttling/{name}", "value": str(value)}
            for name, value in limits.items()
        ]
        self._gateway.update_stage(restApiId=self.identifier, stageName=STAGE, patchOperations=operations)

    def make_key(self, **plan: Any) -> str:
        """Make a key and a usage plan for it; give the key's value."""
        value = self._place.name("key-for-this-api")
        key = self._gateway.create_api_key(name=self._place.name("key"), enabled=True, value=value)["id"]
        self._place.remove(self._gateway.delete_api_key, apiKey=key)
        stages = [{"apiId": self.identifier, "stage": STAGE}]
        plan_id = self._gateway.create_usage_plan(name=self._place.name("plan"), apiStages=stages, **plan)[
            "id"
        ]
        self._place.remove(self._gateway.delete_usage_plan, usagePlanId=plan_id)
        self._gateway.create_usage_plan_key(usagePlanId=plan_id, keyId=key, keyType="API_KEY")
        self._place.remove(self._gateway.delete_usage_plan_key, usagePlanId=plan_id, keyId=key)
        return value

    def call(self, path: str = "/", **headers: str) -> httpx.Response:
        """Call a route; *path* as it is to stand on the wire."""
        region, endpoint = self._place.system.region, self._place.system.endpoint_url
        address = rest_api_url(
            f"https://{self.identifier}.execute-api.{region}.amazonaws.com/{STAGE}", endpoint
        )
        return httpx.get(f"{address}{path}", headers=headers, timeout=10)

    def statuses(self, **headers: str) -> list[int]:
        """Call its route a dozen times, one after another."""
        return [self.call(**headers).status_code for _ in range(CALLS)]


@GATEWAY.check()
def a_call_without_a_key_is_refused(place: Place) -> Finding:
    """Without a key, with a wrong one, and with the right one as X-API-Key and x-api-key."""
    api = Api(place, needs_key=True)
    api.deploy()
    value = api.make_key()
    place.wait_for("the key", lambda: api.call(**{"X-API-Key": value}).status_code == 200)
    statuses = [
        api.call(**headers).status_code
        for headers in ({}, {"X-API-Key": "wrong"}, {"X-API-Key": value}, {"x-api-key": value})
    ]
    return judged(
        statuses == [403, 403, 200, 200],
        "none {}, wrong {}, X-API-Key {}, x-api-key {}".format(*statuses),
    )


@GATEWAY.check(instead=OWN_LIMITS)
def a_usage_plan_throttles(place: Place) -> Finding:
    """One call a second, one at once: of a dozen calls some get 429."""
    api = Api(place, needs_key=True)
    api.deploy()
    value = api.make_key(throttle={"rateLimit": 1, "burstLimit": 1})
    return throttled(api.statuses(**{"X-API-Key": value}))


@GATEWAY.check(instead=OWN_LIMITS)
def a_stage_throttles(place: Place) -> Finding:
    """The same limit on the stage."""
    api = Api(place, needs_key=False)
    api.deploy()
    api.limit_stage(rate=1, burst=1)
    return throttled(api.statuses())


def throttled(statuses: list[int]) -> Finding:
    """Judge what a dozen calls gave."""
    if set(statuses) == {200, 429}:
        return kept("of a dozen calls in a row some 200, the others 429")
    return missing(f"a dozen calls in a row: all {', '.join(map(str, sorted(set(statuses))))}")


@GATEWAY.check(
    instead="clients go by the status; the answers of the functions are problem documents on every target"
)
def the_gateways_own_refusals_take_the_form_asked_for(place: Place) -> Finding:
    """A gateway response for a missing key, with its own status, type and body."""
    api = Api(place, needs_key=True)
    place.client("apigateway").put_gateway_response(
        restApiId=api.identifier,
        responseType="INVALID_API_KEY",
        statusCode="401",
        responseParameters={"gatewayresponse.header.Content-Type": "'application/problem+json'"},
        responseTemplates={"application/json": '{"code":"of_the_probe"}'},
    )
    api.deploy()
    answer = api.call()
    right = (answer.status_code, "of_the_probe" in answer.text) == (401, True)
    kind = answer.headers.get("Content-Type", "no type")
    return judged(
        right and "problem+json" in kind, f"{answer.status_code}, {kind}, {'own' if right else 'other'} body"
    )


@GATEWAY.check(instead="identifiers of offers and users need no encoding")
def path_parameters_come_decoded(place: Place) -> Finding:
    """A blank in a path, at a function."""
    api = Api(place, needs_key=False)
    api.call_function(Function(place))
    api.deploy()
    answer = api.call(f"/{quote('t 1')}")
    if answer.status_code != 200:
        return missing(f"a call with a blank in its path: {answer.status_code}")
    return judged(answer.json() == {"id": "t 1"}, f"sent as t%201, came as {answer.json().get('id')}")
