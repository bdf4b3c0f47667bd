"""The stand-ins as processes: what all of them promise to whoever starts, asks and stops them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from harness.system import REPOSITORY

pytestmark = pytest.mark.enable_socket
ENDS_WITHIN_S = 10
SLOW_S = 60.0
SECRET = "correct-horse-battery"


AUTHORISED = {"Authorization": f"Bearer {SECRET}"}


@dataclass(frozen=True)
class StandIn:
    """One of them.

    Attributes:
        keeps: where it keeps what it knows, within a folder.
        slow: a behaviour under which it holds back the answer to `write`.
        write: lets it keep something, at the root of its addresses.
        read: gives what it kept; what is written once is `kept`.
        secrets: variables without which it does not start.
    """

    name: str
    keeps: str
    slow: dict[str, object]
    write: Callable[[str], object]
    read: Callable[[str], object]
    kept: object
    secrets: dict[str, str] = field(default_factory=dict)


def charge(root: str) -> None:
    httpx.put(f"{root}/payments/o1", json={"amount": 5, "currency": "EUR"}, timeout=1).raise_for_status()


def captured(root: str) -> object:
    return httpx.get(f"{root}/payments/o1").json()["captured"]


def enter_buyer(root: str) -> None:
    httpx.post(
        f"{root}/v1/buyer", json={"full_name": "Ann"}, headers=AUTHORISED, timeout=1
    ).raise_for_status()


def buyers(root: str) -> object:
    found = httpx.get(f"{root}/v1/buyer", headers=AUTHORISED).json()["data"]
    return [buyer["full_name"] for buyer in found]


def make_codes(root: str) -> None:
    with logged_in(root) as admin:
        fields = {"amount": "100", "count": "3"}
        admin.post("/generate", data={"csrf": token(admin, "/generate"), **fields}).raise_for_status()


def codes(root: str) -> object:
    with logged_in(root) as admin:
        return len(re.findall(r'name="code" value="BON100', admin.get("/codes").text))


@contextmanager
def logged_in(root: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=root, follow_redirects=True, timeout=1) as admin:
        account = {"user": "olena", "password": SECRET}
        admin.post("/login", data={"csrf": token(admin, "/login"), **account}).raise_for_status()
        yield admin


def token(admin: httpx.Client, page: str) -> str:
    return re.findall(r'name="csrf" value="([0-9a-f]+)"', admin.get(page).text)[0]


PAYMENTS = StandIn(
    "payments",
    "books",
    {"shares": {"answer_late": 1}, "late_s": SLOW_S},
    write=charge,
    read=captured,
    kept=5,
)
KEYCRM = StandIn(
    "keycrm",
    "books",
    {"mode": "late", "late_s": SLOW_S},
    write=enter_buyer,
    read=buyers,
    kept=["Ann"],
    secrets={"KEYCRM_KEY": SECRET},
)
BON = StandIn(
    "bon",
    "bon.sqlite",
    {"slow_s": SLOW_S},
    write=make_codes,
    read=codes,
    kept=3,
    secrets={"BON_LOGIN": "olena", "BON_PASSWORD": SECRET},
)
each = pytest.mark.parametrize("standin", [PAYMENTS, KEYCRM, BON], ids=lambda standin: standin.name)


def begun(standin: StandIn, folder: Path, secrets: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", f"standins.{standin.name}", "0", str(folder / standin.keeps)],
        cwd=REPOSITORY,
        env={name: value for name, value in os.environ.items() if name not in standin.secrets} | secrets,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(standin: StandIn, folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start one on a free port; gives its process and the root of its addresses."""
    with begun(standin, folder, standin.secrets) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            yield process, address.removesuffix("/v1")
        finally:
            process.kill()


@each
def test_its_first_line_is_its_address_and_it_says_its_name(standin: StandIn, tmp_path: Path) -> None:
    with running(standin, tmp_path) as (_, root):
        answer = httpx.get(f"{root}/health")

    assert (answer.status_code, answer.json()) == (200, {"service": standin.name})
    assert root.startswith("http://127.0.0.1:")


@each
def test_it_ends_when_it_is_told_to_whatever_it_holds_back(standin: StandIn, tmp_path: Path) -> None:
    with running(standin, tmp_path) as (process, root):
        httpx.put(f"{root}/behaviour", json=standin.slow).raise_for_status()
        with pytest.raises(httpx.ReadTimeout):
            standin.write(root)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        said, wrong = process.communicate(timeout=ENDS_WITHIN_S)

    assert time.monotonic() - began < ENDS_WITHIN_S
    assert (process.returncode, wrong) == (0, "")
    assert json.loads(said.splitlines()[0])["path"] == "/behaviour"


@each
def test_its_log_has_a_line_for_each_request_and_nothing_of_what_was_sent(
    standin: StandIn, tmp_path: Path
) -> None:
    with running(standin, tmp_path) as (process, root):
        httpx.get(f"{root}/nowhere", params={"card": SECRET}, headers={"Cookie": SECRET})
        httpx.request("PATCH", f"{root}/nowhere?card={SECRET}", content=SECRET)
        httpx.put(f"{root}/behaviour", json={"card": SECRET})
        httpx.get(f"{root}/health")
        process.terminate()
        said, wrong = process.communicate(timeout=ENDS_WITHIN_S)

    lines = [json.loads(line) for line in said.splitlines()]
    assert [(line["method"], line["path"]) for line in lines] == [
        ("GET", "/nowhere"),
        ("PATCH", "/nowhere"),
        ("PUT", "/behaviour"),
        ("GET", "/health"),
    ]
    assert lines[1]["status"] == 501
    assert SECRET not in said + wrong


@each
def test_a_body_of_any_length_is_not_read(standin: StandIn, tmp_path: Path) -> None:
    with running(standin, tmp_path) as (_, root), httpx.Client(base_url=root) as client:
        too_long = client.put("/behaviour", content="x" * 70_000)
        in_parts = client.put("/behaviour", content=iter([b"{}"]))
        then = client.get("/health")

    refusals = [(answer.status_code, answer.headers["connection"]) for answer in (too_long, in_parts)]
    assert refusals == [(413, "close"), (400, "close")]
    assert then.status_code == 200


@each
def test_what_it_keeps_outlives_its_sudden_end(standin: StandIn, tmp_path: Path) -> None:
    with running(standin, tmp_path) as (process, root):
        standin.write(root)
        process.kill()

    with running(standin, tmp_path) as (_, root):
        assert standin.read(root) == standin.kept


@pytest.mark.parametrize("standin", [KEYCRM, BON], ids=lambda standin: standin.name)
def test_without_its_secrets_it_does_not_serve(standin: StandIn, tmp_path: Path) -> None:
    with begun(standin, tmp_path, {}) as process:
        said, wrong = process.communicate(timeout=30)

    assert (process.returncode, said) == (1, "")
    assert all(name in wrong for name in standin.secrets)
