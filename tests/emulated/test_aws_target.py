"""TARGET=aws, the whole path, an emulator in the place of AWS: shown, asked, deployed, destroyed, again."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from harness.system import REPOSITORY
from tests.emulated.aws_stage import AwsStage, ended
from tests.emulated.target import TARGET_NAME, TRIAL, Target, change, trial_copy

WHOLE = {"offerloop-data", "offerloop", "offerloop-observability"}
COMPLETE = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
# Nobody answers sooner. Python does not hear a signal between writing a prompt and beginning to read.
HUMAN_S = 2.0


def not_as_aws(why: str) -> pytest.MarkDecorator:
    """Leave a test out on LocalStack, which is no stand-in for AWS in what it is about."""
    return pytest.mark.skipif(TARGET_NAME == "localstack", reason=f"LocalStack {why}")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """An emulator that stands in for AWS."""
    with Target(tmp_path_factory.mktemp("cloud"), TRIAL) as target:
        target.up()
        yield target


@pytest.fixture
def stage(cloud: Target, tmp_path: Path) -> Iterator[AwsStage]:
    """Stage "one" of an application that the test may change; nothing of it stays."""
    stage = AwsStage(cloud, trial_copy(tmp_path), "one")
    yield stage
    stage.destroy(DATA="1")


@pytest.fixture
def other_stage(cloud: Target, tmp_path: Path) -> Iterator[AwsStage]:
    """Stage "two" of another checkout."""
    stage = AwsStage(cloud, Path(shutil.copytree(TRIAL, tmp_path / "other")), "two")
    yield stage
    stage.destroy(DATA="1")


def is_whole(stage: AwsStage) -> bool:
    stacks = stage.stacks()
    return set(stacks) == WHOLE and set(stacks.values()) <= COMPLETE


def things(stage: AwsStage) -> list[str]:
    items = stage.client("dynamodb").scan(TableName=f"{stage.name}-Things")["Items"]
    return sorted(item["PK"]["S"] for item in items)


@pytest.mark.parametrize(
    "typed",
    ["n\n", *(pytest.param(end, marks=pytest.mark.slow) for end in ("\x04", None))],
    ids=["no", "the end", "nobody"],
)
def test_without_a_yes_nothing_is_changed_and_nothing_stays(stage: AwsStage, typed: str | None) -> None:
    refused = stage.run("deploy") if typed is None else stage.answer(typed, "deploy")

    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "nothing was changed" in refused.stderr
    assert stage.stacks() == {}


def test_account_region_stage_and_every_change_are_shown_before_the_question(stage: AwsStage) -> None:
    shown = stage.answer("n\n", "deploy").stdout

    before, question, _after = shown.partition("Deploy these changes to account 000000000000")
    assert question
    for words in (
        "caller     arn:aws:",
        "region     us-east-1",
        "stage      one",
        "one-offerloop-data (new)",
    ):
        assert words in before
    assert ["Add", "Things", "AWS::DynamoDB::Table"] in [line.split() for line in before.splitlines()]


def test_ctrl_c_at_the_question_leaves_nothing(stage: AwsStage) -> None:
    ours, theirs = os.openpty()
    process = stage.start(theirs, "deploy")
    assert process.stdout is not None
    said = ""
    while "[y/N]" not in said:
        said += os.read(process.stdout.fileno(), 4096).decode() or pytest.fail(said)
    time.sleep(HUMAN_S)
    process.send_signal(signal.SIGINT)

    assert ended(process).returncode == 130
    assert stage.stacks() == {}
    os.close(ours)
    os.close(theirs)


@pytest.mark.slow
@not_as_aws("makes an empty change set of an unchanged application")
def test_a_deployment_of_what_is_deployed_changes_nothing(stage: AwsStage) -> None:
    stage.deploy()

    again = stage.run("deploy", YES="1")

    assert "nothing changed, nothing deployed" in again.stdout, again.stdout
    assert stage.waiting_change_sets() == []


@pytest.mark.slow
def test_stages_live_side_by_side(stage: AwsStage, other_stage: AwsStage) -> None:
    confirmed = stage.answer("y\n", "deploy")
    assert confirmed.returncode == 0, confirmed.stderr
    one, two = stage.system(), other_stage.deploy()

    assert (is_whole(stage), is_whole(other_stage)) == (True, True)
    assert one.api_url != two.api_url
    for system in (one, two):
        key = {"X-API-Key": system.api_key}
        assert httpx.get(f"{system.api_url}/closed", headers=key, timeout=30).status_code == 200

    stage.destroy(DATA="1")
    assert is_whole(other_stage)


def test_no_secret_is_written_down(stage: AwsStage) -> None:
    key = stage.deploy().api_key
    stage.run("status")

    folder = stage.target.state / "aws-one"
    written = [path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()]

    assert written
    assert not any(key in text for text in written)


@pytest.mark.slow
@not_as_aws("does not say that a table would be replaced")
def test_a_change_is_shown_and_the_replacement_of_a_table_is_warned_of(stage: AwsStage) -> None:
    stage.deploy()
    change(stage.application / "sam/data.yaml", "AttributeName: PK", "AttributeName: QK")

    refused = stage.run("deploy")

    assert "WARNING Things (AWS::DynamoDB::Table)" in refused.stdout
    assert refused.returncode == 1
    assert stage.waiting_change_sets() == []
    assert things(stage) == []


def test_a_stage_without_its_data_stack_comes_back_with_its_data(stage: AwsStage) -> None:
    stage.deploy()
    stage.client("dynamodb").put_item(TableName="one-Things", Item={"PK": {"S": "kept"}})

    refused = stage.answer("two\n", "destroy")
    assert (refused.returncode, is_whole(stage)) == (1, True)
    said = stage.answer("one\n", "destroy").stdout

    assert "stays      stack one-offerloop-data" in said
    assert set(stage.stacks()) == {"offerloop-data"}
    system = stage.deploy()
    assert things(stage) == ["kept"]
    assert httpx.get(f"{system.api_url}/open", timeout=30).status_code == 200


@pytest.mark.slow
def test_a_stage_that_was_removed_with_its_data_can_be_deployed_again(stage: AwsStage) -> None:
    change(stage.application / "sam/data.yaml", "\nResources:\n", f"\nResources:\n{VERSIONED_BUCKET}")
    stage.deploy()
    stage.client("dynamodb").put_item(TableName="one-Things", Item={"PK": {"S": "lost"}})
    for content in (b"first version", b"second version"):
        stage.client("s3").put_object(Bucket="one-reports", Key="report", Body=content)

    said = stage.destroy(DATA="1")

    assert "removed table one-Things" in said
    assert stage.stacks() == {}
    buckets = [bucket["Name"] for bucket in stage.client("s3").list_buckets()["Buckets"]]
    assert "one-reports" not in buckets
    assert not [
        name for name in stage.client("dynamodb").list_tables()["TableNames"] if name.startswith("one-")
    ]
    stage.deploy()
    assert things(stage) == []


VERSIONED_BUCKET = """
  Reports:
    Type: AWS::S3::Bucket
    Properties: {BucketName: !Sub "${Prefix}reports", VersioningConfiguration: {Status: Enabled}}
