"""How refusals look over HTTP: one table from error type to status, one form (RFC 9457 problem+json)."""

from collections.abc import Mapping

import orjson
from aws_lambda_powertools.event_handler import Response
from pydantic import ValidationError

from offerloop.errors import (
    AmountMismatch,
    CategoryMismatch,
    Conflict,
    CrmNotConfigured,
    FieldedRefusal,
    FieldError,
    IdempotencyKeyReused,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotSignedIn,
    NotSold,
    Refusal,
    SupplierChanged,
    TooManyRequests,
    TryAgain,
    UnknownAmount,
)

PROBLEM_JSON = "application/problem+json"


class MethodNotAllowed(Refusal):
    """The path exists and does not take this method."""

    code = "method_not_allowed"

    def __init__(self, method: str, allowed: str) -> None:
        super().__init__(f"{method} is not taken here; allowed: {allowed}")
        self.allowed = allowed


class PayloadTooLarge(Refusal):
    """The body is larger than any valid one."""

    code = "payload_too_large"


class UnsupportedMediaType(Refusal):
    """The body is not declared as JSON."""

    code = "unsupported_media_type"


STATUS_OF: Mapping[type[Refusal], int] = {
    InvalidInput: 400,
    UnknownAmount: 400,
    NotSignedIn: 401,
    NotAllowed: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    Conflict: 409,
    PayloadTooLarge: 413,
    UnsupportedMediaType: 415,
    CategoryMismatch: 422,
    NotSold: 422,
    AmountMismatch: 422,
    IdempotencyKeyReused: 422,
    TooManyRequests: 429,
    SupplierChanged: 502,
    CrmNotConfigured: 503,
    TryAgain: 503,
}


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a refusal: that of the nearest type in the table."""
    return next(STATUS_OF[kind] for kind in type(refusal).__mro__ if kind in STATUS_OF)


def problem(status: int, code: str, detail: str, extra: Mapping[str, object] | None = None) -> Response[str]:
    """A problem+json answer."""
    body = {"type": f"urn:offerloop:problem:{code}", "title": code.replace("_", " "), "status": status}
    return Response(
        status,
        PROBLEM_JSON,
        orjson.dumps(body | {"code": code, "detail": detail} | dict(extra or {})).decode(),
    )


def refused(refusal: Refusal, beside: Mapping[str, object] | None = None) -> Response[str]:
    """The answer to a refused request; field errors, the time to retry and what is put *beside* are in it."""
    extra: dict[str, object] = dict(beside or {})
    if isinstance(refusal, FieldedRefusal) and refusal.fields:
        extra["errors"] = [{"field": error.field, "message": error.message} for error in refusal.fields]
    answer = problem(status_of(refusal), refusal.code, refusal.message, extra)
    if isinstance(refusal, TryAgain):
        answer.headers["Retry-After"] = str(refusal.retry_after_s)
    if isinstance(refusal, MethodNotAllowed):
        answer.headers["Allow"] = refusal.allowed
    return answer


def invalid_input(error: ValidationError) -> InvalidInput:
    """What pydantic found, as a refusal; the values themselves are not repeated."""
    fields = [
        FieldError(".".join(str(part) for part in found["loc"]) or "body", found["msg"])
        for found in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return InvalidInput("the request body is not valid", fields)
