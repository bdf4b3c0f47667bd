"""What AWS refuses is one line with the way out, whether boto3 or the SAM CLI met it."""

from __future__ import annotations

import socket
from io import StringIO
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    UnauthorizedSSOTokenError,
)
from botocore.stub import Stubber

from harness import sam
from harness.aws import account
from harness.aws.deploy import clear_after_question, refuse_unusable
from harness.aws.faults import explained, explained_output, in_one_line
from harness.aws.stage import load_stage
from harness.deploy import clear_failed
from harness.settings import Refusal, Settings
from harness.stacks import DATA, STACKS, StackFailed
from harness.system import REPOSITORY
from tests.unreachable_aws import a_client, a_session

REGION = "us-east-1"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    stage = load_stage("dev", REPOSITORY)
    return Settings("aws", REPOSITORY, tmp_path / "aws-dev", None, stage.prefix, REGION, False, stage)


def refused(code: str, message: str = "no", operation: str = "CreateChangeSet") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NoCredentialsError(), "no AWS credentials: set AWS_PROFILE"),
        (PartialCredentialsError(provider="env", cred_var="secret_key"), "incomplete"),
        (ProfileNotFound(profile="work"), "aws configure list-profiles"),
        (UnauthorizedSSOTokenError(), "aws sso login"),
        (refused("ExpiredToken"), "have expired (ExpiredToken): log in again"),
        (refused("ExpiredTokenException"), "have expired"),
        (refused("RequestExpired"), "have expired"),
        (refused("InvalidClientTokenId"), "does not accept these credentials (InvalidClientTokenId)"),
        (refused("UnrecognizedClientException"), "has not switched on (us-east-1?)"),
        (refused("OptInRequired"), "has not switched on what CreateChangeSet needs in us-east-1"),
        (refused("Throttling"), "wait a minute"),
        (refused("LimitExceeded", "too\nmany"), "AWS refused CreateChangeSet: LimitExceeded: too many"),
        (
            EndpointConnectionError(endpoint_url="https://kinesis.eu-nowhere-1.amazonaws.com"),
            "https://kinesis.eu-nowhere-1.amazonaws.com cannot be reached",
        ),
    ],
)
def test_a_fault_says_the_way_out(error: ClientError | BotoCoreError, words: str, settings: Settings) -> None:
    line = explained(error, settings)

    assert words in line
    assert "\n" not in line


def test_a_missing_permission_is_named(settings: Settings) -> None:
    message = (
        "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:CreateRole on resource: "
        "arn:aws:iam::123456789012:role/dev-x because no identity-based policy allows it"
    )

    assert explained(refused("AccessDenied", message), settings) == (
        "these credentials may not iam:CreateRole on arn:aws:iam::123456789012:role/dev-x: "
        "docs/aws.md lists what a deployer needs"
    )
    assert "may not CreateChangeSet:" in explained(refused("AccessDeniedException", "no"), settings)


def test_what_the_sam_cli_was_refused_is_explained_too(settings: Settings) -> None:
    printed = (
        "Error: Failed to create managed resources: An error occurred (ExpiredToken) when calling the "
        "DescribeStacks operation: The security token included in the request is expired\n"
    )

    assert "have expired" in str(explained_output(printed, settings))
    assert explained_output("Error: Template file not found", settings) is None


def test_expired_credentials_stop_everything_at_the_first_call(settings: Settings) -> None:
    sts = a_client("sts")
    with Stubber(sts) as stub:
        stub.add_client_error("get_caller_identity", "ExpiredToken", "The security token is expired", 403)
        with pytest.raises(Refusal, match="have expired"):
            account.identify(settings, lambda _service: sts)


def test_who_may_not_read_the_alias_is_shown_the_number_alone(settings: Settings) -> None:
    sts, iam = a_client("sts"), a_client("iam")
    caller = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/ann", "UserId": "A"}
    with Stubber(sts) as identity, Stubber(iam) as aliases:
        identity.add_response("get_caller_identity", caller)
        aliases.add_client_error("list_account_aliases", "AccessDenied", "no", 403)
        found = account.identify(settings, {"sts": sts, "iam": iam}.__getitem__)

    assert (str(found), found.caller_arn) == ("123456789012", caller["Arn"])


