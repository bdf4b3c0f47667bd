"""The stand-in CRM as the harness starts, finds and stops it."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from harness import keycrm
from harness.settings import Refusal, Settings
from harness.state import State, load
from harness.system import REPOSITORY

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings("embedded", tmp_path, tmp_path / "embedded", None, "", "us-east-1", False)


@pytest.fixture
def known(settings: Settings, guarded: None) -> Iterator[State]:
    known = State("embedded")
    yield known
    keycrm.forget(settings, known)


def start(settings: Settings, known: State) -> str:
    url = keycrm.address(settings, known)
    keycrm.start(settings, known)
    return url


def names(settings: Settings, url: str) -> list[str]:
    answer = httpx.get(f"{url}/buyer", headers={"Authorization": f"Bearer {keycrm.key(settings)}"})
    return [buyer["full_name"] for buyer in answer.raise_for_status().json()["data"]]


def test_it_is_started_once_with_a_key_of_its_own(settings: Settings, known: State) -> None:
    url = start(settings, known)
    process = known.processes["keycrm"]

    assert (start(settings, known), known.processes["keycrm"]) == (url, process)
    assert load(settings.state_dir, "embedded").processes["keycrm"] == process
    assert names(settings, url) == []
    assert httpx.get(f"{url}/buyer").status_code == 401
    place = keycrm.books(settings) / "place.json"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


def test_its_key_is_not_on_its_command_line_nor_in_its_log(settings: Settings, known: State) -> None:
    names(settings, start(settings, known))

    command = psutil.Process(known.processes["keycrm"].pid).cmdline()

    told = " ".join(command) + (settings.logs / "keycrm.log").read_text()
    assert keycrm.key(settings) not in told


def test_killed_it_comes_back_at_its_address_with_its_books_and_its_key(
    settings: Settings, known: State
) -> None:
    url, key = start(settings, known), keycrm.key(settings)
    headers = {"Authorization": f"Bearer {key}"}
    httpx.post(f"{url}/buyer", json={"full_name": "Ann"}, headers=headers).raise_for_status()
    psutil.Process(known.processes["keycrm"].pid).kill()
    psutil.Process(known.processes["keycrm"].pid).wait(5)

    assert (start(settings, known), keycrm.key(settings)) == (url, key)
    assert names(settings, url) == ["Ann"]


def test_forgotten_it_is_gone_with_its_books_and_its_key(settings: Settings, known: State) -> None:
    start(settings, known)
    process = known.processes["keycrm"]

    keycrm.forget(settings, known)

    assert (process.alive(), known.processes, keycrm.books(settings).exists()) == (False, {}, False)
    with pytest.raises(Refusal, match="no key yet"):
        keycrm.key(settings)


def test_one_that_does_not_start_is_refused_with_its_log(settings: Settings, known: State) -> None:
    keycrm.address(settings, known)
    (keycrm.books(settings) / "keycrm.sqlite").mkdir()

    with pytest.raises(Refusal, match=r"see .*keycrm\.log"):
        keycrm.start(settings, known)

    assert load(settings.state_dir, "embedded").processes == {}


def test_the_functions_secret_gets_the_key(settings: Settings, known: State) -> None:
    class Secrets:
        def put_secret_value(self, **request: str) -> None:
            self.request = request

    keycrm.address(settings, known)
    secrets = Secrets()

    keycrm.hand_over_key(settings, secrets, "arn")

    assert secrets.request == {"SecretId": "arn", "SecretString": keycrm.key(settings)}


def test_without_a_key_it_does_not_serve(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "standins.keycrm", "0", str(tmp_path)],
        cwd=REPOSITORY,
        env={"PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode != 0
    assert "KEYCRM_KEY is not set" in ended.stderr
