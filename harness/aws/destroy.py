"""`make destroy TARGET=aws STAGE=…`: take a stage down, after its name was typed."""

from __future__ import annotations

from botocore.exceptions import ClientError

from harness import state
from harness.aws.account import clients, identify
from harness.aws.confirm import confirm
from harness.aws.deploy import show_place
from harness.aws.faults import in_one_line
from harness.destroy import empty_bucket, remove_stacks, stacks_to_remove, tables_of
from harness.settings import Settings
from harness.stacks import DATA, Say, describe
from harness.system import Clients

SAM_STACK = "aws-sam-cli-managed-default"  # where the SAM CLI keeps the bucket that `resolve_s3` means


def destroy(settings: Settings, with_data: bool, say: Say) -> bool:
    """Remove a stage's stacks, after the question.

    Args:
        with_data: the data stack and its tables too.
    Returns:
        Whether there was anything to remove.
    Raises:
        Refusal: not confirmed, or something the user has to change.
    """
    assert settings.stage is not None
    with state.locked(settings.state_dir):
        client = clients(settings)
        account = identify(settings, client)
        show_place(settings, account, say)
        with in_one_line(settings):
            if not anything_there(settings, client, with_data, say):
                return False
            stage = settings.stage.name
            confirm(f"Type the stage's name, {stage}, to remove this from account {account}:", (stage,))
            removed = remove_stacks(settings, client, with_data, say)
            if any(stack.built for stack in removed):
                remove_artifacts(settings, client, say)
    return True


def anything_there(settings: Settings, client: Clients, with_data: bool, say: Say) -> bool:
    """Say what will go and what stays; False when nothing would go."""
    cloudformation = client("cloudformation")
    names = [stack.name(settings) for stack in stacks_to_remove(with_data)]
    going = [name for name in names if describe(cloudformation, name) is not None]
    for name in going:
        say(f"goes       stack {name}")
    tables = tables_of(settings, client)
    if with_data and tables:
        say(f"goes       all data: tables {', '.join(tables)}")
    elif tables:
        say(f"stays      stack {DATA.name(settings)} with its tables and secrets (DATA=1 removes them)")
    return bool(going)


def remove_artifacts(settings: Settings, client: Clients, say: Say) -> None:
    """Remove the stage's deployment packages; other stages' stay."""
    assert settings.stage is not None
    bucket, prefix = settings.stage.artifacts
    bucket = bucket or sam_bucket(client)
    if bucket is None:
        return
    try:
        count = empty_bucket(client("s3"), bucket, f"{prefix}/")
    except ClientError as error:  # it is the account's bucket, and packages do no harm
        say(f"deployment packages in s3://{bucket}/{prefix}/ stay: {error.response['Error']['Code']}")
        return
    say(f"removed {count} deployment packages from s3://{bucket}/{prefix}/")


def sam_bucket(client: Clients) -> str | None:
    """Give the bucket that the SAM CLI made for deployment packages; None when there is none."""
    description = describe(client("cloudformation"), SAM_STACK)
    outputs = (description or {}).get("Outputs") or []
    return next((each["OutputValue"] for each in outputs if each["OutputKey"] == "SourceBucket"), None)
