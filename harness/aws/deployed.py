"""The system that a stage has deployed, read from its stacks: nothing about it is kept on this machine."""

from __future__ import annotations

import os
import time
from typing import Any

from harness import state
from harness.aws.account import clients
from harness.aws.faults import in_one_line
from harness.settings import Refusal, Settings, settings_from_environment
from harness.stacks import APPLICATION, STACKS, StackFailed, describe, stack_outputs
from harness.system import NotRunning, RunningSystem, rest_api_url

READ_AGAIN_AFTER_S = 60.0  # a page of the dashboard asks every few seconds; AWS counts
_read: dict[str, tuple[float, RunningSystem]] = {}


def system_of_stage() -> RunningSystem:
    """Give the system of the stage that the environment names; at most a minute old.

    Raises:
        NotRunning: it is not deployed, or AWS lets nobody read it.
    """
    try:
        settings = settings_from_environment()
        read = _read.get(str(settings.state_dir))
        if read is None or time.monotonic() - read[0] > READ_AGAIN_AFTER_S:
            read = time.monotonic(), deployed_system(settings)
            _read[str(settings.state_dir)] = read
        return read[1]
    except Refusal as refusal:
        raise NotRunning(str(refusal)) from refusal


def deployed_system(settings: Settings) -> RunningSystem:
    """Read the outputs of a stage's stacks and the API key's value.

    Raises:
        NotRunning: a stack is not there.
        Refusal: AWS refused; says what to do.
    """
    assert settings.stage is not None
    client = clients(settings)
    with in_one_line(settings):
        cloudformation = client("cloudformation")
        try:
            outputs = stack_outputs(cloudformation, settings)
        except StackFailed as missing:
            raise NotRunning(f"stage {settings.stage.name} in {settings.region}: {missing}") from missing
        key = api_key(settings, cloudformation, client("apigateway"))
    known = state.load(settings.state_dir, settings.target)
    return RunningSystem(
        target="aws",
        endpoint_url=None,
        region=settings.region,
        prefix=settings.prefix,
        # Botocore's own setting; an emulator that stands in for AWS has the API at another address.
        api_url=rest_api_url(outputs["ApiUrl"], os.environ.get("AWS_ENDPOINT_URL") or None),
        api_key=key,
        dashboard_url=known.pages.get("dashboard") if known.running("dashboard") else None,
        outputs=outputs,
        state_dir=settings.state_dir,
        stage=settings.stage.name,
    )


def api_key(settings: Settings, cloudformation: Any, apigateway: Any) -> str:
    """Give the value of the shop's API key, as API Gateway knows it."""
    resource = cloudformation.describe_stack_resource(
        StackName=APPLICATION.name(settings), LogicalResourceId="ApiKey"
    )["StackResourceDetail"]
    return str(apigateway.get_api_key(apiKey=resource["PhysicalResourceId"], includeValue=True)["value"])


def stack_states(settings: Settings) -> list[str]:
    """Give the name and the state of each stack of a stage, one line each."""
    with in_one_line(settings):
        cloudformation = clients(settings)("cloudformation")
        described = {stack.name(settings): describe(cloudformation, stack.name(settings)) for stack in STACKS}
    return [f"{name} {each['StackStatus'] if each else 'is not there'}" for name, each in described.items()]
