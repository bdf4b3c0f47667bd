"""The running system as every tool of this repository sees it: addresses, key, outputs and clients."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import boto3
from botocore.config import Config

REPOSITORY = Path(__file__).resolve().parent.parent

TargetName = Literal["embedded", "localstack", "aws"]

Clients = Callable[[str], Any]
"""Makes the boto3 client of a service, by its name."""

# What emulators accept; never the developer's own credentials, which must not leave the machine.
EMULATOR_CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


class NotRunning(RuntimeError):
    """No deployed system was found for this target; the message says which command starts one."""


@dataclass(frozen=True)
class RunningSystem:
    """One deployed and reachable system.

    Attributes:
        target: where it runs.
        endpoint_url: the emulator's address, None on AWS.
        region: AWS region name.
        prefix: what every table, function and stack name begins with; may be empty.
        api_url: base of the REST API without a trailing slash; append ``/offers/recommend``.
        api_key: value for the ``X-API-Key`` header.
        dashboard_url: the dashboard's address while it is up, else None.
        outputs: outputs of the three stacks in one mapping; output names are unique across stacks.
        state_dir: folder with this system's state.json, logs and emulator state.
        stage: name of the stage on AWS, empty on an emulator.
        payment_url: address of the stand-in payment service, None on AWS.
    """

    target: TargetName
    endpoint_url: str | None
    region: str
    prefix: str
    api_url: str
    api_key: str = field(repr=False)
    dashboard_url: str | None
    outputs: Mapping[str, str]
    state_dir: Path
    stage: str = ""
    payment_url: str | None = None

    def client(self, service: str, **config: Any) -> Any:
        """Give a boto3 client for *service* that talks to this system.

        Args:
            service: boto3 service name, for example ``dynamodb``.
            config: options of ``botocore.config.Config``, for example ``max_pool_connections=64``.
        """
        return session_of(self.target, self.region).client(
            service, endpoint_url=self.endpoint_url, config=client_config(**config)
        )

    def resource(self, service: str) -> Any:
        """Give a boto3 resource (``dynamodb``, ``s3`` …) that talks to this system."""
        return session_of(self.target, self.region).resource(
            service, endpoint_url=self.endpoint_url, config=client_config()
        )

    def named(self, name: str) -> str:
        """Give the deployed name of a table, stream or function: ``Offers`` → ``<prefix>Offers``."""
        return f"{self.prefix}{name}"

    def environment(self) -> dict[str, str]:
        """Give the variables with which a child process finds this system.

        Returns:
            The current environment with ``OFFERLOOP_TARGET``, ``OFFERLOOP_STATE``, ``OFFERLOOP_API_URL``,
            ``OFFERLOOP_API_KEY``, ``OFFERLOOP_PREFIX``, the region and, on an emulator,
            ``AWS_ENDPOINT_URL`` and the emulator's credentials, on AWS ``STAGE``.
        """
        variables = {
            **(os.environ if self.endpoint_url is None else without_aws_account(os.environ)),
            "OFFERLOOP_TARGET": self.target,
            "OFFERLOOP_STATE": str(self.state_dir.parent),
            "OFFERLOOP_API_URL": self.api_url,
            "OFFERLOOP_API_KEY": self.api_key,
            "OFFERLOOP_PREFIX": self.prefix,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }
        if self.endpoint_url is not None:
            variables |= emulator_environment(self.endpoint_url, self.region)
        if self.stage:
            variables["STAGE"] = self.stage
        return variables

    def as_json(self) -> dict[str, Any]:
        """Give the object that ``make -s outputs`` prints."""
        return {**asdict(self), "outputs": dict(self.outputs), "state_dir": str(self.state_dir)}


def emulator_environment(endpoint_url: str, region: str) -> dict[str, str]:
    """Give the variables that point boto3 and the SAM CLI at an emulator and away from real accounts."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": EMULATOR_CREDENTIALS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": EMULATOR_CREDENTIALS["aws_secret_access_key"],
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def without_aws_account(environment: Mapping[str, str]) -> dict[str, str]:
    """Give *environment* less everything that names an AWS account, session or profile."""
    return {name: value for name, value in environment.items() if not name.startswith("AWS_")}


def state_root() -> Path:
    """Give the folder that holds one folder per target: ``$OFFERLOOP_STATE`` or ``.offerloop`` here."""
    return Path(os.environ.get("OFFERLOOP_STATE") or REPOSITORY / ".offerloop").resolve()


def state_dir(target: TargetName = "embedded") -> Path:
    """Give the folder of one target's state.json, logs and emulator state; it need not exist."""
    return state_root() / target


def running_system(target: TargetName | None = None) -> RunningSystem:
    """Give the system that ``make up`` deployed last for *target* (default ``$OFFERLOOP_TARGET``, embedded).

    On an emulator it reads state.json only; whether the system still answers is for the caller's first
    request to show. On AWS it reads the stacks of the stage that ``$STAGE`` names.

    Raises:
        NotRunning: nothing is deployed, or AWS lets nobody read it.
    """
    name = target or os.environ.get("OFFERLOOP_TARGET") or "embedded"
    if name == "aws":
        from harness.aws.deployed import system_of_stage

        return system_of_stage()
    path = state_root() / name / "state.json"
    try:
        state = json.loads(path.read_text())
        system = state["system"]
    except (FileNotFoundError, KeyError):
        raise NotRunning(not_running(name)) from None
    dashboard_url = state.get("pages", {}).get("dashboard")
    return RunningSystem(**system, dashboard_url=dashboard_url, state_dir=path.parent)


def not_running(target: str) -> str:
    """Say that nothing runs on *target*, and which command starts it."""
    return f"nothing is running on target {target}: run `make up{of_target(target)}` first"


def of_target(target: str) -> str:
    """Give what a make command needs to mean *target*: nothing for the default."""
    return "" if target == "embedded" else f" TARGET={target}"


def rest_api_url(api_url: str, endpoint_url: str | None) -> str:
    """Turn the application stack's ``ApiUrl`` output into the address that answers on the target.

    Args:
        api_url: ``https://<id>.execute-api.<region>.amazonaws.com/<stage>`` with or without a last slash.
        endpoint_url: the emulator's address; None leaves *api_url* as it is.
    """
    if endpoint_url is None:
        return api_url.rstrip("/")
    parts = re.match(r"https?://([a-z0-9]+)\.execute-api\.[^/]+/([^/]+)", api_url)
    if parts is None:
        raise ValueError(f"not an API Gateway address: {api_url}")
    return f"{endpoint_url}/restapis/{parts[1]}/{parts[2]}/_user_request_"


def client_config(**options: Any) -> Config:
    """Give the client settings used towards every target: bounded waits, a pool that shoppers can share."""
    return Config(
        **{
            "connect_timeout": 5,
            "read_timeout": 60,
            "max_pool_connections": 64,
            "retries": {"mode": "standard", "total_max_attempts": 4},
            **options,
        }
    )


@functools.cache
def session_of(target: TargetName, region: str) -> boto3.session.Session:
    """Keep one session per target: a new one costs 90 ms, a client from a kept one 1.5 ms.

    On AWS the credentials are whatever botocore finds; one session asks for a second factor only once.
    """
    credentials = {} if target == "aws" else EMULATOR_CREDENTIALS
    return boto3.session.Session(region_name=region, **credentials)
