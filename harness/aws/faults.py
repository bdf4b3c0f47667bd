"""What AWS refused, as one line that says the way out."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from harness.settings import Refusal, Settings

LOG_IN = "log in again (`aws sso login`, or take new keys)"
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
UNKNOWN = {
    *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "InvalidToken"),
    *("SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure", "IncompleteSignature"),
    "MissingAuthenticationToken",
}
DENIED = {
    *("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"),
    *("Unauthorized", "UnauthorizedException", "AccessDenied.Exception", "403"),
}
THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"}
NOT_SWITCHED_ON = {"OptInRequired", "SubscriptionRequiredException", "RegionDisabledException"}
# As botocore words it, also in what the SAM CLI prints.
REFUSED = re.compile(
    r"An error occurred \((?P<code>[\w.]+)\) when calling the (?P<operation>\w+) operation"
    r"(?: \(reached max retries: \d+\))?: (?P<message>.*)"
)
DENIED_ACTION = re.compile(
    r"not authorized to perform:? (?P<action>[\w-]+:\w+)(?: on resource: (?P<on>\S+))?"
)


@contextlib.contextmanager
def in_one_line(settings: Settings) -> Iterator[None]:
    """Turn what botocore raises into a refusal of one line.

    Raises:
        Refusal: says the way out.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise Refusal(explained(error, settings)) from error


def explained(error: ClientError | BotoCoreError, settings: Settings) -> str:
    """Say in one line what is wrong and what to do."""
    if isinstance(error, ClientError):
        fault = error.response["Error"]
        return of_code(fault["Code"], error.operation_name, fault.get("Message", ""), settings)
    if isinstance(error, NoCredentialsError):
        return (
            "there are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "
            "`aws sts get-caller-identity` shows what AWS sees"
        )
    if isinstance(error, PartialCredentialsError):
        return f"the AWS credentials are incomplete: {one_line(str(error))}"
    if isinstance(error, ProfileNotFound):
        return f"{one_line(str(error))}: check AWS_PROFILE (`aws configure list-profiles`)"
    if isinstance(error, SSOError | TokenRetrievalError | CredentialRetrievalError):
        return f"the AWS credentials cannot be had ({one_line(str(error))}): {LOG_IN}"
    if isinstance(error, EndpointConnectionError):
        return (
            f"{error.kwargs['endpoint_url']} cannot be reached: check the network, and whether region "
            f"{settings.region} has this service"
        )
    return f"AWS cannot be reached: {one_line(str(error))}"


def explained_output(output: str, settings: Settings) -> str | None:
    """Say what AWS refused a command whose *output* this is; None when it shows nothing of the kind."""
    refused = REFUSED.search(output)
    if refused:
        return of_code(refused["code"], refused["operation"], refused["message"], settings)
    if "Unable to locate credentials" in output:
        return explained(NoCredentialsError(), settings)
    return None


def of_code(code: str, operation: str, message: str, settings: Settings) -> str:
    """Say in one line what an error code of AWS means here."""
    message = one_line(message)
    if code in EXPIRED:
        return f"the AWS credentials have expired ({code}): {LOG_IN}, then repeat"
    if code in UNKNOWN:
        return (
            f"AWS does not accept these credentials ({code}): check AWS_PROFILE or the keys with `aws sts "
            f"get-caller-identity`; a region that the account has not switched on ({settings.region}?) says "
            "the same"
        )
    if code in NOT_SWITCHED_ON:
        return f"the account has not switched on what {operation} needs in {settings.region}: {message}"
    if code in DENIED:
        denied = DENIED_ACTION.search(message)
        action = denied["action"] if denied else operation
        on = f" on {denied['on'].rstrip('.,')}" if denied and denied["on"] else ""
        return f"these credentials may not {action}{on}: docs/aws.md lists what a deployer needs"
    if code in THROTTLED:
        return f"AWS throttles {operation}: wait a minute, then repeat"
    return f"AWS refused {operation}: {code}: {message}"


def one_line(text: str) -> str:
    """Give a text without its line breaks."""
    return " ".join(text.split())