"""


@pytest.mark.slow
@not_as_aws("does not know who reads an export")
def test_a_stage_that_is_needed_elsewhere_keeps_its_data(stage: AwsStage) -> None:
    """A stack of somebody else reads an export: nothing is removed before that is known."""
    stage.deploy()
    stage.destroy()
    stage.client("cloudformation").create_stack(StackName="reader", TemplateBody=READER)
    try:
        refused = stage.run("destroy", YES="1", DATA="1")
    finally:
        stage.client("cloudformation").delete_stack(StackName="reader")

    assert refused.returncode == 1
    assert "one-offerloop-data is needed by reader" in refused.stderr
    assert things(stage) == []


READER = """
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !ImportValue one-trial-failures}
"""


@pytest.mark.slow
def test_a_first_deployment_that_fails_names_the_reason_and_leaves_no_broken_stack(stage: AwsStage) -> None:
    template = stage.application / "template.yaml"
    whole = template.read_text()
    change(template, "\nOutputs:\n", BAD_QUEUE)

    failed = stage.run("deploy", YES="1")
    template.write_text(whole)

    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    assert "stack one-offerloop was not deployed: Queue (AWS::SQS::Queue): " in failed.stderr
    assert set(stage.stacks()) == {"offerloop-data"}
    stage.deploy()
    assert is_whole(stage)


BAD_QUEUE = """
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: not a name, VisibilityTimeout: 99999}
Outputs:
"""


@pytest.mark.slow
def test_an_emulator_s_stacks_are_removed_and_deployed_again_too(own_trial: Target) -> None:
    system = own_trial.up()
    system.client("dynamodb").put_item(TableName="Things", Item={"PK": {"S": "kept"}})

    def items() -> int:
        return int(system.client("dynamodb").scan(TableName="Things")["Count"])

    gone = own_trial.run("destroy")
    assert gone.returncode == 0, gone.stderr
    assert own_trial.run("outputs").returncode == 1
    assert items() == 1
    assert own_trial.run("deploy").returncode == 0
    assert httpx.get(f"{own_trial.system().api_url}/open", timeout=30).status_code == 200

    assert own_trial.run("destroy", DATA="1").returncode == 0
    assert system.client("dynamodb").list_tables()["TableNames"] == []
    again = own_trial.run("deploy")
    assert again.returncode == 0, again.stderr
    assert items() == 0


def test_the_stage_that_ships_goes_the_whole_way(cloud: Target) -> None:
    """Deployed, seeded, loaded within its budget, audited, taken down and back with its data, and gone."""
    stage = AwsStage(cloud, REPOSITORY, "dev")
    try:
        stage.deploy()
        assert stage.run("seed").returncode == 0
        load = {"RATE": "4", "DURATION": "60", "WARM_UP": "1", "WORKERS": "2", "MAX_REQUESTS": "30"}
        loaded = stage.run("load", **load, RESULTS=str(cloud.state / "load"))
        spent = re.search(r"budget: (\d+) requests answered of at most 30 sent", loaded.stdout)
        assert spent, loaded.stdout + loaded.stderr
        assert 0 <= int(spent[1]) <= 30
        assert stage.run("audit").returncode == 0

        stage.destroy()
        system = stage.deploy()

        served = httpx.post(
            f"{system.api_url}/offers/recommend", json={"user_id": "USER001"}, timeout=30
        ).json()
        assert served["total_available"] >= 4  # the load may have sold an offer out
        assert stage.run("audit").returncode == 0
    finally:
        stage.destroy(DATA="1")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("up", "make deploy TARGET=aws STAGE=one"),
        ("down", "make destroy TARGET=aws STAGE=one"),
        ("demo", "on AWS use"),
        ("probe", "probing is for emulators"),
        ("watch", "watching is for emulators"),
        ("load", "MAX_REQUESTS="),
        ("shoppers", "MINUTES="),
        ("replay", "LIMIT="),
        ("outputs", "one-offerloop-data is not there: run `make deploy TARGET=aws STAGE=one`"),
    ],
)
def test_what_aws_does_not_do_is_one_line(cloud: Target, command: str, words: str) -> None:
    refused = AwsStage(cloud, TRIAL, "one").run(command)

    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert words in refused.stderr


@pytest.mark.slow
def test_bare_sam_and_make_deploy_do_the_same(stage: AwsStage) -> None:
    """What `sam deploy` made of a stage's file is what `make deploy` would make, but for the code's zip."""
    runtime = f"PythonRuntime=python{sys.version_info.major}.{sys.version_info.minor}"
    file = stage.application / "stages/one.toml"
    change(
        file,
        's3_prefix = "one-offerloop"\nparameter_overrides = ["Prefix=one-"]',
        f's3_prefix = "one-offerloop"\nparameter_overrides = ["Prefix=one-", "{runtime}"]\n'
        'capabilities = "CAPABILITY_IAM"\n\n'
        f'[default.build.parameters]\nparameter_overrides = ["{runtime}"]',
    )
    path = f"{REPOSITORY / '.offerloop/boot/bin'}:{REPOSITORY / '.sam/bin'}:{os.environ['PATH']}"
    for command in (
        "sam deploy --config-file stages/one.toml --config-env data",
        "sam build --config-file stages/one.toml",
        "sam deploy --config-file stages/one.toml",
        "sam deploy --config-file stages/one.toml --config-env observability",
    ):
        subprocess.run(
            command.split(),
            cwd=stage.application,
            env=stage.environment(PATH=path, SAM_CLI_TELEMETRY="0"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )
    assert is_whole(stage)

    shown = stage.run("deploy", YES="1").stdout

    assert "one-offerloop-data: no changes" in shown
    assert "one-offerloop-observability: no changes" in shown
