"""The HTTP adapter against the stand-in KeyCRM, and against servers that no CRM should be."""

import logging
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from handlers.http_keycrm import AGAIN_S, LIMIT_WINDOW_S, LONGEST_WAIT_S, MOST_PAGES, HttpKeyCrm
from harness.processes import unused_port
from offerloop.crm.model import Buyer, Contact, ContactKind
from offerloop.crm.ports import CrmSilent
from offerloop.errors import CrmUnavailable, UnknownBuyer
from standins.keycrm.requests import Behaviour, Mode
from standins.keycrm.server import KeyCrmServer
from tests.crm_service import FIELD, KEY, add_buyer, crm_server
from tests.served import answering

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

PHONE = Contact(ContactKind.PHONE, "+380501234567")
EMAIL = Contact(ContactKind.EMAIL, "ann@example.com")
ANN = Buyer("12", "Ann Smith", 0)


def adapter(url: str, key: str = KEY, read_s: float = 3.0) -> HttpKeyCrm:
    return HttpKeyCrm(url, FIELD, lambda: key, lambda: None, read_s=read_s)


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[KeyCrmServer]:
    with crm_server(tmp_path) as server:
        server.behaviour = Behaviour(requests_per_minute=0)
        yield server


def test_other_fields_of_a_buyer_stay_as_they_are(crm: KeyCrmServer) -> None:
    buyer_id = add_buyer(crm, phone=["+380501234567"], email=["ann@example.com"], note="likes tea")
    crm.books.change(int(buyer_id), {"custom_fields": {"CT_2": "blue"}})
    before = crm.books.buyer(int(buyer_id))
    assert before is not None

    adapter(crm.url).write_bonus(adapter(crm.url).get(buyer_id), 700)

    after = crm.books.buyer(int(buyer_id))
    custom_fields = {FIELD: "7", "CT_2": "blue"}
    assert after == before | {"custom_fields": custom_fields, "updated_at": (after or {})["updated_at"]}


@pytest.mark.parametrize(
    ("value", "bonus"),
    [
        (None, 0),
        ("", 0),
        ("0", 0),
        ("150", 15_000),
        (" 150.5 ", 15_050),
        ("150.50", 15_050),
        ("-3", -300),
        (150, 15_000),
        (150.5, 15_050),
        ("150.505", None),
        ("1e3", 100_000),
        ("1e999999", None),
        ("NaN", None),
        ("Infinity", None),
        ("150,5", None),
        ("a lot", None),
        (True, None),
        (["1"], None),
    ],
)
def test_what_people_type_into_the_field_is_an_amount_or_none(
    crm: KeyCrmServer, value: object, bonus: int | None
) -> None:
    buyer = crm.books.add({"full_name": "Ann", "custom_fields": {} if value is None else {FIELD: value}})

    assert adapter(crm.url).get(str(buyer["id"])).bonus == bonus


def test_pages_are_turned_and_no_more_than_a_few(crm: KeyCrmServer) -> None:
    for number in range(50 * MOST_PAGES + 1):
        add_buyer(crm, f"Buyer {number}", phone=[PHONE.value])
    admitted: list[int] = []

    found = HttpKeyCrm(crm.url, FIELD, lambda: KEY, lambda: admitted.append(1)).find(PHONE)

    assert (found, len(admitted)) == (Buyer("1", "Buyer 0", 15_050), MOST_PAGES)


def test_each_request_is_counted(crm: KeyCrmServer) -> None:
    admitted: list[int] = []
    client = HttpKeyCrm(crm.url, FIELD, lambda: KEY, lambda: admitted.append(1))

    assert client.find(PHONE) is None

    assert len(admitted) == 2  # with the plus and without


