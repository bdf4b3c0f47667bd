"""The REST API of the embedded target: keys, refusals, preflights, and who can reach it."""

from __future__ import annotations

import httpx
import pytest

from harness.system import RunningSystem
from tests.emulated.target import Target


@pytest.fixture
def http(trial: RunningSystem) -> httpx.Client:
    return httpx.Client(base_url=trial.api_url, timeout=20)


def test_an_open_path_passes_its_parameters_on(http: httpx.Client) -> None:
    answer = http.get("/things/t%201")

    assert answer.json() == {"path": "/things/t 1", "parameters": {"id": "t 1"}}


def test_a_closed_path_opens_with_the_key_only(trial: RunningSystem, http: httpx.Client) -> None:
    statuses = [
        http.get("/closed", headers=headers).status_code
        for headers in ({}, {"X-API-Key": "made up"}, {"X-API-Key": trial.api_key})
    ]

    assert statuses == [403, 403, 200]


def test_the_generated_api_key_is_plain_letters_and_digits(trial: RunningSystem) -> None:
    assert trial.api_key.isalnum()
    assert len(trial.api_key) == 40


def test_the_gateways_own_refusals_are_problem_documents(http: httpx.Client) -> None:
    answer = http.get("/closed")

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {"type": "about:blank", "status": 403, "code": "invalid_api_key"}


def test_a_path_for_any_method_takes_every_method(http: httpx.Client) -> None:
    statuses = {
        method: http.request(method, "/any").status_code for method in ("GET", "POST", "PUT", "DELETE")
    }

    assert set(statuses.values()) == {200}, statuses


def test_a_preflight_answers_with_the_allowed_origins(http: httpx.Client) -> None:
    answer = http.options("/open", headers={"Origin": "https://shop.example"})

    assert answer.status_code == 200
    allowed = {
        name: value for name, value in answer.headers.items() if name.startswith("access-control-allow")
    }
    assert allowed == {
        "access-control-allow-origin": "https://shop.example",
        "access-control-allow-headers": "content-type,x-api-key",
        "access-control-allow-methods": "GET,OPTIONS",
    }


def test_only_this_machine_reaches_the_emulator(trial: RunningSystem, trial_target: Target) -> None:
    emulator = trial_target.process("emulator")
    listening = {
        connection.laddr.ip
        for process in [emulator, *emulator.children(recursive=True)]
        for connection in process.net_connections("inet")
        if connection.status == "LISTEN"
    }

    assert listening == {"127.0.0.1"}
