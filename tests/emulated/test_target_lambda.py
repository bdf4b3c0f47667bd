"""Functions on a target behave as on AWS, as far as this project relies on it."""

from __future__ import annotations

import json
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from harness.system import RunningSystem
from tests.emulated.storefront import wait_for
from tests.emulated.target import TARGET_NAME, Target
from tests.processes import command_of

GROUP = "/aws/lambda/trial-answer"
LOGGED_WITHIN_S = 20


def invoke(system: RunningSystem, **event: Any) -> tuple[Any, str | None]:
    """Invoke trial-answer: its payload, and the kind of error if it failed."""
    answer = system.client("lambda").invoke(FunctionName="trial-answer", Payload=json.dumps(event))
    return json.loads(answer["Payload"].read()), answer.get("FunctionError")


@pytest.mark.parametrize("module", ["yaml", "hypercorn", "ministack", "pydantic"])
def test_a_function_sees_only_its_own_packages(trial: RunningSystem, module: str) -> None:
    payload, error = invoke(trial, do="import", module=module)

    assert (payload["errorType"], error) == ("ModuleNotFoundError", "Unhandled")


def test_an_error_keeps_its_type_and_trace(trial: RunningSystem) -> None:
    payload, error = invoke(trial, do="fail", why="nothing there")

    assert (payload["errorType"], payload["errorMessage"], error) == (
        "LookupError",
        "nothing there",
        "Unhandled",
    )
    assert 'raise LookupError(event["why"])' in payload["stackTrace"][-1]


def test_a_function_inherits_nothing_from_the_developers_shell(trial: RunningSystem) -> None:
    environment, _ = invoke(trial, do="environment")

    assert "SHELL_CANARY" not in environment
    assert not {name for name in environment if name.startswith(("OFFERLOOP_", "GATEWAY_", "VIRTUAL_ENV"))}
    expected = {
        "AWS_LAMBDA_FUNCTION_NAME": "trial-answer",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": trial.endpoint_url,
        "SEEN_TABLE": "Seen",
        "PUBLIC_STOREFRONT": "true",
    }
    assert {name: environment.get(name) for name in expected} == expected


def test_every_line_of_an_invocation_is_logged_in_order(trial: RunningSystem) -> None:
    """On the embedded target before it answers, which `make logs` there relies on; elsewhere soon after."""
    within_s = 0 if TARGET_NAME == "embedded" else LOGGED_WITHIN_S
    for _ in range(20):
        run = uuid.uuid4().hex
        invoke(trial, do="log", run=run, lines=200)

        found = wait_for("all lines", lambda run=run: lines_of(trial, run, 200), within_s)

        assert found == [f"line {number} of {run}" for number in range(200)]


def lines_of(system: RunningSystem, run: str, count: int) -> list[str] | None:
    """The logged lines that name *run*, once there are *count* of them."""
    pages = system.client("logs").get_paginator("filter_log_events").paginate(logGroupName=GROUP)
    lines = [event["message"].rstrip("\n") for page in pages for event in page["events"]]
    found = [line for line in lines if run in line]
    return found if len(found) >= count else None


def test_calls_in_turn_share_a_log_stream_of_identified_events(trial: RunningSystem) -> None:
    logs, run = trial.client("logs"), uuid.uuid4().hex
    invoke(trial, do="log", run=run, lines=2)
    before = streams(logs)
    for _ in range(5):
        invoke(trial, do="log", run=run, lines=2)
    wait_for("all lines", lambda: lines_of(trial, run, 12), LOGGED_WITHIN_S)

    events = logs.filter_log_events(logGroupName=GROUP, limit=50)["events"]

    assert len(streams(logs) | before) - len(before) <= 1
    assert len({event["eventId"] for event in events}) == len(events) > 10


def streams(logs: Any) -> set[str]:
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=GROUP)
    return {stream["logStreamName"] for page in pages for stream in page["logStreams"]}


def test_a_silent_function_answers_at_once(trial: RunningSystem) -> None:
    """Stock waits 50 ms for a line of log, and 40 ms for Nagle's algorithm; the best of 20 counts."""
    client = trial.client("lambda")
    took_s = []
    for _ in range(20):
        began = time.perf_counter()
        client.invoke(FunctionName="trial-answer", Payload="{}")
        took_s.append(time.perf_counter() - began)

    assert min(took_s) < 0.035


def test_a_burst_shares_a_few_environments(trial: RunningSystem, trial_target: Target) -> None:
    with ThreadPoolExecutor(40) as threads:
        errors = list(threads.map(lambda _: invoke(trial, do="sleep", seconds=0.05)[1], range(80)))

    workers = [
        process
        for process in trial_target.process("emulator").children(recursive=True)
        if "trial.answer" in command_of(process)
    ]
    assert errors == [None] * 80
    assert 1 < len(workers) <= max(4, 2 * (os.cpu_count() or 1))
