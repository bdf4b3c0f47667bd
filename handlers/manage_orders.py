"""order-api: price, place, show, list, cancel and rate orders, for the shop or the customer.

For the shop alone: refund them, and keep which phones get no texts about them.
"""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.metrics import MetricUnit

from handlers import wiring, wiring_rewards
from handlers.bodies import checked_id, decimal_number
from handlers.callers import caller_about, known_caller, shop_caller
from handlers.order_bodies import (
    OrderBody,
    PhoneBody,
    QuoteBody,
    RatingBody,
    RefundBody,
    order_details,
    order_json,
    quote_json,
    rating_json,
)
from handlers.order_reports import report_to
from handlers.rest import entry_point, idempotent_request, json_answer, page_query, parse, raw_body, rest_app
from offerloop.codes.check_code import GuessBudget, Judge, guesser, within_budget
from offerloop.identity import Caller
from offerloop.orders.cancel_order import cancel_order, order_of
from offerloop.orders.model import PAID
from offerloop.orders.place_order import place_order
from offerloop.orders.quote_order import quote_order
from offerloop.orders.rate_order import rate_order
from offerloop.orders.refund_order import refund_order

logger = Logger()
metrics = Metrics()
report = report_to(logger, metrics)
METHODS = {
    "/orders": "POST",
    "/orders/quote": "POST",
    "/orders/{order_id}": "GET",
    "/orders/{order_id}/cancel": "POST",
    "/orders/{order_id}/refund": "POST",
    "/orders/{order_id}/rating": "POST",
    "/customers/{customer_id}/orders": "GET",
    "/messages/opt-out": "POST",
    "/messages/opt-in": "POST",
}
app = rest_app(logger, METHODS, wiring.settings().cors_origins)


def _judge(caller: Caller, customer_id: str) -> Judge:
    """Who says whether a promo code may be used: guesses are counted."""
    return within_budget(guesser(caller, customer_id), GuessBudget(wiring.rate_counter()))


@app.post("/orders")
def post_order() -> Response[str]:
    caller = known_caller(app)
    body = raw_body(app)
    parsed = parse(OrderBody, body)
    command = parsed.command(caller.acts_for(parsed.customerId))
    answer = place_order(
        command,
        store=wiring.orders(),
        clock=wiring.clock(),
        ids=wiring.ids(),
        currency=wiring.settings().currency,
        judge=_judge(caller, command.customer_id),
        request=idempotent_request(app, caller, "POST /orders", body),
        report=report,
    )
    return json_answer(201, dict(answer) | {"totalAmount": decimal_number(command.total)})


@app.post("/orders/quote")
def post_quote() -> dict[str, object]:
    caller = known_caller(app)
    parsed = parse(QuoteBody, raw_body(app))
    currency = wiring.settings().currency
    customer_id = caller.acts_for(parsed.customerId)
    quote = quote_order(
        parsed.basket(customer_id),
        store=wiring.orders(),
        clock=wiring.clock(),
        currency=currency,
        rules=wiring_rewards.accrual_rules(),
        judge=_judge(caller, customer_id),
    )
    return quote_json(quote, currency)


@app.get("/orders/<order_id>")
def get_order(order_id: str) -> dict[str, object]:
    caller = known_caller(app)
    store = wiring.orders()
    order = order_of(checked_id(order_id), caller.customer_id, store)
    rating = wiring.ratings().of(order_id) if order.status in PAID else None
    return order_details(order, list(store.history(order_id)), rating)


@app.get("/customers/<customer_id>/orders")
def get_orders(customer_id: str) -> dict[str, object]:
    caller_about(app, checked_id(customer_id), "orders")
    limit, cursor = page_query(app)
    page = wiring.orders().of_customer(customer_id, limit, cursor)
    return {"orders": [order_json(order) for order in page.orders], "cursor": page.cursor}


@app.post("/orders/<order_id>/cancel")
def post_cancel(order_id: str) -> dict[str, object]:
    caller = known_caller(app)
    answer = cancel_order(
        checked_id(order_id),
        store=wiring.orders(),
        clock=wiring.clock(),
        customer_id=caller.customer_id,
        report=report,
    )
    return dict(answer)


@app.post("/orders/<order_id>/refund")
def post_refund(order_id: str) -> dict[str, object]:
    caller = shop_caller(app)  # money goes back at once, so not at a customer's own word
    body = raw_body(app)
    wanted = parse(RefundBody, body)
    answer = refund_order(
        checked_id(order_id),
        wanted.lines(),
        store=wiring.orders(),
        clock=wiring.clock(),
        reason=wanted.reason,
        request=idempotent_request(app, caller, f"POST /orders/{order_id}/refund", body),
        report=report,
    )
    amounts = {name: decimal_number(int(answer[name] or 0)) for name in ("refundedAmount", "refundedTotal")}
    return dict(answer) | amounts


@app.post("/orders/<order_id>/rating")
def post_rating(order_id: str) -> dict[str, object]:
    caller = known_caller(app)
    given = parse(RatingBody, raw_body(app))
    rating = rate_order(
        checked_id(order_id),
        given.rating,
        given.comment,
        store=wiring.orders(),
        ratings=wiring.ratings(),
        clock=wiring.clock(),
        customer_id=caller.customer_id,
    )
    metrics.add_metric("CustomerSatisfaction", MetricUnit.Count, rating.score)
    logger.info("Order rated", order_id=order_id, score=rating.score)
    return {"orderId": order_id} | rating_json(rating)


@app.post("/messages/opt-out")
def post_opt_out() -> dict[str, object]:
    return _texts_wanted(False)


@app.post("/messages/opt-in")
def post_opt_in() -> dict[str, object]:
    return _texts_wanted(True)


def _texts_wanted(wanted: bool) -> dict[str, object]:
    shop_caller(app)  # nobody else can tell whose phone it is
    phone = parse(PhoneBody, raw_body(app)).phone
    log = wiring.notice_log()
    (log.opt_in if wanted else log.opt_out)(phone)
    logger.info("Texts wanted" if wanted else "Texts not wanted")  # without the number
    return {"phone": phone, "optedOut": not wanted}


handle = entry_point(app, logger)
