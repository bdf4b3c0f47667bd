"""Deploy the three stacks in their order, each only when something of it changed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from harness.sam import DEPLOY_WITHIN_S, SamFailed, SamRunner, build, build_fingerprint
from harness.settings import Settings
from harness.stacks import (
    DEPLOYED,
    SERVING,
    STACKS,
    Say,
    Stack,
    StackFailed,
    changed_at,
    describe,
    parameters_of,
    stack_fingerprint,
)
from harness.state import State

ARTIFACTS_BUCKET = "offerloop-artifacts"
# The SAM CLI wants to know where to push images as soon as a template has one. It never pushes the only one,
# which the parameter BrowserImage names. As in samconfig.toml.
NO_IMAGES_PUSHED = "000000000000.dkr.ecr.us-east-1.amazonaws.com/nothing-is-pushed-here"
NEVER_WHOLE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
# States that a deployment does not come back from. The SAM CLI sees some of them at once; for others, which
# an emulator alone gives after a failed update, it waits without end.
FAILED_FOR_GOOD = (*NEVER_WHOLE, "UPDATE_ROLLBACK_FAILED")
# What a stack itself says when a deployment, or its deletion, begins.
BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
SEEN_BY_SAM_WITHIN_S = 5
DELETED_WITHIN_S = 180


@contextlib.contextmanager
def prepared(settings: Settings, state: State) -> Iterator[SamRunner]:
    """Give a runner for this deployment, already starting when a stack looks changed from here."""
    with SamRunner(settings) as sam:
        known = {key: deployed["fingerprint"] for key, deployed in state.deployed.items()}
        if known != {stack.key: stack_fingerprint(settings, stack) for stack in STACKS}:
            sam.begin()
        yield sam


def deploy(
    settings: Settings,
    state: State,
    cloudformation: Any,
    endpoint_url: str,
    sam: SamRunner,
    say: Say,
    once_serving: Callable[[], None],
) -> None:
    """Deploy what changed; the fingerprints of what is deployed go into *state*.

    Args:
        once_serving: called when all is deployed that serves requests; what watches it is deployed meanwhile.
    Raises:
        StackFailed: a stack failed and was rolled back; the stacks after it are left as they are.
    """
    fingerprints = {stack.key: stack_fingerprint(settings, stack) for stack in STACKS}
    changed = [
        stack
        for stack in STACKS
        if not is_deployed(settings, stack, fingerprints[stack.key], cloudformation, state)
    ]

    def deployed(stack: Stack, template: Path) -> dict[str, str]:
        clear_failed(settings, stack, cloudformation, say)
        deploy_stack(settings, stack, template, sam, endpoint_url, cloudformation)
        description = describe(cloudformation, stack.name(settings))
        assert description is not None
        say(f"deployed {stack.name(settings)}")
        return {"fingerprint": fingerprints[stack.key], "changed": changed_at(description)}

    with SamRunner(settings) as builder, ThreadPoolExecutor(1) as threads:
        # The data stack is deployed while the code is built.
        building = None
        if any(stack.built for stack in changed):
            building = threads.submit(built_template, settings, builder)
        for stack in changed:
            if stack in SERVING:
                template = settings.application / stack.template
                if stack.built and building is not None:
                    template = building.result()
                state.deployed[stack.key] = deployed(stack, template)
        watching = {
            stack: threads.submit(deployed, stack, settings.application / stack.template)
            for stack in changed
            if stack not in SERVING
        }
        once_serving()
        for stack, result in watching.items():
            state.deployed[stack.key] = result.result()


def built_template(settings: Settings, sam: SamRunner) -> Path:
    """Build the application unless it is built.

    Raises:
        StackFailed: with the build's own message.
    """
    try:
        return build(settings, sam, build_fingerprint(settings))
    except SamFailed as failed:
        raise StackFailed(f"sam build failed: {last_error(failed.output)}") from failed


def deploy_stack(
    settings: Settings, stack: Stack, template: Path, sam: SamRunner, endpoint_url: str, cloudformation: Any
) -> None:
    """Run `sam deploy` for one stack.

    Raises:
        StackFailed: with the first resource that failed and why.
    """
    name = stack.name(settings)
    arguments = [
        *deploy_arguments(settings, stack, template),
        *("--s3-bucket", ARTIFACTS_BUCKET, "--s3-prefix", name, "--no-fail-on-empty-changeset"),
    ]
    try:
        sam.run(arguments, endpoint_url, DEPLOY_WITHIN_S, failed_for_good(cloudformation, name))
    except SamFailed as failed:
        reason = failed_resource(cloudformation, name) or last_error(failed.output)
        raise StackFailed(f"stack {name} was not deployed: {reason}") from failed


def deploy_arguments(settings: Settings, stack: Stack, template: Path) -> list[str]:
    """Give the arguments of `sam deploy` that are the same wherever a stack is deployed."""
    parameters = parameters_of(settings, stack)
    arguments = [
        *("deploy", "--template-file", str(template), "--stack-name", stack.name(settings)),
        *("--region", settings.region, "--no-progressbar", "--no-confirm-changeset"),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"),
    ]
    if stack.built:
        arguments += ["--image-repository", NO_IMAGES_PUSHED]
    if parameters:
        pairs = [f"ParameterKey={key},ParameterValue={quoted(value)}" for key, value in parameters.items()]
        arguments += ["--parameter-overrides", *pairs]
    return arguments


def quoted(value: str) -> str:
    """Give a parameter's value as the SAM CLI reads it back, whatever is in it."""
    if value and not set(value) & set(' "\\'):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def failed_for_good(cloudformation: Any, name: str) -> Callable[[], bool]:
    """Give a question: has the stack failed for good, and the SAM CLI had time to see it?"""
    failed_since: list[float] = []

    def failed() -> bool:
        description = describe(cloudformation, name)
        if description is None or description["StackStatus"] not in FAILED_FOR_GOOD:
            failed_since.clear()
        elif not failed_since:
            failed_since.append(time.monotonic())
        return bool(failed_since) and time.monotonic() - failed_since[0] > SEEN_BY_SAM_WITHIN_S

    return failed


