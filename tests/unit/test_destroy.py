"""What stops a removal stops it before anything goes, and a removal that fails names what stayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from harness.deploy import failed_resource
from harness.destroy import empty_bucket, refuse_in_use, refuse_protected, stacks_to_remove, wait_until_gone
from harness.settings import Settings
from harness.stacks import STACKS, StackFailed
from tests.unreachable_aws import a_client

NAME = "offerloop-data"
SETTINGS = Settings("embedded", Path(), Path(), None, "", "us-east-1", False)


def described(**more: Any) -> dict[str, Any]:
    stack = {"StackName": NAME, "StackStatus": "CREATE_COMPLETE", "CreationTime": "2026-01-01T00:00:00Z"}
    return {"Stacks": [stack | more]}


def test_what_reads_exports_goes_before_what_exports_and_data_only_when_asked() -> None:
    data, application, observability = STACKS

    assert stacks_to_remove(with_data=False) == [observability, application]
    assert stacks_to_remove(with_data=True) == [observability, application, data]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"StackStatus": "UPDATE_IN_PROGRESS"}, "somebody changes it now"),
        ({"EnableTerminationProtection": True}, "--no-enable-termination-protection"),
    ],
)
def test_a_stack_that_cannot_go_is_refused_first(more: dict[str, Any], words: str) -> None:
    cloudformation = a_client("cloudformation")
    with Stubber(cloudformation) as stub:
        stub.add_response("describe_stacks", described(**more))
        with pytest.raises(StackFailed, match=words):
            refuse_in_use(cloudformation, NAME)


def test_a_stack_whose_exports_nobody_reads_may_go() -> None:
    cloudformation = a_client("cloudformation")
    outputs = [
        {"OutputKey": "A", "OutputValue": "a", "ExportName": "a"},
        {"OutputKey": "B", "OutputValue": "b"},
    ]
    with Stubber(cloudformation) as stub:
        stub.add_response("describe_stacks", described(Outputs=outputs))
        stub.add_client_error(
            "list_imports", "ValidationError", "Export 'a' is not imported by any stack.", 400
        )
        refuse_in_use(cloudformation, NAME)
        stub.assert_no_pending_responses()


def test_a_protected_table_is_named_with_the_way_out() -> None:
    cloudformation, dynamodb = a_client("cloudformation"), a_client("dynamodb")
    resource = {
        "LogicalResourceId": "OffersTable",
        "PhysicalResourceId": "Offers",
        "ResourceType": "AWS::DynamoDB::Table",
        "ResourceStatus": "CREATE_COMPLETE",
        "LastUpdatedTimestamp": "2026-01-01T00:00:00Z",
    }
    template = "Resources: {OffersTable: {Type: AWS::DynamoDB::Table, DeletionPolicy: Retain}}"
    with Stubber(cloudformation) as stacks, Stubber(dynamodb) as tables:
        stacks.add_response("describe_stacks", described())
        stacks.add_response("list_stack_resources", {"StackResourceSummaries": [resource]})
        stacks.add_response("get_template", {"TemplateBody": template})
        tables.add_response("describe_table", {"Table": {"DeletionProtectionEnabled": True}})
        with pytest.raises(StackFailed, match="table Offers is protected from deletion, nothing was removed"):
            refuse_protected(SETTINGS, {"cloudformation": cloudformation, "dynamodb": dynamodb}.__getitem__)


def test_a_removal_that_fails_names_the_resource_and_the_reason() -> None:
    cloudformation = a_client("cloudformation")
    failed = an_event("Reports", "DELETE_FAILED", ResourceStatusReason="The bucket is not empty")
    began = an_event(NAME, "DELETE_IN_PROGRESS", ResourceType="AWS::CloudFormation::Stack")
    with Stubber(cloudformation) as stub:
        stub.add_response("describe_stacks", described(StackStatus="DELETE_FAILED"))
        stub.add_response("describe_stack_events", {"StackEvents": [failed, began]})
        with pytest.raises(StackFailed, match=r"Reports \(AWS::S3::Bucket\): The bucket is not empty"):
            wait_until_gone(cloudformation, NAME, print)


def test_a_failure_is_found_behind_the_pages_of_its_roll_back() -> None:
    cloudformation = a_client("cloudformation")
    rolled_back = [an_event(f"Bucket{number}", "DELETE_COMPLETE") for number in range(100)]
    pages = [
        rolled_back,
        [
            an_event("Second", "CREATE_FAILED", ResourceStatusReason="Resource creation cancelled"),
            an_event("Reports", "CREATE_FAILED", ResourceStatusReason="The name is taken"),
            an_event(NAME, "CREATE_IN_PROGRESS", ResourceType="AWS::CloudFormation::Stack"),
            an_event("Earlier", "DELETE_FAILED", ResourceStatusReason="of another deployment"),
        ],
    ]
    with Stubber(cloudformation) as stub:
        stub.add_response("describe_stack_events", {"StackEvents": pages[0], "NextToken": "more"})
        stub.add_response("describe_stack_events", {"StackEvents": pages[1], "NextToken": "never read"})

        assert failed_resource(cloudformation, NAME) == "Reports (AWS::S3::Bucket): The name is taken"


def an_event(logical_id: str, status: str, **more: str) -> dict[str, str]:
    return {
        **{"StackId": "i", "StackName": NAME, "EventId": "e", "Timestamp": "2026-01-01T00:00:00Z"},
        **{"LogicalResourceId": logical_id, "ResourceType": "AWS::S3::Bucket", "ResourceStatus": status},
        **more,
    }


def test_a_bucket_is_emptied_of_every_version_and_mark() -> None:
    s3 = a_client("s3")
    page = {
        "Versions": [{"Key": "a", "VersionId": "1"}, {"Key": "a", "VersionId": "2"}],
        "DeleteMarkers": [{"Key": "b", "VersionId": "3"}],
    }
    all_of_it = [
        {"Key": "a", "VersionId": "1"},
        {"Key": "a", "VersionId": "2"},
        {"Key": "b", "VersionId": "3"},
    ]
    with Stubber(s3) as stub:
        stub.add_response("list_object_versions", page)
        stub.add_response(
            "delete_objects", {}, {"Bucket": "reports", "Delete": {"Objects": all_of_it, "Quiet": True}}
        )
        assert empty_bucket(s3, "reports") == 3
        stub.assert_no_pending_responses()


def test_who_waits_hears_from_time_to_time_what_state_the_stack_is_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cloudformation, now, said = a_client("cloudformation"), [0.0], list[str]()
    monkeypatch.setattr("harness.deploy.time.monotonic", lambda: now[0])
    monkeypatch.setattr("harness.deploy.time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    with Stubber(cloudformation) as stub:
        for _ in range(30):
            stub.add_response("describe_stacks", described(StackStatus="DELETE_IN_PROGRESS"))
        stub.add_client_error("describe_stacks", "ValidationError", "it does not exist", 400)
        wait_until_gone(cloudformation, NAME, said.append)
        stub.assert_no_pending_responses()

    # Of the looks, which are 3 s apart by then, the first ones beyond 20 s and 40 s.
    assert said == [f"{NAME} is in DELETE_IN_PROGRESS, {seconds} s" for seconds in (22, 43)]
