"""The routes of promo codes, as the gateway calls them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from offerloop.codes.model import Level, Pool
from offerloop.errors import Busy
from simulator.memory.world import MemoryWorld
from tests.codes import a_claim, a_pool, filled
from tests.factories import FixedClock
from tests.routes import SHOP, Route, a_route

LEGACY = {"LEGACY_GET": "true"}


class Claims:
    """The function get-promo-code over a pool in memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, count: int = 2, **pool: object) -> None:
        self.route: Route = a_route(monkeypatch, "ClaimCode", MemoryWorld(FixedClock()), **LEGACY)
        self.codes = self.route.module.wiring.codes()
        self.pool = filled(self.codes, count, a_pool(**pool))


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> Claims:
    return Claims(monkeypatch)


# ── GET /get-code ──────────────────────────────────────────────────────────────────────────────────


def test_the_documented_call_gets_the_documented_answer(claims: Claims) -> None:
    answer = claims.route.answer("/get-code", method="GET", headers=SHOP, query={"amount": "100"})

    assert answer["statusCode"] == 200
    assert answer["body"] == '{"success":true,"promo_code":"BONUS100X000001","amount":100}'
    assert answer["multiValueHeaders"]["Cache-Control"] == ["no-store"]


def test_the_documented_call_under_a_key_gets_its_code_again(claims: Claims) -> None:
    headers = SHOP | {"Idempotency-Key": "k1"}
    answers = [
        claims.route.call("/get-code", method="GET", headers=headers, query={"amount": "100"})
        for _ in range(3)
    ]

    assert answers[0] == answers[1] == answers[2]
    assert claims.codes.level("bonus-100") == Level(free=1, given=1, void=0)
    status, problem = claims.route.call("/get-code", method="GET", headers=headers, query={"amount": "200"})
    assert (status, problem["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"amount": "200"}, 400, "unknown_amount"),
        ({"amount": "1e9"}, 400, "invalid_input"),
        ({"amount": "-100"}, 400, "invalid_input"),
        ({"amount": "٣"}, 400, "invalid_input"),
        ({}, 400, "invalid_input"),
        (None, 400, "invalid_input"),
    ],
)
def test_an_amount_for_which_there_is_no_pool_is_refused(
    claims: Claims, query: dict[str, str] | None, status: int, code: str
) -> None:
    answered, problem = claims.route.call("/get-code", method="GET", headers=SHOP, query=query)

    assert (answered, problem["code"], problem["success"]) == (status, code, False)


def test_an_empty_pool_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = Claims(monkeypatch, count=0)

    status, problem = claims.route.call("/get-code", method="GET", headers=SHOP, query={"amount": "100"})

    assert (status, problem["code"], problem["success"]) == (409, "pool_empty", False)


def test_the_documented_call_is_for_the_shop_and_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = Claims(monkeypatch)
    status, problem = claims.route.call(
        "/get-code", method="GET", headers=claims.route.token("ann"), query={"amount": "100"}
    )
    assert (status, problem["code"]) == (403, "not_allowed")
    off = a_route(monkeypatch, "ClaimCode", claims.route.world)

    status, problem = off.call("/get-code", method="GET", headers=SHOP, query={"amount": "100"})

    assert (status, problem["success"]) == (404, False)
    assert claims.codes.level("bonus-100").given == 0


# ── POST /codes/claim ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("which", [{"pool": "bonus-100"}, {"amount": 100}, {"amount": 100.0}])
def test_the_shop_claims_by_pool_or_by_amount_for_anybody(
    monkeypatch: pytest.MonkeyPatch, which: dict[str, object]
) -> None:
    claims = Claims(monkeypatch, valid_days=1)

    answer = claims.route.call("/codes/claim", which | {"holder": "ann"}, headers=SHOP)

    assert answer == (
        200,
        {
            "success": True,
            "promo_code": "BONUS100X000001",
            "amount": 100,
            "currency": "UAH",
            "pool": "bonus-100",
            "expiresAt": "2027-01-16T08:00:00.000Z",
        },
    )
    assert claims.codes.code("BONUS100X000001").holder_id == "ann"


