"""bonus-api: what an order would earn, accounts with their history, accruals of the shop's own server."""

from aws_lambda_powertools import Logger, Metrics

from handlers import wiring, wiring_rewards
from handlers.bodies import checked_id
from handlers.bonus_bodies import AccrualBody, account_json, accrued_json, quote_json, quote_query
from handlers.bonus_reports import report_to
from handlers.callers import caller_about, known_caller, shop_caller
from handlers.rest import entry_point, idempotent_request, page_query, parse, raw_body, rest_app
from offerloop.bonuses.accrue_bonus import Accruing, accrue_bonus
from offerloop.bonuses.model import Account
from offerloop.bonuses.quote_bonus import quote_bonus
from offerloop.clock import now_s

logger = Logger()
metrics = Metrics()
report = report_to(logger, metrics)
METHODS = {"/bonus-accrual": "POST", "/bonus/quote": "GET", "/customers/{customer_id}/bonus": "GET"}
app = rest_app(logger, METHODS, wiring.settings().cors_origins)
wiring_rewards.accrual_rules()  # rules that cannot be read fail at cold start


@app.post("/bonus-accrual")
def post_accrual() -> dict[str, object]:
    caller = shop_caller(app)
    body = raw_body(app)
    answer = accrue_bonus(
        parse(AccrualBody, body).command(),
        Accruing(
            wiring_rewards.bonus_ledger(),
            wiring.orders(),
            wiring_rewards.accrual_rules(),
            wiring.clock(),
            report,
        ),
        request=idempotent_request(app, caller, "POST /bonus-accrual", body),
    )
    return accrued_json(answer)


@app.get("/bonus/quote")
def get_quote() -> dict[str, object]:
    caller = known_caller(app)
    query = quote_query(app)
    customer_id = caller.acts_for(query.customerId or "")
    account = wiring_rewards.bonus_ledger().account(customer_id) if customer_id else Account("")
    order = query.amounts()
    return quote_json(quote_bonus(account, *order, wiring_rewards.accrual_rules(), wiring.clock().now_ms()))


@app.get("/customers/<customer_id>/bonus")
def get_account(customer_id: str) -> dict[str, object]:
    caller_about(app, checked_id(customer_id), "points")
    limit, cursor = page_query(app)
    ledger = wiring_rewards.bonus_ledger()
    page = ledger.history(customer_id, limit, cursor)
    return account_json(ledger.account(customer_id), page, now_s(wiring.clock()))


handle = entry_point(app, logger)
