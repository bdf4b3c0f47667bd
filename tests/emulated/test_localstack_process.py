"""LocalStack without Docker: functions as processes, nothing left behind, nothing sent away."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.processes import unused_port
from harness.system import REPOSITORY, RunningSystem
from tests import needed
from tests.emulated.storefront import fetch, unique, wait_for
from tests.emulated.target import TARGET_NAME, TRIAL, Target, trial_copy
from tests.processes import command_of

pytestmark = pytest.mark.skipif(TARGET_NAME != "localstack", reason="about LocalStack alone")


MANY = 400  # at one in each of LocalStack's poll intervals, 40 s
BAD_QUEUE = "\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: {QueueName: not a name}\n"


class Function:
    """A function of a test's own, with the trial application's code."""

    def __init__(self, system: RunningSystem, handler: str = "trial.answer", timeout_s: int = 10) -> None:
        self.name = unique("probe")
        self.client = system.client("lambda", retries={"total_max_attempts": 1})
        model = self.client.get_function(FunctionName="trial-answer")
        with urllib.request.urlopen(model["Code"]["Location"]) as archive:
            code = io.BytesIO(archive.read()).getvalue()
        configuration = model["Configuration"]
        self.client.create_function(
            FunctionName=self.name,
            Runtime=configuration["Runtime"],
            Role=configuration["Role"],
            Handler=handler,
            Timeout=timeout_s,
            Environment=configuration["Environment"],
            Code={"ZipFile": code},
        )
        self.client.get_waiter("function_active_v2").wait(FunctionName=self.name, WaiterConfig={"Delay": 1})

    def call(self, **event: Any) -> tuple[Any, str | None]:
        """Invoke it: its payload, and the kind of error if it failed."""
        answer = self.client.invoke(FunctionName=self.name, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read()), answer.get("FunctionError")

    def log_lines(self, system: RunningSystem) -> list[str]:
        """What is in its log group, in order; nothing before the first line has made the group."""
        logs = system.client("logs")
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{self.name}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"].rstrip("\n") for event in events]


def test_a_function_that_takes_too_long_is_ended_and_the_next_call_works(trial: RunningSystem) -> None:
    function = Function(trial, timeout_s=1)

    payload, error = function.call(do="sleep", seconds=30)
    _, error_of_next = function.call()

    assert (payload["errorType"], error, error_of_next) == ("Sandbox.Timedout", "Unhandled", None)
    assert payload["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")


def test_a_function_that_ends_its_process_fails_and_the_next_call_works(trial: RunningSystem) -> None:
    function = Function(trial)

    ended, error = function.call(do="exit", code=3)
    _, error_of_next = function.call()

    assert (ended, error, error_of_next) == (
        {"errorType": "Runtime.ExitError", "errorMessage": "Runtime exited with error: exit status 3"},
        "Unhandled",
        None,
    )


def test_a_function_that_cannot_be_imported_says_so_at_every_call(trial: RunningSystem) -> None:
    function = Function(trial, handler="nowhere.answer")

    kinds = [function.call()[0]["errorType"] for _ in range(2)]

    assert kinds == ["Runtime.ImportModuleError"] * 2


def test_reserved_concurrency_refuses_what_is_beyond_it(trial: RunningSystem) -> None:
    function = Function(trial)
    function.client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    function.call()

    def status(_: int) -> str:
        try:
            return function.call(do="sleep", seconds=1)[1] or "answered"
        except function.client.exceptions.TooManyRequestsException:
            return "refused"

    with ThreadPoolExecutor(3) as threads:
        statuses = sorted(threads.map(status, range(3)))

    assert statuses == ["answered", "refused", "refused"]


def test_an_invocation_is_logged_as_on_aws(trial: RunningSystem) -> None:
    function = Function(trial)
    function.call(do="log", run="first", lines=100)

    lines = wait_for("the report", lambda: reported(function.log_lines(trial)), 20)

    assert lines[0].startswith("START RequestId: ")
    assert lines[1:-2] == [f"line {number} of first" for number in range(100)]
    assert lines[-2].startswith("END RequestId: ")
    report = dict(field.split(": ", 1) for field in lines[-1].split("\t"))
    assert list(report) == [
        *("REPORT RequestId", "Duration", "Billed Duration", "Memory Size", "Max Memory Used"),
        "Init Duration",
    ]
    assert int(report["Max Memory Used"].removesuffix(" MB")) > 10


def reported(lines: list[str]) -> list[str] | None:
    return lines if lines and lines[-1].startswith("REPORT") else None


def test_a_source_reads_past_what_its_filter_leaves_out(trial: RunningSystem) -> None:
    table = trial.client("dynamodb")
    stream = table.describe_table(TableName="Things")["Table"]["LatestStreamArn"]
    names = [unique("thing") for _ in range(MANY)]
    for first in range(0, MANY, 25):
        batch = [{"PutRequest": {"Item": {"PK": {"S": name}}}} for name in names[first : first + 25]]
        table.batch_write_item(RequestItems={"Things": batch})

    def taken(name: str) -> str:
        item = table.get_item(TableName="Seen", Key={"PK": {"S": name}}).get("Item", {})
        return item.get("times", {}).get("N", "0")

    wait_for("the trial's own source to take all", lambda: taken(names[-1]) == "1", 20)
    function = Function(trial, handler="trial.record")
    wanted = {"dynamodb": {"Keys": {"PK": {"S": [names[-1]]}}}}
    function.client.create_event_source_mapping(
        FunctionName=function.name,
        EventSourceArn=stream,
        StartingPosition="TRIM_HORIZON",
        BatchSize=1,
        FilterCriteria={"Filters": [{"Pattern": json.dumps(wanted)}]},
    )

    wait_for("the last to be taken again", lambda: taken(names[-1]) == "2", 20)
    assert taken(names[0]) == "1"


@pytest.fixture
def own_processes(own_trial: Target) -> list[psutil.Process]:
    """A trial with one idle and one busy function, and its processes; LocalStack first."""
    system = own_trial.up()
    busy = json.dumps({"do": "sleep", "seconds": 600})
    system.client("lambda").invoke(FunctionName="trial-answer", InvocationType="Event", Payload=busy)
    localstack = own_trial.process("emulator")
    wait_for("a busy function", lambda: functions_of(localstack), 30)
    fetch(system, "/open").raise_for_status()
    assert len(functions_of(localstack)) == 2
    return [localstack, *localstack.children(recursive=True)]


def functions_of(localstack: psutil.Process) -> list[psutil.Process]:
    return [child for child in localstack.children(recursive=True) if "trial.answer" in command_of(child)]


def test_a_killed_localstack_takes_all_its_processes_with_it(own_processes: list[psutil.Process]) -> None:
    assert {"node", "python"} <= {process.name().rstrip("0123456789.") for process in own_processes}
    own_processes[0].kill()

    wait_for("the last of them to end", lambda: not [each for each in own_processes if lives(each)], 20)


def lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_failed_update_ends_soon_and_the_next_deployment_says_the_way_out(
    own_trial: Target, tmp_path: Path
) -> None:
    """LocalStack leaves the stack in a state that takes no update, for which the SAM CLI would wait on."""
    own_trial.application = trial_copy(tmp_path)
    own_trial.up()
    template = own_trial.application / "template.yaml"
    whole = template.read_text()
    template.write_text(whole.replace("\nOutputs:\n", f"{BAD_QUEUE}Outputs:\n"))

    broken = own_trial.run("deploy")
    template.write_text(whole.replace("Alerts", "Alarms"))
    next_one = own_trial.run("deploy")
    afresh = own_trial.run("reset")

    assert (broken.returncode, broken.stderr.count("\n")) == (1, 1)
    assert "stack offerloop was not deployed: Queue (AWS::SQS::Queue): " in broken.stderr
    assert (next_one.returncode, next_one.stderr) == (
        1,
        "stack offerloop is in ROLLBACK_COMPLETE after a failed deployment and takes no other: "
        "`make reset TARGET=localstack` starts afresh\n",
    )
    assert afresh.returncode == 0, afresh.stderr
    assert fetch(own_trial.system(), "/open").status_code == 200


def test_a_port_that_another_localstack_has_is_named_with_it(trial: RunningSystem, tmp_path: Path) -> None:
    port = int(trial.endpoint_url.rsplit(":", 1)[1])  # type: ignore[union-attr]

    ended = Target(tmp_path, TRIAL, port=port).run("up")

    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert f"port {port} is taken by another LocalStack, " in ended.stderr
    assert "PORT=" in ended.stderr
    assert not (tmp_path / "localstack/logs/emulator.log").exists()


def test_it_runs_where_there_is_no_network_and_asks_for_none(tmp_path: Path) -> None:
    """In a network namespace that has loopback only; strace writes down whatever else it tries to reach."""
    needed.programs(unshare="util-linux", ip="iproute2", strace="strace")
    if subprocess.run(["unshare", "--net", "true"], check=False).returncode != 0:
        pytest.skip("needs the right to make a network namespace")
    calls = tmp_path / "calls"
    harness = f"{sys.executable} -m harness"
    # strace follows what `up` leaves running: `down` is what ends it, once `up` lets go of the target.
    script = f"""ip link set lo up
        strace -f --seccomp-bpf -qq -e trace=connect -o {calls} {harness} up & up=$!
        until {harness} outputs >{tmp_path}/outputs; do kill -0 $up || exit 1; sleep 1; done
        until {harness} down; do sleep 1; done
        wait $up"""
    target = Target(tmp_path, TRIAL, port=unused_port())
    ended = subprocess.run(
        ["unshare", "--net", "sh", "-c", script],
        env=target.environment(),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    reached = [line for line in calls.read_text().splitlines() if "connect(" in line]
    elsewhere = [line for line in reached if "AF_UNIX" not in line and '"127.0.0.1"' not in line]
    assert len(reached) > 100
    assert [line for line in elsewhere if "::1" not in line] == []