def test_a_customer_claims_for_itself_alone_whatever_the_body_says(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = Claims(monkeypatch, per_holder=1)

    status, answer = claims.route.call(
        "/codes/claim", {"pool": "bonus-100", "holder": "bob"}, headers=claims.route.token("ann")
    )

    assert (status, answer["expiresAt"]) == (200, None)
    assert claims.codes.code(answer["promo_code"]).holder_id == "ann"
    status, problem = claims.route.call(
        "/codes/claim", {"pool": "bonus-100"}, headers=claims.route.token("ann")
    )
    assert (status, problem["code"]) == (409, "holder_limit_reached")


def test_a_customer_cannot_drain_a_pool_without_a_limit(claims: Claims) -> None:
    status, problem = claims.route.call(
        "/codes/claim", {"pool": "bonus-100"}, headers=claims.route.token("ann")
    )

    assert (status, problem["code"]) == (403, "not_allowed")


def test_a_customer_cannot_tell_by_claiming_which_pools_there_are(claims: Claims) -> None:
    token = claims.route.token("ann")

    answers = [
        claims.route.answer("/codes/claim", body, headers=token)
        for body in ({"pool": "bonus-100"}, {"pool": "none"}, {"amount": 100}, {"amount": 5})
    ]

    assert {(answer["statusCode"], answer["body"]) for answer in answers} == {(403, answers[0]["body"])}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid_input"),
        ({"pool": "bonus-100", "amount": 100}, 400, "invalid_input"),
        ({"amount": 0}, 400, "invalid_input"),
        ({"amount": 1.234}, 400, "invalid_input"),
        ({"pool": "bonus-100", "holder": ""}, 400, "invalid_input"),
        ({"pool": "none"}, 404, "unknown_pool"),
        ({"amount": 5}, 400, "unknown_amount"),
    ],
)
def test_a_claim_that_names_no_pool_is_refused(
    claims: Claims, body: dict[str, object], status: int, code: str
) -> None:
    answered, problem = claims.route.call("/codes/claim", body, headers=SHOP)

    assert (answered, problem["code"], problem["success"]) == (status, code, False)


def test_a_visitor_claims_nothing(claims: Claims) -> None:
    assert claims.route.call("/codes/claim", {"pool": "bonus-100"})[0] == 401


# ── Pools and codes ────────────────────────────────────────────────────────────────────────────────