def clear_failed(settings: Settings, stack: Stack, cloudformation: Any, say: Say) -> None:
    """Delete a stack that was never whole, and so takes no update.

    Raises:
        StackFailed: as `never_whole`; or it cannot be deleted.
    """
    state = never_whole(settings, stack, cloudformation)
    if state is None:
        return
    name = stack.name(settings)
    say(f"{name} is in {state} after a failed deployment: deleting it first")
    delete_failed(cloudformation, name, f"stack {name} in {state} cannot be deleted: {afresh(settings)}")


def never_whole(settings: Settings, stack: Stack, cloudformation: Any) -> str | None:
    """Give the state of a stack that failed for good and never was whole; None for any other, and for none.

    Raises:
        StackFailed: it was whole before an update failed, which emulators alone leave in such a state, having
            lost track of what there is.
    """
    name = stack.name(settings)
    description = describe(cloudformation, name)
    if description is None or description["StackStatus"] not in FAILED_FOR_GOOD:
        return None
    state = str(description["StackStatus"])
    if was_whole(cloudformation, name):
        raise StackFailed(
            f"stack {name} is in {state} after a failed deployment and takes no other: {afresh(settings)}"
        )
    return state


def afresh(settings: Settings) -> str:
    """Say how to begin again from nothing."""
    return f"`make {'destroy' if settings.stage else 'reset'}{settings.words}` starts afresh"


def delete_failed(cloudformation: Any, name: str, refusal: str) -> None:
    """Delete a stack that was never whole and wait until it is gone.

    Raises:
        StackFailed: with *refusal*, when it does not go.
    """
    cloudformation.delete_stack(StackName=name)
    try:
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": DELETED_WITHIN_S}
        )
    except WaiterError:
        raise StackFailed(refusal) from None


def was_whole(cloudformation: Any, name: str) -> bool:
    """Tell whether a deployment of the stack ever ended well."""
    return any(
        event["ResourceType"] == "AWS::CloudFormation::Stack" and event["ResourceStatus"] in DEPLOYED
        for event in events_of(cloudformation, name)
    )


def is_deployed(
    settings: Settings, stack: Stack, fingerprint: str, cloudformation: Any, state: State
) -> bool:
    """Tell whether a stack is there, whole, and untouched since we deployed this fingerprint."""
    known = state.deployed.get(stack.key)
    if known is None or known["fingerprint"] != fingerprint:
        return False
    description = describe(cloudformation, stack.name(settings))
    return (
        description is not None
        and description["StackStatus"] in DEPLOYED
        and changed_at(description) == known["changed"]
    )


def failed_resource(cloudformation: Any, name: str) -> str | None:
    """Give the first resource that failed in the last deployment, with its reason; None when none did."""
    first = None
    try:
        # Newest first; the deployment began where the stack itself went IN_PROGRESS. A page has a hundred:
        # a roll-back alone makes two for each resource.
        for event in events_of(cloudformation, name):
            own = event["ResourceType"] == "AWS::CloudFormation::Stack"
            if own and event["ResourceStatus"] in BEGINNINGS:
                break
            if event["ResourceStatus"].endswith("_FAILED") and not own:
                first = event
    except ClientError:
        return None
    if first is None:
        return None
    reason = first.get("ResourceStatusReason", "no reason given")
    return f"{first['LogicalResourceId']} ({first['ResourceType']}): {reason}"


def events_of(cloudformation: Any, name: str) -> Iterator[dict[str, Any]]:
    """Give everything that ever happened to a stack, the newest first; pages are read as they are needed."""
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=name):
        yield from page["StackEvents"]


def last_error(output: str) -> str:
    """Give the line in which the SAM CLI says what was wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("Error:")]
    return (errors or lines or ["it printed nothing"])[-1]
