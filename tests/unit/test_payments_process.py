"""The stand-in payment service as the harness starts, finds and stops it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from harness import doctor, payments
from harness.lifecycle import stop_all
from harness.processes import Process
from harness.settings import Refusal, Settings
from harness.stacks import STACKS, parameters_of
from harness.state import State, load

pytestmark = pytest.mark.enable_socket
TEMPLATE = """
Parameters:
  Prefix: {Type: String, Default: ""}
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings("embedded", tmp_path, tmp_path / "embedded", None, "", "us-east-1", False)


@pytest.fixture
def known(settings: Settings, guarded: None) -> Iterator[State]:
    known = State("embedded")
    yield known
    stop_all(settings, known, lambda _: None)


def start(settings: Settings, known: State) -> str:
    url = payments.address(known)
    payments.start(settings, known)
    return url


def test_it_is_started_once_and_written_down(settings: Settings, known: State) -> None:
    url = start(settings, known)
    process = known.processes["payments"]

    assert (start(settings, known), known.processes["payments"]) == (url, process)
    assert load(settings.state_dir, "embedded") == known
    assert [check.verdict for check in doctor.processes(known)] == ["ok"]


def test_killed_it_comes_back_at_its_address_with_its_books(settings: Settings, known: State) -> None:
    url = start(settings, known)
    httpx.put(f"{url}/payments/o1", json={"amount": 5, "currency": "EUR"}).raise_for_status()
    psutil.Process(known.processes["payments"].pid).kill()
    psutil.Process(known.processes["payments"].pid).wait(5)

    assert start(settings, known) == url
    assert httpx.get(f"{url}/payments/o1").json()["captured"] == 5


def test_stopped_it_is_gone_and_forgotten_its_books_are(settings: Settings, known: State) -> None:
    url = start(settings, known)
    process = known.processes["payments"]

    payments.forget(settings, known)

    assert (process.alive(), known.processes, payments.books(settings).exists()) == (False, {}, False)
    assert payments.address(known) == url


def test_a_port_that_was_taken_meanwhile_is_exchanged(settings: Settings, known: State) -> None:
    url = start(settings, known)
    other = State("embedded", payments_port=known.payments_port)

    assert payments.address(other) != url


def test_one_that_does_not_start_is_refused_with_its_log(settings: Settings, known: State) -> None:
    settings.state_dir.mkdir(parents=True)
    payments.books(settings).write_text("where the folder of the books should be")

    with pytest.raises(Refusal, match=r"see .*payments\.log"):
        start(settings, known)

    assert load(settings.state_dir, "embedded").processes == {}


def test_one_that_does_not_answer_fails_the_doctor() -> None:
    (check,) = doctor.processes(State("embedded", processes={"payments": Process.of_this_program()}))

    assert (check.verdict, "does not answer: `make down`" in check.line) == ("fail", True)


def test_a_template_is_given_the_address_if_it_asks_for_it(settings: Settings, tmp_path: Path) -> None:
    application = STACKS[1]
    served = replace(settings, payment_url="http://127.0.0.1:1")
    template = tmp_path / application.template
    template.write_text(TEMPLATE)
    assert parameters_of(served, application) == {}

    template.write_text(f"{TEMPLATE}  PaymentUrl: {{Type: String, Default: ''}}\n")
    assert parameters_of(served, application) == {"PaymentUrl": "http://127.0.0.1:1"}
    assert parameters_of(settings, application) == {}