def test_a_region_that_lacks_a_service_is_refused_before_anything_is_made(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(host: str, _port: None) -> list[object]:
        if "kinesis" in host:
            raise socket.gaierror
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with pytest.raises(Refusal, match=r"region us-east-1 has no kinesis: choose another in stages/dev.toml"):
        account.refuse_missing_services(settings, a_session().client)


def test_behind_a_proxy_that_looks_names_up_nothing_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(_host: str, _port: None) -> list[object]:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    account.refuse_missing_services(settings, a_session().client)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("UPDATE_IN_PROGRESS", "somebody changes it now"),
        ("DELETE_IN_PROGRESS", "somebody changes it now"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "somebody changes it now"),
        (
            "UPDATE_ROLLBACK_FAILED",
            "aws cloudformation continue-update-rollback --stack-name dev-offerloop-data",
        ),
        ("DELETE_FAILED", "make destroy TARGET=aws STAGE=dev"),
    ],
)
def test_a_stack_that_takes_no_deployment_is_refused(status: str, words: str, settings: Settings) -> None:
    cloudformation = a_client("cloudformation")
    with Stubber(cloudformation) as stub:
        stub.add_response("describe_stacks", described(status))
        with pytest.raises(StackFailed, match=words):
            refuse_unusable(settings, DATA, cloudformation)


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_other_stacks_are_not(status: str, settings: Settings) -> None:
    cloudformation = a_client("cloudformation")
    with Stubber(cloudformation) as stub:
        stub.add_response("describe_stacks", described(status))
        refuse_unusable(settings, DATA, cloudformation)


def test_a_stack_in_rollback_complete_is_deleted_first_and_said_so(settings: Settings) -> None:
    cloudformation, said = a_client("cloudformation"), list[str]()
    name = {"StackName": "dev-offerloop-data"}
    with Stubber(cloudformation) as stub:
        stub.add_response("describe_stacks", described("ROLLBACK_COMPLETE"), name)
        stub.add_response("describe_stack_events", {"StackEvents": []}, name)
        stub.add_response("delete_stack", {}, name)
        stub.add_client_error(
            "describe_stacks", "ValidationError", "Stack with id dev-offerloop-data does not exist", 400
        )
        clear_failed(settings, DATA, cloudformation, said.append)
        stub.assert_no_pending_responses()

    assert said == ["dev-offerloop-data is in ROLLBACK_COMPLETE after a failed deployment: deleting it first"]


def test_it_is_not_deleted_without_a_yes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("YES", raising=False)
    monkeypatch.setattr("sys.stdin", StringIO())
    cloudformation = a_client("cloudformation")
    with Stubber(cloudformation) as stub:
        stub.add_response("describe_stacks", described("ROLLBACK_COMPLETE"))
        stub.add_response("describe_stack_events", {"StackEvents": []})
        for _ in STACKS[1:]:
            stub.add_client_error("describe_stacks", "ValidationError", "it does not exist", 400)
        with pytest.raises(Refusal, match="YES=1 is not set: nothing was changed"):
            clear_after_question(settings, cloudformation, lambda _line: None)
        stub.assert_no_pending_responses()


def described(status: str) -> dict[str, object]:
    return {
        "Stacks": [
            {"StackName": "dev-offerloop-data", "StackStatus": status, "CreationTime": "2026-01-01T00:00:00Z"}
        ]
    }


def test_a_refusal_keeps_its_cause(settings: Settings) -> None:
    with pytest.raises(Refusal) as refusal, in_one_line(settings):
        raise NoCredentialsError
    assert isinstance(refusal.value.__cause__, NoCredentialsError)


def test_the_sam_cli_deploys_with_the_credentials_whose_account_was_shown(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assumed = boto3.session.Session(
        aws_access_key_id="key", aws_secret_access_key="secret", aws_session_token="token"
    )
    monkeypatch.setattr(sam, "session_of", lambda *_: assumed)
    monkeypatch.setenv("AWS_PROFILE", "team")

    given = sam.network(settings, None)

    assert (
        given.items()
        >= {
            "AWS_PROFILE": "team",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_SESSION_TOKEN": "token",
        }.items()
    )