class Admin:
    """The function promo-code-admin over a pool in memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.route: Route = a_route(monkeypatch, "ManageCodes", MemoryWorld(FixedClock()))
        self.codes = self.route.module.wiring.codes()
        self.pool = filled(self.codes, 3)

    def claimed_by(self, holder_id: str | None) -> str:
        return str(self.codes.claim(a_claim(self.pool, holder_id)).code)


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> Admin:
    return Admin(monkeypatch)


def test_a_pool_is_created_shown_and_changed(admin: Admin) -> None:
    pool = {
        "poolId": "welcome-10",
        "name": "Welcome",
        "amount": 9.99,
        "currency": "EUR",
        "supplier": "GENERATOR",
        "threshold": 5,
        "batch": 50,
        "perHolder": 1,
        "validDays": 30,
        "leadMinutes": 240,
    }

    assert admin.route.call("/pools", pool, headers=SHOP) == (201, {"poolId": "welcome-10"})
    assert admin.route.call("/pools", pool, headers=SHOP)[0] == 409
    shown = admin.route.call("/pools/{pool_id}", None, "GET", SHOP, pool_id="welcome-10")
    level = {"free": 0, "given": 0, "void": 0}
    assert shown == (200, pool | {"status": "ACTIVE", "level": level})
    changed = admin.route.call(
        "/pools/{pool_id}",
        {"validDays": None, "status": "PAUSED", "perHolder": 2},
        "PATCH",
        SHOP,
        pool_id="welcome-10",
    )
    assert changed == (200, pool | {"validDays": None, "status": "PAUSED", "perHolder": 2})
    listed = admin.route.call("/pools", None, "GET", SHOP)[1]["pools"]
    assert [each["poolId"] for each in listed] == ["bonus-100", "welcome-10"]


@pytest.mark.parametrize(
    ("change", "status"),
    [({}, 400), ({"amount": 5}, 400), ({"currency": "EUR"}, 400), ({"batch": 0}, 400), ({"name": "x"}, 200)],
)
def test_what_codes_are_worth_is_never_changed(admin: Admin, change: dict[str, object], status: int) -> None:
    assert admin.route.call("/pools/{pool_id}", change, "PATCH", SHOP, pool_id="bonus-100")[0] == status


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ('["NEW1", "new1", "BONUS100X000000", "?"]', "application/json"),
        ("code,amount\nNEW1,100\nnew1,100\nBONUS100X000000,100\n?,100\n", "text/csv"),
    ],
)
def test_an_upload_says_what_became_of_each_code(admin: Admin, body: str, content_type: str) -> None:
    answer = admin.route.call(
        "/pools/{pool_id}/codes", body, headers=SHOP | {"Content-Type": content_type}, pool_id="bonus-100"
    )

    assert answer == (
        200,
        {
            "added": 1,
            "duplicates": 1,
            "everSeen": 1,
            "invalid": 1,
            "errors": [{"entry": "?", "reason": "4 to 32 of A-Z, 0-9 and -, the first no -"}],
        },
    )
    assert admin.codes.level("bonus-100").free == 4


@pytest.mark.parametrize("body", ["{}", "[1]", "oops"])
def test_an_upload_that_is_no_list_is_refused(admin: Admin, body: str) -> None:
    assert admin.route.call("/pools/{pool_id}/codes", body, headers=SHOP, pool_id="bonus-100")[0] == 400


def test_codes_are_generated_into_a_pool(admin: Admin) -> None:
    status, answer = admin.route.call(
        "/pools/{pool_id}/generate", {"count": 5, "prefix": "GEN"}, headers=SHOP, pool_id="bonus-100"
    )

    assert (status, answer["added"], len(set(answer["codes"]))) == (201, 5, 5)
    assert all(code.startswith("GEN") for code in answer["codes"])
    assert admin.codes.level("bonus-100").free == 8
    guessable = admin.route.call(
        "/pools/{pool_id}/generate", {"count": 5, "length": 4}, headers=SHOP, pool_id="bonus-100"
    )
    assert (guessable[0], guessable[1]["errors"][0]["field"]) == (400, "length")


def generate(admin: Admin, count: int, key: str) -> tuple[int, dict[str, Any]]:
    route, headers = "/pools/{pool_id}/generate", SHOP | {"Idempotency-Key": key}
    return admin.route.call(route, {"count": count}, headers=headers, pool_id="bonus-100")


def test_codes_generated_under_a_key_are_generated_once(admin: Admin) -> None:
    first = generate(admin, 5, "g1")
    admin.claimed_by("ann")

    again, other = generate(admin, 5, "g1"), generate(admin, 5, "g2")

    assert again == first
    assert not set(other[1]["codes"]) & set(first[1]["codes"])
    assert admin.codes.level("bonus-100").received == 13
    assert generate(admin, 6, "g1")[0] == 422


def test_generating_that_was_cut_off_goes_on_where_it_was(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = admin.codes.add

    def dies_half_way(pool: Pool, codes: Sequence[str], again: bool) -> frozenset[str]:
        add(pool, codes[:2], again=again)
        raise Busy("the table does not answer")

    with monkeypatch.context() as dying:
        dying.setattr(admin.codes, "add", dies_half_way)
        assert generate(admin, 5, "g1")[0] == 503

    status, answer = generate(admin, 5, "g1")

    assert (status, answer["added"], len(answer["codes"])) == (201, 5, 5)
    assert admin.codes.level("bonus-100").received == 8


def test_without_a_key_each_request_generates_more(admin: Admin) -> None:
    for _ in range(2):
        admin.route.call("/pools/{pool_id}/generate", {"count": 5}, headers=SHOP, pool_id="bonus-100")

    assert admin.codes.level("bonus-100").received == 13


def test_a_customer_sees_its_own_codes_and_no_other(admin: Admin) -> None:
    mine, other, bearer = admin.claimed_by("ann"), admin.claimed_by("bob"), admin.claimed_by(None)
    token = admin.route.token("ann")

    status, shown = admin.route.call("/codes/{code}", None, "GET", token, code=mine.lower())
    assert (status, shown["code"], shown["status"], shown["holder"]) == (200, mine, "CLAIMED", "ann")
    refused = [
        admin.route.call("/codes/{code}", None, "GET", token, code=code)
        for code in (other, bearer, "NEVERMADE", "x")
    ]
    assert [status for status, _ in refused] == [404] * 4
    assert len({str(problem) for _, problem in refused}) == 1
    assert admin.route.call("/codes/{code}", None, "GET", SHOP, code=bearer)[1]["holder"] is None


def test_a_customers_codes_are_listed_for_it_and_for_the_shop(admin: Admin) -> None:
    mine = admin.claimed_by("ann")
    path = "/customers/{customer_id}/codes"

    for headers in (SHOP, admin.route.token("ann")):
        status, page = admin.route.call(path, None, "GET", headers, customer_id="ann")
        assert (status, [code["code"] for code in page["codes"]], page["cursor"]) == (200, [mine], None)
    assert admin.route.call(path, None, "GET", admin.route.token("bob"), customer_id="ann")[0] == 403


def test_a_free_code_is_withdrawn_and_one_that_was_given_out_is_not(admin: Admin) -> None:
    given = admin.claimed_by("ann")

    status, shown = admin.route.call("/codes/{code}", None, "DELETE", SHOP, code="BONUS100X000000")

    assert (status, shown["status"]) == (200, "VOID")
    assert admin.route.call("/codes/{code}", None, "DELETE", SHOP, code=given)[0] == 409
    assert admin.route.call("/codes/{code}", None, "DELETE", SHOP, code="NEVERMADE")[0] == 404
    assert admin.route.call("/codes/{code}", None, "DELETE", SHOP, code="x")[0] == 404


@pytest.mark.parametrize(
    ("resource", "method"),
    [
        ("/pools", "GET"),
        ("/pools", "POST"),
        ("/pools/{pool_id}", "GET"),
        ("/pools/{pool_id}", "PATCH"),
        ("/pools/{pool_id}/codes", "POST"),
        ("/pools/{pool_id}/generate", "POST"),
        ("/codes/{code}", "DELETE"),
    ],
)
def test_pools_are_the_shops_alone(admin: Admin, resource: str, method: str) -> None:
    parts = {"pool_id": "bonus-100", "code": "BONUS100X000000"}

    assert admin.route.call(resource, {}, method, admin.route.token("ann"), **parts)[0] == 403
    assert admin.route.call(resource, {}, method, **parts)[0] == 403