def test_the_documented_limit_is_met_with_the_time_to_wait(crm: KeyCrmServer) -> None:
    buyer_id = add_buyer(crm)
    crm.behaviour = Behaviour(requests_per_minute=2)
    for _ in range(2):
        adapter(crm.url).get(buyer_id)

    with pytest.raises(CrmUnavailable, match="too many requests") as refusal:
        adapter(crm.url).get(buyer_id)

    assert not isinstance(refusal.value, CrmSilent)
    assert 50 < refusal.value.retry_after_s <= 61


@pytest.mark.parametrize(
    ("told", "wait_s"),
    [
        ("7", 7),
        ("0", 1),
        ("999999", LONGEST_WAIT_S),
        ("Wed, 21 Oct 2026 07:28:00 GMT", LIMIT_WINDOW_S),
        ("-1", LIMIT_WINDOW_S),
        ("", LIMIT_WINDOW_S),
    ],
)
def test_a_429_says_how_long_or_a_minute_is_waited(told: str, wait_s: int) -> None:
    with answering(429, b"", Retry_After=told) as url, pytest.raises(CrmUnavailable) as refusal:
        adapter(url).get("12")

    assert refusal.value.retry_after_s == wait_s


@pytest.mark.parametrize("mode", [Mode.OUTAGE, Mode.FAIL, Mode.SILENT])
def test_an_outage_says_nothing_of_what_happened(crm: KeyCrmServer, mode: Mode) -> None:
    buyer_id = add_buyer(crm)
    crm.behaviour = replace(crm.behaviour, mode=mode)

    for ask in (
        lambda: adapter(crm.url).get(buyer_id),
        lambda: adapter(crm.url).find(EMAIL),
        lambda: adapter(crm.url).write_bonus(Buyer(buyer_id, "Ann", 0), 1),
    ):
        with pytest.raises(CrmSilent) as silence:
            ask()
        assert silence.value.retry_after_s == AGAIN_S


def test_a_crm_that_is_too_slow_is_silent_in_time(crm: KeyCrmServer) -> None:
    buyer_id = add_buyer(crm)
    crm.behaviour = Behaviour(Mode.LATE, requests_per_minute=0, late_s=5.0)
    began = time.monotonic()

    with pytest.raises(CrmSilent, match="ReadTimeoutError"):
        adapter(crm.url, read_s=0.2).get(buyer_id)

    assert time.monotonic() - began < 2


def test_a_crm_that_is_not_there_got_nothing() -> None:
    with pytest.raises(CrmUnavailable, match="cannot be reached") as refusal:
        adapter(f"http://127.0.0.1:{unused_port()}/v1").write_bonus(ANN, 1)

    assert not isinstance(refusal.value, CrmSilent)


def test_a_key_that_is_wrong_is_read_once_more_and_is_no_matter_of_nobody(crm: KeyCrmServer) -> None:
    buyer_id = add_buyer(crm)
    keys = ["old", KEY, "never read"]
    client = HttpKeyCrm(crm.url, FIELD, lambda: keys.pop(0), lambda: None)

    assert [client.get(buyer_id).buyer_id for _ in range(3)] == [buyer_id] * 3
    assert keys == ["never read"]
    with pytest.raises(CrmUnavailable, match="does not take our key"):
        adapter(crm.url, "wrong").get(buyer_id)


def test_a_key_that_is_replaced_by_a_wrong_one_is_not_kept(crm: KeyCrmServer) -> None:
    buyer_id = add_buyer(crm)
    keys = ["old", "wrong", KEY]
    client = HttpKeyCrm(crm.url, FIELD, lambda: keys.pop(0), lambda: None)

    with pytest.raises(CrmUnavailable, match="answered 401"):
        client.get(buyer_id)

    assert client.get(buyer_id).buyer_id == buyer_id


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "ключ", "x" * 501])
def test_a_secret_without_a_key_is_not_sent_nor_shown(crm: KeyCrmServer, key: str) -> None:
    with pytest.raises(CrmUnavailable) as refusal:
        adapter(crm.url, key).get("12")

    assert not key or key not in str(refusal.value)


