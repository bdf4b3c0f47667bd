"""The stand-in KeyCRM behaves as the API's description says: the key, the limit, pages, filters, refusals."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from standins.keycrm.server import KeyCrmServer
from tests.crm_service import FIELD, KEY, add_buyer, crm_server

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
AUTHORISED = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def server(tmp_path: Path, log: list[str]) -> Iterator[KeyCrmServer]:
    with crm_server(tmp_path, log) as found:
        yield found


@pytest.fixture
def crm(server: KeyCrmServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers=AUTHORISED) as client:
        yield client


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", KEY, f"Basic {KEY}"])
def test_nobody_is_let_in_without_the_key(server: KeyCrmServer, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    for method, path in (("GET", "/buyer"), ("POST", "/buyer"), ("GET", "/buyer/1"), ("PUT", "/buyer/1")):
        answer = httpx.request(method, server.url + path, headers=headers)
        assert (answer.status_code, answer.json()) == (401, {"message": "Unauthenticated."})


def test_sixty_requests_a_minute_are_taken(server: KeyCrmServer, crm: httpx.Client) -> None:
    statuses = [crm.get("/buyer").status_code for _ in range(62)]

    assert statuses == [200] * 60 + [429] * 2
    answer = crm.get("/buyer")
    assert answer.json() == {"message": "Too Many Attempts."}
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    assert httpx.get(f"{server.url}/buyer").status_code == 401


def test_a_list_has_pages_of_fifteen_and_at_most_fifty(server: KeyCrmServer, crm: httpx.Client) -> None:
    for number in range(52):
        add_buyer(server, f"Buyer {number}")

    first = crm.get("/buyer").json()
    long = crm.get("/buyer", params={"limit": 1000}).json()
    last = crm.get("/buyer", params={"limit": 25, "page": 3}).json()

    assert (len(first["data"]), first["per_page"], first["current_page"], first["last_page"]) == (
        15,
        15,
        1,
        4,
    )
    assert (len(long["data"]), long["per_page"], long["total"]) == (50, 50, 52)
    assert [buyer["full_name"] for buyer in last["data"]] == ["Buyer 50", "Buyer 51"]
    assert (last["next_page_url"], last["last_page"]) == (None, 3)
    assert crm.get(first["next_page_url"]).json()["data"][0]["full_name"] == "Buyer 15"
    assert crm.get(last["prev_page_url"]).json()["current_page"] == 2
    assert crm.get("/buyer", params={"page": 99}).json()["data"] == []


def test_filters_choose_buyers_literally(server: KeyCrmServer, crm: httpx.Client) -> None:
    ann = add_buyer(server, "Ann", phone=["+1", "+2"], email=["Ann@example.com"])
    bob = add_buyer(server, "Bob", phone=["2"], email=["bob@example.com"])

    def found(**filters: str) -> list[str]:
        query = {f"filter[{name}]": value for name, value in filters.items()}
        return [str(buyer["id"]) for buyer in crm.get("/buyer", params=query).json()["data"]]

    assert found(buyer_phone="+2") == [ann]
    assert found(buyer_phone="2") == [bob]
    assert found(buyer_phone="+1,2") == [ann, bob]
    assert found(buyer_email="ann@EXAMPLE.com") == [ann]
    assert found(buyer_id=bob) == [bob]
    assert found(buyer_id=bob, buyer_phone="+2") == []


def test_a_filter_or_an_association_that_there_is_not_is_refused(crm: httpx.Client) -> None:
    answer = crm.get("/buyer", params={"filter[phone]": "1"})

    assert answer.status_code == 400
    assert "`phone` are not allowed" in answer.json()["message"]
    assert crm.get("/buyer", params={"include": "orders"}).status_code == 400


@pytest.mark.parametrize("query", ["page=0", "page=x", "limit=0", "limit=-1", "page=99999999"])
def test_a_page_that_is_none_is_refused(crm: httpx.Client, query: str) -> None:
    assert crm.get(f"/buyer?{query}").status_code == 422


def test_custom_fields_come_where_they_are_asked_for(server: KeyCrmServer, crm: httpx.Client) -> None:
    buyer_id = add_buyer(server, bonus="7")
    bare = add_buyer(server, bonus=None)

    assert "custom_fields" not in crm.get(f"/buyer/{buyer_id}").json()
    [field] = crm.get(f"/buyer/{buyer_id}?include=manager,custom_fields").json()["custom_fields"]
    assert (field["uuid"], field["value"]) == (FIELD, "7")
    assert crm.get(f"/buyer/{bare}?include=custom_fields").json()["custom_fields"] == []


def test_a_buyer_is_entered_and_changed_where_it_says_so(crm: httpx.Client) -> None:
    entered = crm.post("/buyer", json={"full_name": "Ann", "phone": ["+1"], "note": "tea"})
    assert entered.status_code == 201
    path = f"/buyer/{entered.json()['id']}"

    field = {"uuid": FIELD, "value": "7"}
    changed = crm.put(path, json={"full_name": "Ann Smith", "custom_fields": [field]})

    assert changed.status_code == 200
    now = crm.get(f"{path}?include=custom_fields").json()
    assert (now["full_name"], now["phone"], now["note"]) == ("Ann Smith", ["+1"], "tea")
    assert now["custom_fields"][0]["value"] == "7"


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({}, "full_name"),
        ({"full_name": ""}, "full_name"),
        ({"full_name": 1}, "full_name"),
        ({"full_name": "Ann", "phone": "+1"}, "phone"),
        ({"full_name": "Ann", "email": [1]}, "email"),
        ({"full_name": "Ann", "custom_fields": {"a": 1}}, "custom_fields"),
        ({"full_name": "Ann", "custom_fields": [{"value": 1}]}, "custom_fields"),
    ],
)
def test_what_is_no_buyer_is_refused_by_its_fields(
    server: KeyCrmServer, crm: httpx.Client, content: object, field: str
) -> None:
    buyer_id = add_buyer(server)
    for answer in (crm.post("/buyer", json=content), crm.put(f"/buyer/{buyer_id}", json=content)):
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"[" * 60_000])
def test_what_is_no_object_is_refused(crm: httpx.Client, content: bytes) -> None:
    assert crm.post("/buyer", content=content).status_code == 400


def test_what_is_not_there_is_not_found(server: KeyCrmServer, crm: httpx.Client) -> None:
    assert crm.get("/buyer/9").status_code == 404
    assert crm.put("/buyer/9", json={"full_name": "Ann"}).status_code == 404
    assert crm.get("/order").status_code == 404
    assert crm.post("/buyer/1", json={"full_name": "Ann"}).status_code == 405
    assert httpx.get(f"{server.root}/elsewhere").status_code == 404


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"mode": "x"}', '{"next": -1}', '{"next": true}', '{"late_s": 999}', '{"a": 1}']
)
def test_a_behaviour_that_is_none_is_refused(server: KeyCrmServer, content: str) -> None:
    assert httpx.put(f"{server.root}/behaviour", content=content).status_code in (400, 422)


def test_it_behaves_as_told_for_as_many_requests_as_told(server: KeyCrmServer, crm: httpx.Client) -> None:
    told = {"mode": "outage", "next": 2, "requests_per_minute": 0, "late_s": 1.0}
    assert httpx.put(f"{server.root}/behaviour", json=told).json() == told

    assert [crm.get("/buyer").status_code for _ in range(4)] == [503, 503, 200, 200]
    now = httpx.get(f"{server.root}/behaviour").json()
    assert now == told | {"mode": "ok", "next": 0}


def test_a_failure_comes_after_the_deed_and_a_429_before_it(server: KeyCrmServer, crm: httpx.Client) -> None:
    httpx.put(f"{server.root}/behaviour", json={"mode": "fail", "next": 1})
    assert crm.post("/buyer", json={"full_name": "Ann"}).status_code == 500
    httpx.put(f"{server.root}/behaviour", json={"mode": "throttle", "next": 1})
    assert crm.post("/buyer", json={"full_name": "Bob"}).status_code == 429

    assert [buyer["full_name"] for buyer in crm.get("/buyer").json()["data"]] == ["Ann"]


def test_the_log_has_a_line_for_each_request_and_nobody_in_it(
    server: KeyCrmServer, crm: httpx.Client, log: list[str]
) -> None:
    crm.get("/buyer", params={"filter[buyer_phone]": "+380501234567"})
    crm.post("/buyer", json={"full_name": "Ann"})
    httpx.get(f"{server.url}/buyer", headers={"Authorization": "Bearer guess"})

    until = time.monotonic() + 5
    while len(log) < 3 and time.monotonic() < until:  # a line follows its answer
        time.sleep(0.01)
    lines = [json.loads(line) for line in log]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("GET", "/v1/buyer", 200),
        ("POST", "/v1/buyer", 201),
        ("GET", "/v1/buyer", 401),
    ]
    assert not [word for word in ("38050", "Ann", KEY, "guess") if word in "".join(log)]


def test_the_books_outlive_the_server(tmp_path: Path) -> None:
    with crm_server(tmp_path / "books") as first:
        buyer_id = add_buyer(first)
    with crm_server(tmp_path / "books") as second:
        buyer = second.books.buyer(int(buyer_id))

    assert buyer is not None
    assert buyer["full_name"] == "Ann Smith"
