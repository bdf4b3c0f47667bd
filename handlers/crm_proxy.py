"""crm-proxy: finds a buyer in the shop's CRM, shows its bonus and takes a new one to be written.

The CRM's key stays with the functions. Bonuses are set by the shop's server alone; a customer's token shows
the bonus of the buyer whose id is the customer's own.
"""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.metrics import MetricUnit

from handlers import wiring, wiring_crm
from handlers.bodies import decimal_number
from handlers.callers import admit_public, known_caller, shop_caller
from handlers.crm_bodies import BonusBody, bonus_json, buyer_id_of, buyer_json, contact_of
from handlers.rest import entry_point, idempotent_request, json_answer, parse, raw_body, rest_app
from offerloop.crm.model import masked_name
from offerloop.crm.queue_bonus import queue_bonus
from offerloop.crm.read_buyer import bonus_of, find_buyer
from offerloop.errors import NotAllowed

logger = Logger()
metrics = Metrics()
METHODS = {"/crm/buyers": "GET", "/crm/buyers/{buyer_id}/bonus": "GET, PUT"}
app = rest_app(logger, METHODS, wiring.settings().cors_origins)
NOT_KEPT = "no-store"  # by browsers and proxies: it is personal, and may change at once


@app.get("/crm/buyers")
def get_buyer() -> Response[str]:
    shop_caller(app)  # or anybody could learn whose number a number is
    asked = app.current_event.query_string_parameters
    contact = contact_of(asked.get("phone"), asked.get("email"))
    standing = find_buyer(contact, wiring_crm.crm_desk())
    masked = masked_name(standing.name or "")
    logger.info("Buyer found", buyer_id=standing.buyer_id, buyer_name=masked, by=contact.kind.value)
    return json_answer(200, buyer_json(standing), NOT_KEPT)


@app.get("/crm/buyers/<buyer_id>/bonus")
def get_bonus(buyer_id: str) -> Response[str]:
    caller = known_caller(app)
    if caller.acts_for(buyer_id_of(buyer_id)) != buyer_id:
        raise NotAllowed("a customer's token is for the buyer of the same id")
    admit_public(caller, buyer_id)
    return json_answer(200, bonus_json(bonus_of(buyer_id, wiring_crm.crm_desk())), NOT_KEPT)


@app.put("/crm/buyers/<buyer_id>/bonus")
def put_bonus(buyer_id: str) -> Response[str]:
    caller = shop_caller(app)  # or every customer would be rich
    body = raw_body(app)
    bonus = parse(BonusBody, body).minor()
    wiring_crm.crm_address()  # nothing is queued for a CRM that is not there
    answer = queue_bonus(
        buyer_id_of(buyer_id),
        bonus,
        writes=wiring_crm.bonus_writes(),
        clock=wiring.clock(),
        request=idempotent_request(app, caller, f"PUT /crm/buyers/{buyer_id}/bonus", body),
    )
    metrics.add_metric("CrmWritesQueued", MetricUnit.Count, 1)
    return json_answer(202, dict(answer) | {"bonus": decimal_number(bonus), "pending": True})


handle = entry_point(app, logger)