@pytest.mark.parametrize(
    ("status", "content"),
    [(200, b""), (200, b"<html>"), (200, b"[1]"), (200, b"{}"), (200, b"\xff"), (200, b"[" * 100_000)],
)
def test_an_answer_that_cannot_be_read_is_none(status: int, content: bytes) -> None:
    with answering(status, content) as url:
        for ask in (
            lambda: adapter(url).get("12"),
            lambda: adapter(url).find(PHONE),
            lambda: adapter(url).write_bonus(ANN, 1),
        ):
            with pytest.raises(CrmSilent):
                ask()


@pytest.mark.parametrize(
    "content", [b'{"id": "12"}', b'{"id": true}', b'{"id": 13}', b'{"data": {"id": 12}}']
)
def test_another_buyer_than_the_one_asked_for_is_no_answer(content: bytes) -> None:
    with answering(200, content) as url, pytest.raises(CrmSilent):
        adapter(url).get("12")


@pytest.mark.parametrize("content", [b'{"data": {}}', b'{"data": [1]}', b'{"data": null}'])
def test_a_list_that_is_none_is_no_answer(content: bytes) -> None:
    with answering(200, content) as url, pytest.raises(CrmSilent):
        adapter(url).find(PHONE)


@pytest.mark.parametrize("status", [302, 400, 402, 408, 418, 422])
def test_what_the_crm_does_not_take_is_kept_for_later(status: int) -> None:
    """A field that is not there, a plan that was not paid: a person mends it, and till then it waits."""
    with answering(status, b'{"message": "no"}', Location="http://127.0.0.1:1/") as url:
        with pytest.raises(CrmUnavailable, match=f"answered {status}") as refusal:
            adapter(url).write_bonus(ANN, 1)
        assert not isinstance(refusal.value, CrmSilent)


def test_a_wrong_address_is_not_taken_for_an_unknown_buyer(crm: KeyCrmServer) -> None:
    buyer_id = add_buyer(crm)
    wrong = adapter(f"{crm.url}/v2")

    with pytest.raises(CrmUnavailable, match="address may be wrong"):
        wrong.get(buyer_id)
    with pytest.raises(CrmUnavailable, match="address may be wrong"):
        wrong.find(PHONE)
    with pytest.raises(UnknownBuyer):
        adapter(crm.url).get("999")


@pytest.mark.parametrize(
    "url", ["", "host:80", "ftp://host", "http://", "https://host?x=1", "https://host#x"]
)
def test_what_is_no_address_fails_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="address is none"):
        adapter(url)


def test_the_key_goes_along_and_the_field_is_asked_for() -> None:
    seen: list[str] = []
    with answering(200, b'{"id": 12}', seen) as url:
        adapter(f"{url}/v1/").get("12")

    assert seen == [f"GET /v1/buyer/12?include=custom_fields Bearer {KEY}"]


def test_neither_key_nor_contact_is_in_any_error_or_log(
    crm: KeyCrmServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    buyer_id = add_buyer(crm, phone=[PHONE.value], email=[EMAIL.value])
    lines: list[str] = []
    crm.say = lines.append
    said: list[str] = []
    troubled = [adapter(crm.url), adapter(crm.url, "wrong"), adapter(f"http://127.0.0.1:{unused_port()}")]
    for mode in Mode:
        crm.behaviour = Behaviour(mode, requests_per_minute=0, late_s=0.0)
        for client in troubled:
            for contact in (PHONE, EMAIL):
                try:
                    found = client.find(contact)
                    client.write_bonus(found or ANN, 5)
                except CrmUnavailable as refusal:
                    said += traceback.format_exception(refusal)

    assert said
    told = "\n".join([*said, *lines, caplog.text, repr(troubled)])
    assert not [secret for secret in (KEY, "1234567", "ann@", buyer_id * 3) if secret in told]
