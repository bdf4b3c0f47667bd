"""Take stacks down so that they can be deployed again: buckets emptied, what is retained removed or named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from harness.deploy import failed_resource
from harness.settings import Settings
from harness.stacks import (
    DATA,
    STACKS,
    Say,
    Stack,
    StackFailed,
    deployed_template,
    describe,
    looks_at,
    refuse_changing,
)
from harness.system import Clients

GONE_WITHIN_S = 1800


@dataclass(frozen=True)
class Resource:
    """One resource of a stack.

    Attributes:
        physical_id: its name or address in AWS.
        retained: the template keeps it when the stack goes.
    """

    logical_id: str
    kind: str
    physical_id: str
    retained: bool


def stacks_to_remove(with_data: bool) -> list[Stack]:
    """Give the stacks in the order in which they go: what reads exports before what exports."""
    return [stack for stack in reversed(STACKS) if with_data or stack is not DATA]


def remove_stacks(settings: Settings, client: Clients, with_data: bool, say: Say) -> list[Stack]:
    """Remove the stacks that are there, with everything in them.

    Args:
        with_data: the data stack too, with the tables that it retains.
    Returns:
        The stacks that were removed.
    Raises:
        StackFailed: one cannot be removed; those after it are left as they are.
    """
    removed = []
    if with_data:
        refuse_protected(settings, client)
    for stack in stacks_to_remove(with_data):
        if describe(client("cloudformation"), stack.name(settings)) is not None:
            remove_stack(stack.name(settings), client, say)
            removed.append(stack)
    return removed


def remove_stack(name: str, client: Clients, say: Say) -> None:
    """Empty a stack's buckets, remove the tables and streams that it would leave behind, and delete it.

    In this order, so that after an interruption the stack still says what there is to remove.

    Raises:
        StackFailed: somebody changes or needs it, or it cannot be deleted.
    """
    cloudformation = client("cloudformation")
    refuse_in_use(cloudformation, name)
    say(f"removing {name}")
    for resource in resources_of(cloudformation, name):
        if resource.kind == "AWS::S3::Bucket":
            empty_bucket(client("s3"), resource.physical_id)
        if resource.retained:
            remove_retained(resource, client, say)
    cloudformation.delete_stack(StackName=name)
    wait_until_gone(cloudformation, name, say)


def refuse_in_use(cloudformation: Any, name: str) -> None:
    """Refuse a stack that cannot go, before anything of it does.

    Raises:
        StackFailed: somebody changes it, it is protected, or another stack reads its exports.
    """
    description = describe(cloudformation, name) or {"StackStatus": ""}
    status = description["StackStatus"]
    refuse_changing(name, status, "DELETE_IN_PROGRESS")
    if description.get("EnableTerminationProtection"):
        raise StackFailed(
            f"stack {name} is protected from deletion: `aws cloudformation update-termination-protection "
            f"--no-enable-termination-protection --stack-name {name}` lifts that"
        )
    for output in description.get("Outputs") or []:
        readers = readers_of(cloudformation, output["ExportName"]) if output.get("ExportName") else []
        if readers:
            raise StackFailed(f"stack {name} is needed by {', '.join(readers)}, which reads its exports")


def readers_of(cloudformation: Any, export: str) -> list[str]:
    """Give the names of the stacks that read an export."""
    try:
        return list(cloudformation.list_imports(ExportName=export)["Imports"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # AWS's word for: none
            return []
        raise


def resources_of(cloudformation: Any, name: str) -> list[Resource]:
    """Read what a stack is made of."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    found = [each for page in pages for each in page["StackResourceSummaries"]]
    retained = retained_in(cloudformation, name) if found else set()
    return [
        Resource(
            each["LogicalResourceId"],
            each["ResourceType"],
            each["PhysicalResourceId"],
            each["LogicalResourceId"] in retained,
        )
        for each in found
        if each.get("PhysicalResourceId") and each["ResourceStatus"] != "DELETE_COMPLETE"
    ]


