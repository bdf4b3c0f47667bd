"""The stand-in payment service: what it refuses, its ledger, its behaviour, its log."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from offerloop.standins.carrier import StandInCarrier
from offerloop.standins.payments import Behaviour, Mode
from tests.orders import a_product, an_order_command, an_order_desk
from tests.payment_service import payment_server

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

MIXED = {
    "approve": 0.5,
    "decline": 0.2,
    "time_out": 0.1,
    "answer_late": 0.1,
    "answer_twice": 0.05,
    "fail": 0.05,
}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[httpx.Client]:
    with payment_server(tmp_path) as server, httpx.Client(base_url=server.url) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/payments/o1", ""),
        ("/payments/o1", "[1]"),
        ("/payments/o1", "[" * 10_000),
        ("/payments/o1", '{"amount": 1}'),
        ("/payments/o1", '{"amount": 0, "currency": "EUR"}'),
        ("/payments/o1", '{"amount": true, "currency": "EUR"}'),
        ("/payments/o1", '{"amount": 1.0, "currency": "EUR"}'),
        ("/payments/o1", '{"amount": 1000000000001, "currency": "EUR"}'),
        ("/payments/o1", '{"amount": 1, "currency": "eur"}'),
        ("/payments/o1", '{"amount": 1, "currency": "EUR", "card": "4111"}'),
        ("/payments/%20", '{"amount": 1, "currency": "EUR"}'),
        ("/payments/%ff", '{"amount": 1, "currency": "EUR"}'),
        ("/payments/" + "x" * 201, '{"amount": 1, "currency": "EUR"}'),
        ("/payments/o1/refunds/r1", '{"amount": -1}'),
        ("/behaviour", "{}"),
        ("/behaviour", '{"shares": {}}'),
        ("/behaviour", '{"shares": {"approve": 0.5}}'),
        ("/behaviour", '{"shares": {"approve": 2, "decline": -1}}'),
        ("/behaviour", '{"shares": {"approve": NaN}}'),
        ("/behaviour", '{"shares": {"vanish": 1}}'),
        ("/behaviour", '{"shares": {"approve": 1}, "seed": "x"}'),
        ("/behaviour", '{"shares": {"approve": 1}, "late_s": 1' + "0" * 400 + "}"),
    ],
)
def test_what_cannot_be_read_is_a_bad_request(service: httpx.Client, path: str, content: str) -> None:
    answer = service.put(path, content=content)

    assert (answer.status_code, answer.headers["content-type"], answer.json()["code"]) == (
        400,
        "application/problem+json",
        "invalid_input",
    )


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=1&limit=2", "page=2", "a&b"])
def test_a_ledger_query_that_cannot_be_read_is_a_bad_request(service: httpx.Client, query: str) -> None:
    assert service.get(f"/ledger?{query}").status_code == 400


def test_unknown_paths_methods_and_payments_are_told_apart(service: httpx.Client) -> None:
    answers = [
        service.get("/x"),
        service.delete("/ledger"),
        service.post("/ledger"),
        service.get("/payments/x"),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (404, "not_found"),
        (501, "invalid_request"),
        (405, "method_not_allowed"),
        (404, "unknown_payment"),
    ]
    assert answers[2].headers["allow"] == "GET"


def test_a_refusal_leaves_the_connection_ready_for_the_next_request(service: httpx.Client) -> None:
    for _ in range(2):
        assert service.put("/nowhere", content="{}").status_code == 404
        assert service.get("/health").json() == {"service": "payments"}


def charge(service: httpx.Client, key: str) -> Any:
    return service.put(f"/payments/{key}", json={"amount": 500, "currency": "EUR"})


def test_the_ledger_has_every_payment_on_one_page_or_another(service: httpx.Client) -> None:
    for number in range(5):
        charge(service, f"o{number}")
    service.post("/payments/o0/void")
    service.put("/payments/o1/refunds/r1", json={"amount": 200})

    pages, after = [], ""
    while after is not None:
        page = service.get("/ledger", params={"limit": 2, "after": after}).json()
        pages.append(
            [(row["key"], row["captured"], row["refunded"], row["voided"]) for row in page["payments"]]
        )
        after = page["next"]

    assert pages == [
        [("o0", 500, 0, 500), ("o1", 500, 200, 0)],
        [("o2", 500, 0, 0), ("o3", 500, 0, 0)],
        [("o4", 500, 0, 0)],
    ]
    assert service.get("/payments/o1").json()["refunded"] == 200


def test_what_never_arrived_is_not_in_the_books(service: httpx.Client) -> None:
    service.put("/behaviour", json={"shares": {"time_out": 1}, "silent_s": 0}).raise_for_status()
    behaviour = Behaviour({Mode.TIME_OUT: 1.0})
    lost = next(key for key in map(str, range(100)) if behaviour.loses_request(key))

    with pytest.raises(httpx.RemoteProtocolError):
        charge(service, lost)

    assert service.get("/ledger").json()["payments"] == []
    assert service.get(f"/payments/{lost}").status_code == 404


def test_a_behaviour_is_kept_and_decides_the_same_way_again(tmp_path: Path) -> None:
    told = {"shares": {"approve": 0.5, "decline": 0.5}, "seed": 7, "late_s": 1.5, "silent_s": 3.0}
    answers = []
    for folder in ("one", "two"):
        with payment_server(tmp_path / folder) as server:
            httpx.put(f"{server.url}/behaviour", json=told).raise_for_status()
        with payment_server(tmp_path / folder) as server, httpx.Client(base_url=server.url) as service:
            assert service.get("/behaviour").json() == told
            answers.append([charge(service, f"o{number}").json()["status"] for number in range(20)])

    assert answers[0] == answers[1]
    assert set(answers[0]) == {"CAPTURED", "DECLINED"}


def test_modes_come_in_their_shares_in_any_order_of_naming() -> None:
    shares = {Mode(mode): share for mode, share in MIXED.items()}
    behaviour, backwards = Behaviour(shares, 3), Behaviour(dict(reversed(shares.items())), 3)
    keys = [f"o{number}" for number in range(20_000)]

    drawn = Counter(map(behaviour.mode_of, keys))

    assert {mode: round(drawn[mode] / len(keys), 2) for mode in shares} == pytest.approx(shares, abs=0.011)
    assert [backwards.mode_of(key) for key in keys[:100]] == [behaviour.mode_of(key) for key in keys[:100]]
    assert list(map(Behaviour(shares, 4).mode_of, keys)) != list(map(behaviour.mode_of, keys))


def test_one_line_is_logged_per_request_without_its_secrets(tmp_path: Path) -> None:
    log: list[str] = []
    with payment_server(tmp_path, log) as server, httpx.Client(base_url=server.url) as service:
        body = {"amount": 500, "currency": "EUR"}
        service.put("/payments/o1", json=body, headers={"Authorization": "Bearer s3cret"})
        service.get("/payments/x?card=4111")
        service.get("/health")  # once it is answered, the lines of those before are written

    lines = [json.loads(line) for line in log[:2]]
    assert [(line["method"], line["path"], line["status"], line.get("mode")) for line in lines] == [
        ("PUT", "/payments/o1", 200, "approve"),
        ("GET", "/payments/x", 404, None),
    ]
    assert not any(secret in line for line in log for secret in ("s3cret", "4111"))


def test_the_carrier_s_number_follows_from_the_order() -> None:
    desk = an_order_desk(a_product())
    order = desk.store.get(desk.place(an_order_command()))

    first, again = (StandInCarrier().book(order, at_ms) for at_ms in (1, 1))

    assert first == again
    assert first.number == f"SIP-{order.order_id.upper()}"
