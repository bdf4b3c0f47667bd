"""Who calls, in which account and region; asked before anything else, so that faults show at once."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from harness.aws.faults import in_one_line
from harness.settings import Refusal, Settings
from harness.system import Clients, client_config, session_of

# What the three stacks are made of, by boto3's names.
SERVICES = (
    *("cloudformation", "s3", "dynamodb", "kinesis", "lambda", "apigateway", "sqs", "sns", "events"),
    *("logs", "cloudwatch", "secretsmanager", "xray"),
)


@dataclass(frozen=True)
class Account:
    """The account that credentials lead to.

    Attributes:
        number: twelve digits.
        alias: its name, None when it has none or we may not read it.
        caller_arn: user or role that calls.
    """

    number: str
    alias: str | None
    caller_arn: str

    def __str__(self) -> str:
        return f"{self.number} ({self.alias})" if self.alias else self.number


def clients(settings: Settings) -> Clients:
    """Give a function that makes boto3 clients in the stage's region.

    Credentials and addresses are botocore's own business: AWS_PROFILE, roles, AWS_ENDPOINT_URL …

    Raises:
        Refusal: the profile that the environment names does not exist.
    """
    with in_one_line(settings):
        session = session_of("aws", settings.region)
    return lambda service: session.client(service, config=client_config())


def identify(settings: Settings, client: Clients) -> Account:
    """Find out whose credentials these are.

    Raises:
        Refusal: none, expired, or unknown to AWS.
    """
    with in_one_line(settings):
        caller = client("sts").get_caller_identity()
    try:
        aliases = client("iam").list_account_aliases()["AccountAliases"]
    except (BotoCoreError, ClientError):  # to read it is a permission of its own that few need
        aliases = []
    return Account(caller["Account"], aliases[0] if aliases else None, caller["Arn"])


def refuse_missing_services(settings: Settings, client: Clients) -> None:
    """Refuse a region that lacks a service: its address has no entry in the DNS.

    Where not one has an entry, names are looked up elsewhere (behind a proxy), and nothing is known.

    Raises:
        Refusal: names the services.
    """
    assert settings.stage is not None
    missing = [service for service in SERVICES if not is_known(client(service).meta.endpoint_url)]
    if missing and len(missing) < len(SERVICES):
        raise Refusal(
            f"region {settings.region} has no {', '.join(missing)}: choose another in {settings.stage.shown}"
        )


def is_known(address: str) -> bool:
    """Tell whether the host of *address* has an entry in the DNS."""
    try:
        socket.getaddrinfo(urlsplit(address).hostname, None)
    except OSError:
        return False
    return True
