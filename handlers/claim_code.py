"""get-promo-code: GET /get-code and POST /codes/claim."""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.metrics import MetricUnit

from handlers import wiring
from handlers.callers import admit_public, known_caller, shop_caller
from handlers.code_bodies import ClaimBody, claimed_json, worth
from handlers.rest import entry_point, idempotent_request, json_answer, parse, raw_body, rest_app
from offerloop.codes.claim_code import ClaimCode, claim_code
from offerloop.codes.model import pool_of_amount
from offerloop.errors import NotFound, PoolEmpty, UnknownAmount, UnknownPool
from offerloop.idempotency import Answer, IdempotentRequest
from offerloop.identity import Role

logger = Logger()
metrics = Metrics()
METHODS = {"/get-code": "GET", "/codes/claim": "POST"}
app = rest_app(logger, METHODS, wiring.settings().cors_origins, beside_problems={"success": False})


@app.get("/get-code")
def get_code() -> Response[str]:
    caller = shop_caller(app)
    if not wiring.settings().legacy_get:
        raise NotFound("this route is switched off: claim codes with POST /codes/claim")
    amount = app.current_event.query_string_parameters.get("amount")
    pool_id = pool_of_amount(worth(amount))
    request = idempotent_request(app, caller, "GET /get-code", (amount or "").encode())
    claimed = claimed_json(_claim(ClaimCode(pool_id), request, by_amount=True))
    answer = {name: claimed[name] for name in ("success", "promo_code", "amount")}
    return json_answer(200, answer, cache_control="no-store")


@app.post("/codes/claim")
def post_claim() -> Response[str]:
    caller = known_caller(app)
    body = raw_body(app)
    wanted = parse(ClaimBody, body)
    holder = caller.acts_for(wanted.holder or "") or None
    if holder is not None:
        admit_public(caller, holder)
    request = idempotent_request(app, caller, "POST /codes/claim", body)
    command = ClaimCode(wanted.pool_id(), holder, by_customer=caller.role is Role.CUSTOMER)
    answer = _claim(command, request, by_amount=wanted.amount is not None)
    return json_answer(200, claimed_json(answer), cache_control="no-store")


def _claim(command: ClaimCode, request: IdempotentRequest | None, *, by_amount: bool) -> Answer:
    try:
        answer = claim_code(command, codes=wiring.codes(), clock=wiring.clock(), request=request)
    except UnknownPool as unknown:
        if by_amount:
            raise UnknownAmount("no pool gives out codes worth this amount") from unknown
        raise
    except PoolEmpty:
        metrics.add_metric("PoolEmptyRefusals", MetricUnit.Count, 1)
        raise
    metrics.add_metric("CodesClaimed", MetricUnit.Count, 1)
    # Without the code: who reads logs could use it.
    logger.info("Code claimed", pool=command.pool_id, customer_id=command.holder_id)
    return answer


handle = entry_point(app, logger)