def retained_in(cloudformation: Any, name: str) -> set[str]:
    """Give the logical ids of what a stack's template keeps when the stack goes."""
    return {
        logical_id
        for logical_id, resource in deployed_template(cloudformation, name)["Resources"].items()
        if str(resource.get("DeletionPolicy", "")).startswith("Retain")
    }


def wait_until_gone(cloudformation: Any, name: str, say: Say) -> None:
    """Wait until a stack is deleted.

    Raises:
        StackFailed: it is not; names what stayed and why.
    """
    for description, spent_s in looks_at(cloudformation, name, say):
        if description is None or description["StackStatus"] == "DELETE_COMPLETE":
            return
        status = description["StackStatus"]
        if status == "DELETE_FAILED" or spent_s > GONE_WITHIN_S:
            reason = failed_resource(cloudformation, name) or description.get(
                "StackStatusReason", "no reason"
            )
            raise StackFailed(f"stack {name} is in {status}: {reason}; mend that and repeat")


def remove_retained(resource: Resource, client: Clients, say: Say) -> None:
    """Remove a table, stream or bucket that its stack kept; anything else is named and stays."""
    name = resource.physical_id
    if resource.kind == "AWS::DynamoDB::Table":
        remove_table(client("dynamodb"), name)
    elif resource.kind == "AWS::Kinesis::Stream":
        remove_stream(client("kinesis"), name)
    elif resource.kind == "AWS::S3::Bucket":  # empty by now
        remove_bucket(client("s3"), name)
    else:
        say(f"stays: {resource.logical_id} ({resource.kind}) {name}")
        return
    say(f"removed {resource.kind.split('::')[-1].lower()} {name}")


def remove_table(dynamodb: Any, name: str) -> None:
    """Delete a table and wait until its name is free."""
    try:
        dynamodb.delete_table(TableName=name)
    except dynamodb.exceptions.ResourceNotFoundException:
        return
    dynamodb.get_waiter("table_not_exists").wait(
        TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": GONE_WITHIN_S}
    )


def remove_stream(kinesis: Any, name: str) -> None:
    """Delete a stream and wait until its name is free."""
    try:
        kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)
    except kinesis.exceptions.ResourceNotFoundException:
        return
    kinesis.get_waiter("stream_not_exists").wait(
        StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": GONE_WITHIN_S}
    )


def remove_bucket(s3: Any, name: str) -> None:
    """Delete an empty bucket."""
    try:
        s3.delete_bucket(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise


def refuse_protected(settings: Settings, client: Clients) -> None:
    """Refuse to begin when a table is protected from deletion: half of a system would be left.

    Raises:
        StackFailed: names the table and how to lift its protection.
    """
    for name in tables_of(settings, client):
        try:
            table = client("dynamodb").describe_table(TableName=name)["Table"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                continue
            raise
        if table.get("DeletionProtectionEnabled"):
            raise StackFailed(
                f"table {name} is protected from deletion, nothing was removed: `aws dynamodb update-table "
                f"--table-name {name} --no-deletion-protection-enabled` lifts that"
            )


def tables_of(settings: Settings, client: Clients) -> list[str]:
    """Give the names of the data stack's tables; none when it is not there."""
    name = DATA.name(settings)
    if describe(client("cloudformation"), name) is None:
        return []
    resources = resources_of(client("cloudformation"), name)
    return [each.physical_id for each in resources if each.kind == "AWS::DynamoDB::Table"]


def empty_bucket(s3: Any, bucket: str, prefix: str = "") -> int:
    """Delete every version of every object.

    Args:
        prefix: only of objects whose names begin so.
    Returns:
        How many versions there were.
    """
    emptied = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        # A page has at most a thousand, as many as one call deletes.
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        versions = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
        if versions:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
        emptied += len(versions)
    return emptied
