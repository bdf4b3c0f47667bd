"""offer-issue-token: POST /customers/{customer_id}/token, for the shop's own server only."""

from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from pydantic import Field

from handlers import wiring
from handlers.bodies import checked_id
from handlers.callers import STOREFRONT, shop_caller
from handlers.rest import Body, entry_point, json_answer, parse, raw_body, rest_app
from offerloop.clock import now_s
from offerloop.identity import DEFAULT_TOKEN_LIFE_S, MAX_TOKEN_LIFE_S, issue_token

logger = Logger()
app = rest_app(logger, {"/customers/{customer_id}/token": "POST"})


class TokenBody(Body):
    lifetime_s: Annotated[int, Field(ge=1, le=MAX_TOKEN_LIFE_S)] = DEFAULT_TOKEN_LIFE_S


@app.post("/customers/<customer_id>/token")
def post_token(customer_id: str) -> Response[str]:
    shop_caller(app)
    lifetime_s = parse(TokenBody, raw_body(app)).lifetime_s
    expires_at = now_s(wiring.clock()) + lifetime_s
    token = issue_token(checked_id(customer_id), STOREFRONT, expires_at, wiring.token_secret())
    logger.info("Token issued", customer_id=customer_id, expires_at=expires_at)
    return json_answer(201, {"token": token, "expires_at": expires_at}, cache_control="no-store")


handle = entry_point(app, logger)
