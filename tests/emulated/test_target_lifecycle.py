"""Up, deploy, down: what stays, what goes, and what a failure says."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import httpx
import psutil
import pytest

from harness.processes import unused_port
from harness.system import RunningSystem
from tests.emulated.storefront import fetch, wait_for
from tests.emulated.target import Target, change, trial_copy

# No target can make it: embedded looks at the timeout, LocalStack at the name.
BAD_QUEUE = """
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: not a name, VisibilityTimeout: 99999}
"""


def things(system: RunningSystem) -> list[str]:
    items = system.client("dynamodb").scan(TableName="Things")["Items"]
    return sorted(item["PK"]["S"] for item in items)


def put(system: RunningSystem, name: str) -> None:
    system.client("dynamodb").put_item(TableName="Things", Item={"PK": {"S": name}})


def test_down_and_up_keep_data_key_and_address_until_reset(own_trial: Target) -> None:
    before = own_trial.up()
    put(before, "kept")
    own_trial.down()

    after = own_trial.up()

    assert things(after) == ["kept"]
    assert (after.api_url, after.api_key) == (before.api_url, before.api_key)
    assert fetch(after, "/closed", **{"X-API-Key": after.api_key}).status_code == 200

    assert things(own_trial.up(RESET="1")) == []


@pytest.mark.slow
def test_consumers_go_on_where_they_were_after_down_and_up(own_trial: Target) -> None:
    system = own_trial.up()
    names = [f"before-{number}" for number in range(20)]
    for name in names:
        put(system, name)
    own_trial.down()
    system = own_trial.up()

    put(system, "after")

    def seen() -> list[str]:
        return [item["PK"]["S"] for item in system.client("dynamodb").scan(TableName="Seen")["Items"]]

    wait_for("the consumer to take all of them", lambda: set(seen()) == {*names, "after"}, 20)


def test_down_leaves_no_process(own_trial: Target) -> None:
    system = own_trial.up()
    fetch(system, "/open").raise_for_status()
    emulator, *others = map(own_trial.process, ("emulator", "metrics", "payments"))
    running = [emulator, *others, *emulator.children(recursive=True)]
    assert len(running) >= 4  # a worker among them

    own_trial.down()

    assert [process for process in running if process.is_running() and process.status() != "zombie"] == []
    assert own_trial.run("status").returncode == 1


def test_up_recovers_from_an_emulator_that_was_killed(own_trial: Target) -> None:
    system = own_trial.up()
    fetch(system, "/open").raise_for_status()
    emulator = own_trial.process("emulator")
    workers = emulator.children(recursive=True)
    emulator.kill()
    emulator.wait(5)

    assert "make up" in own_trial.run("outputs").stderr
    ended = own_trial.run("up")

    assert ended.returncode == 0, ended.stderr
    assert f"process {emulator.pid}) had ended without `make down`" in ended.stdout
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
    assert fetch(own_trial.system(), "/open").status_code == 200


def test_up_starts_a_payment_service_that_has_ended_at_the_same_address(own_trial: Target) -> None:
    before = own_trial.up()
    service = own_trial.process("payments")
    service.kill()
    wait_for("it to be gone", lambda: not service.is_running(), 5)

    after = own_trial.up()

    assert after.payment_url == before.payment_url
    assert httpx.get(f"{after.payment_url}/health").json() == {"service": "payments"}


def test_a_busy_port_is_named_with_its_process_and_the_way_out(own_trial: Target) -> None:
    with socket.create_server(("127.0.0.1", own_trial.port)):
        ended = own_trial.run("up")

    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    for part in (f"port {own_trial.port} is taken by", f"process {psutil.Process().pid}", "PORT="):
        assert part in ended.stderr


def test_two_systems_run_side_by_side(own_trial: Target, trial: RunningSystem) -> None:
    put(own_trial.up(), "mine")

    assert "mine" not in things(trial)


def test_the_port_of_a_running_system_does_not_change_silently(own_trial: Target) -> None:
    own_trial.up()

    ended = own_trial.run("up", PORT=str(unused_port()))

    assert ended.returncode == 1
    assert "make down" in ended.stderr


def test_outputs_prints_one_json_object(trial: RunningSystem, trial_target: Target) -> None:
    ended = trial_target.run("outputs")

    printed = json.loads(ended.stdout)
    wanted = {"target", "endpoint_url", "api_url", "api_key", "region", "dashboard_url", "outputs"}
    assert wanted <= set(printed)
    assert printed["outputs"]["AlertsArn"] == "arn:aws:sns:us-east-1:000000000000:trial-alerts"


def test_other_targets_are_refused_in_one_line(own_trial: Target) -> None:
    for target, line in (
        ("aws", "needs STAGE="),
        ("moon", "unknown"),
    ):
        ended = own_trial.run("up", TARGET=target)

        assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
        assert line in ended.stderr


@pytest.mark.slow
def test_a_deployment_deploys_only_what_changed(own_trial: Target, tmp_path: Path) -> None:
    own_trial.application = trial_copy(tmp_path)
    own_trial.up()

    assert deployed(own_trial) == []

    change(own_trial.application / "sam/observability.yaml", "Threshold: 1000", "Threshold: 2000")
    assert deployed(own_trial) == ["offerloop-observability"]

    change(
        own_trial.application / "sam/bundle/trial.py",
        '"path": event.get("path")',
        '"route": event.get("path")',
    )
    assert deployed(own_trial) == ["offerloop"]
    assert "route" in fetch(own_trial.system(), "/open").json()


def test_a_broken_template_rolls_back_and_names_the_resource(own_trial: Target, tmp_path: Path) -> None:
    own_trial.application = trial_copy(tmp_path)
    own_trial.up()
    change(own_trial.application / "template.yaml", "\nOutputs:\n", f"{BAD_QUEUE}Outputs:\n")

    ended = own_trial.run("deploy")

    assert ended.returncode == 1
    assert "stack offerloop was not deployed: Queue (AWS::SQS::Queue): " in ended.stderr
    system = own_trial.system()
    stack = system.client("cloudformation").describe_stacks(StackName="offerloop")["Stacks"][0]
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert fetch(system, "/open").status_code == 200


@pytest.mark.slow
def test_a_first_deployment_that_failed_is_mended_by_the_next(own_trial: Target, tmp_path: Path) -> None:
    own_trial.application = trial_copy(tmp_path)
    template = own_trial.application / "template.yaml"
    whole = template.read_text()
    change(template, "\nOutputs:\n", f"{BAD_QUEUE}Outputs:\n")

    broken = own_trial.run("up")
    template.write_text(whole)
    mended = own_trial.run("up")

    assert (broken.returncode, broken.stderr.count("\n")) == (1, 1)
    assert "stack offerloop was not deployed: Queue (AWS::SQS::Queue): " in broken.stderr
    assert mended.returncode == 0, mended.stderr
    assert fetch(own_trial.system(), "/open").status_code == 200


def test_a_dependency_missing_from_the_requirements_fails(own_trial: Target, tmp_path: Path) -> None:
    own_trial.application = trial_copy(tmp_path)
    (own_trial.application / "sam/bundle/requirements.txt").write_text("")
    system = own_trial.up()

    answer = system.client("lambda").invoke(FunctionName="trial-answer", Payload="{}")

    assert answer["FunctionError"] == "Unhandled"
    assert "No module named 'orjson'" in json.loads(answer["Payload"].read())["errorMessage"]


def deployed(target: Target) -> list[str]:
    """Names of the stacks that a deployment deploys."""
    ended = target.run("deploy")
    assert ended.returncode == 0, ended.stderr
    return [line.split()[1] for line in ended.stdout.splitlines() if line.split()[0] == "deployed"]
