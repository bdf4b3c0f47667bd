"""promo-code-admin: pools and their codes for the shop's own server; a customer sees its own codes."""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import ValidationError

from handlers import wiring
from handlers.bodies import checked_id
from handlers.callers import caller_about, known_caller, shop_caller
from handlers.code_bodies import (
    MAX_AT_ONCE,
    ChangePoolBody,
    CodesBody,
    CreatePoolBody,
    GenerateBody,
    code_json,
    intake_json,
    level_json,
    pool_json,
)
from handlers.errors import invalid_input
from handlers.rest import (
    JSON,
    entry_point,
    idempotent_request,
    json_answer,
    media_type,
    page_query,
    parse,
    raw_body,
    rest_app,
)
from offerloop.codes.manage_pools import Generating, change_pool, create_pool, generate_codes
from offerloop.codes.model import Code, canonical
from offerloop.codes.take_in import codes_in_csv, take_in
from offerloop.errors import InvalidInput, UnknownCode

CSV = "text/csv"
MAX_UPLOAD_BYTES = 256 * 1024  # MAX_AT_ONCE entries of 64 characters, and room; more goes through the inbox

logger = Logger()
metrics = Metrics()
METHODS = {
    "/codes/{code}": "GET, DELETE",
    "/customers/{customer_id}/codes": "GET",
    "/pools": "GET, POST",
    "/pools/{pool_id}": "GET, PATCH",
    "/pools/{pool_id}/codes": "POST",
    "/pools/{pool_id}/generate": "POST",
}
app = rest_app(logger, METHODS, wiring.settings().cors_origins)


@app.get("/codes/<code>")
def get_code(code: str) -> dict[str, object]:
    caller = known_caller(app)
    form = canonical(code)
    found = None if form is None else wiring.codes().code(form)
    # Somebody else's code is as unknown as one that was never made.
    if found is None or (caller.customer_id is not None and found.holder_id != caller.customer_id):
        raise _unknown()
    return code_json(found)


@app.delete("/codes/<code>")
def delete_code(code: str) -> dict[str, object]:
    shop_caller(app)
    form = canonical(code)
    if form is None:
        raise _unknown()
    withdrawn: Code = wiring.codes().withdraw(form)
    logger.info("Code withdrawn", pool=withdrawn.pool_id)
    return code_json(withdrawn)


@app.get("/customers/<customer_id>/codes")
def get_codes(customer_id: str) -> dict[str, object]:
    caller_about(app, checked_id(customer_id), "codes")
    limit, cursor = page_query(app)
    page = wiring.codes().of_holder(customer_id, limit, cursor)
    return {"codes": [code_json(code) for code in page.codes], "cursor": page.cursor}


@app.get("/pools")
def get_pools() -> dict[str, object]:
    shop_caller(app)
    return {"pools": [pool_json(pool) for pool in wiring.codes().pools()]}


@app.post("/pools")
def post_pool() -> Response[str]:
    caller = shop_caller(app)
    body = raw_body(app)
    pool = parse(CreatePoolBody, body).pool()
    request = idempotent_request(app, caller, "POST /pools", body)
    answer = create_pool(pool, codes=wiring.codes(), clock=wiring.clock(), request=request)
    logger.info("Pool created", pool=pool.pool_id)
    return json_answer(201, dict(answer))


@app.get("/pools/<pool_id>")
def get_pool(pool_id: str) -> dict[str, object]:
    shop_caller(app)
    pool = wiring.codes().pool(checked_id(pool_id))
    return pool_json(pool) | {"level": level_json(wiring.codes().level(pool_id))}


@app.patch("/pools/<pool_id>")
def patch_pool(pool_id: str) -> dict[str, object]:
    shop_caller(app)
    changes = parse(ChangePoolBody, raw_body(app)).changes()
    pool = change_pool(checked_id(pool_id), changes, codes=wiring.codes())
    logger.info("Pool changed", pool=pool_id, attributes=sorted(changes))
    return pool_json(pool)


@app.post("/pools/<pool_id>/codes")
def post_codes(pool_id: str) -> dict[str, object]:
    """Needs no Idempotency-Key: codes that were added before are not added again."""
    shop_caller(app)
    body = raw_body(app, (JSON, CSV), MAX_UPLOAD_BYTES)
    entries = codes_in_csv(body.decode()) if media_type(app) == CSV else _listed(body)
    if len(entries) > MAX_AT_ONCE:
        raise InvalidInput(f"at most {MAX_AT_ONCE} codes at once; larger lists go through the inbox in S3")
    codes = wiring.codes()
    intake = take_in(codes.pool(checked_id(pool_id)), entries, codes=codes)
    metrics.add_metric("CodesAdded", MetricUnit.Count, len(intake.added))
    logger.info("Codes uploaded", pool=pool_id, added=len(intake.added), ever_seen=intake.ever_seen)
    return intake_json(intake)


@app.post("/pools/<pool_id>/generate")
def post_generate(pool_id: str) -> Response[str]:
    caller = shop_caller(app)
    body = raw_body(app)
    wanted = parse(GenerateBody, body)
    made = generate_codes(
        checked_id(pool_id),
        wanted.spec(),
        wanted.count,
        Generating(wiring.codes(), wiring.clock(), wiring.ids(), wiring.token_secret()),
        request=idempotent_request(app, caller, f"POST /pools/{pool_id}/generate", body),
    )
    metrics.add_metric("CodesAdded", MetricUnit.Count, len(made))
    logger.info("Codes generated", pool=pool_id, added=len(made))
    return json_answer(201, {"added": len(made), "codes": list(made)}, cache_control="no-store")


def _listed(body: bytes) -> list[str]:
    try:
        return CodesBody.model_validate_json(body).root
    except ValidationError as error:
        raise invalid_input(error) from None


def _unknown() -> UnknownCode:
    return UnknownCode("no such code")


handle = entry_point(app, logger)
