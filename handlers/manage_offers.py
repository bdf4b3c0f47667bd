"""offer-admin: list, get, create, change, pause and restock offers, for the shop's own server only."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response

from handlers import wiring
from handlers.bodies import checked_id
from handlers.callers import shop_caller
from handlers.offer_bodies import ChangeOfferBody, CreateOfferBody, RestockBody, offer_json
from handlers.rest import entry_point, idempotent_request, json_answer, page_query, parse, raw_body, rest_app
from offerloop.offers.manage_offers import change_offer, create_offer, pause_offer, restock_offer

logger = Logger()
METHODS = {
    "/offers": "GET, POST",
    "/offers/{offer_id}": "GET, PATCH",
    "/offers/{offer_id}/pause": "POST",
    "/offers/{offer_id}/restock": "POST",
}
app = rest_app(logger, METHODS)
MAX_PAGE = 200
DEFAULT_PAGE = 50


@app.get("/offers")
def get_offers() -> dict[str, object]:
    shop_caller(app)
    page = wiring.offers().page(*page_query(app, DEFAULT_PAGE, MAX_PAGE))
    return {"offers": [offer_json(offer) for offer in page.offers], "cursor": page.cursor}


@app.get("/offers/<offer_id>")
def get_offer(offer_id: str) -> dict[str, object]:
    shop_caller(app)
    return offer_json(wiring.offers().get(checked_id(offer_id)))


@app.post("/offers")
def post_offer() -> Response[str]:
    caller = shop_caller(app)
    body = raw_body(app)
    offer = parse(CreateOfferBody, body).offer()
    request = idempotent_request(app, caller, "POST /offers", body)
    answer = create_offer(offer, store=wiring.offers(), clock=wiring.clock(), request=request)
    logger.info("Offer created", offer_id=offer.offer_id, category=offer.category)
    return json_answer(201, dict(answer))


@app.patch("/offers/<offer_id>")
def patch_offer(offer_id: str) -> dict[str, object]:
    shop_caller(app)
    changes = parse(ChangeOfferBody, raw_body(app)).changes()
    offer = change_offer(checked_id(offer_id), changes, store=wiring.offers(), clock=wiring.clock())
    logger.info("Offer changed", offer_id=offer_id, attributes=sorted(changes))
    return offer_json(offer)


@app.post("/offers/<offer_id>/pause")
def post_pause(offer_id: str) -> dict[str, object]:
    shop_caller(app)
    offer = pause_offer(checked_id(offer_id), store=wiring.offers(), clock=wiring.clock())
    logger.info("Offer paused", offer_id=offer_id)
    return offer_json(offer)


@app.post("/offers/<offer_id>/restock")
def post_restock(offer_id: str) -> dict[str, object]:
    caller = shop_caller(app)
    body = raw_body(app)
    units = parse(RestockBody, body).units
    request = idempotent_request(app, caller, f"POST /offers/{offer_id}/restock", body)
    answer = restock_offer(
        checked_id(offer_id), units, store=wiring.offers(), clock=wiring.clock(), request=request
    )
    logger.info("Offer restocked", offer_id=offer_id, units=units)
    return dict(answer)


handle = entry_point(app, logger)
