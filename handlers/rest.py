"""What every REST function shares: a router that refuses in one form, and strict reading of requests."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import orjson
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, CORSConfig, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import BaseModel, ConfigDict, ValidationError

from handlers.errors import (
    MethodNotAllowed,
    PayloadTooLarge,
    UnsupportedMediaType,
    invalid_input,
    problem,
    refused,
)
from offerloop.errors import FieldError, InvalidInput, Refusal
from offerloop.idempotency import IdempotentRequest
from offerloop.identity import Caller

MAX_BODY_BYTES = 16_384
MAX_PAGE = 100
DEFAULT_PAGE = 20
JSON = "application/json"
HEADERS_OF_BROWSERS = ["Content-Type", "Idempotency-Key", "X-Customer-Token"]


class Body(BaseModel):
    """Base of all request bodies: strict types, no unknown fields."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


B = TypeVar("B", bound=Body)
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def rest_app(
    logger: Logger,
    methods: Mapping[str, str],
    cors_origins: tuple[str, ...] = (),
    beside_problems: Mapping[str, object] | None = None,
) -> APIGatewayRestResolver:
    """A router whose every refusal is problem+json.

    Args:
        methods: path as the template writes it -> its methods, for the `Allow` header. The gateway sends
            a function its own paths only, so a route that the router does not know is a wrong method.
        cors_origins: origins of browser pages that may call it; none = no CORS headers.
        beside_problems: fields that each refusal carries besides those of problem+json.
    """
    cors = None
    if cors_origins:
        cors = CORSConfig(
            cors_origins[0],
            list(cors_origins[1:]),
            allow_headers=HEADERS_OF_BROWSERS,
            expose_headers=["Retry-After"],
            max_age=600,
        )
    app = APIGatewayRestResolver(cors=cors, serializer=lambda body: orjson.dumps(body).decode())

    @app.exception_handler(Refusal)
    def answer_refusal(refusal: Refusal) -> Response[str]:
        Metrics().add_metric("RequestsRefused", MetricUnit.Count, 1)
        logger.info("Request refused", code=refusal.code, reason=refusal.message)
        return refused(refusal, beside_problems)

    @app.not_found
    def answer_unknown_route(_: NotFoundError) -> Response[str]:
        event = app.current_event
        return refused(MethodNotAllowed(event.http_method, methods[event.resource]))

    @app.exception_handler(Exception)
    def answer_fault(fault: Exception) -> Response[str]:
        Metrics().add_metric("RequestsFailed", MetricUnit.Count, 1)
        logger.exception("Request failed")
        return problem(500, "internal_error", "something went wrong on our side; the log has the reason")

    return app


def entry_point(app: APIGatewayRestResolver, logger: Logger) -> Handler:
    """The function that Lambda calls: logs carry the request's ids, metrics leave with the answer."""

    @logger.inject_lambda_context
    @Metrics().log_metrics
    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        return app.resolve(event, context)

    return handle


def raw_body(
    app: APIGatewayRestResolver, media_types: tuple[str, ...] = (JSON,), limit: int = MAX_BODY_BYTES
) -> bytes:
    """The request's body.

    Args:
        media_types: what it may be declared as.
        limit: how many bytes it may have.
    Raises:
        UnsupportedMediaType, PayloadTooLarge
        InvalidInput: the body is not valid UTF-8.
    """
    event = app.current_event
    declared = media_type(app)
    if declared not in media_types:
        raise UnsupportedMediaType(f"send {' or '.join(media_types)}, not {declared[:80] or 'nothing'!r}")
    try:
        body = (event.decoded_body if event.is_base64_encoded else event.body) or ""
        encoded = body.encode()
    except (UnicodeError, ValueError):
        raise InvalidInput("the body is not UTF-8 text") from None
    if len(encoded) > limit:
        raise PayloadTooLarge(f"the body is larger than {limit} bytes")
    return encoded


def media_type(app: APIGatewayRestResolver) -> str:
    """What the request's body is declared as; empty where it is not."""
    return (app.current_event.headers.get("content-type") or "").partition(";")[0].strip().lower()


def parse(model: type[B], body: bytes) -> B:
    """Raises:
    InvalidInput: names each field that is wrong.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise invalid_input(error) from None


def idempotent_request(
    app: APIGatewayRestResolver, caller: Caller, route: str, body: bytes
) -> IdempotentRequest | None:
    """The request under its Idempotency-Key, or None when it carries none.

    Raises:
        InvalidInput: the key is malformed.
    """
    key = app.current_event.headers.get("idempotency-key")
    if key is None:
        return None
    who = caller.customer_id or caller.address or "shop"
    return IdempotentRequest.of(f"{caller.role}:{who}:{route}", key, body)


def json_answer(status: int, body: Mapping[str, object], cache_control: str | None = None) -> Response[str]:
    """A JSON answer with another status than 200."""
    headers: dict[str, str | list[str]] = {"Cache-Control": cache_control} if cache_control else {}
    return Response(status, "application/json", orjson.dumps(body).decode(), headers)


def page_query(
    app: APIGatewayRestResolver, default: int = DEFAULT_PAGE, most: int = MAX_PAGE
) -> tuple[int, str | None]:
    """How long a page is to be, and where it begins.

    Raises:
        InvalidInput: the length is none, or out of range.
    """
    limit = query_int(app, "limit", default, 1, most)
    return limit, app.current_event.query_string_parameters.get("cursor")


def query_int(app: APIGatewayRestResolver, name: str, default: int, low: int, high: int) -> int:
    """A whole number from the query string.

    Raises:
        InvalidInput: it is not one, or out of range.
    """
    text = app.current_event.query_string_parameters.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and low <= int(text) <= high):
        message = f"must be a whole number, {low}..{high}"
        raise InvalidInput(f"{name} {message}", [FieldError(name, message)])
    return int(text)
