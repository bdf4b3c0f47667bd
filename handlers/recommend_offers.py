"""offer-get-offers: POST /offers/recommend."""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers import wiring
from handlers.bodies import RecommendBody, recommended
from handlers.callers import admit_public, public_caller
from handlers.rest import entry_point, parse, raw_body, rest_app
from offerloop.offers.recommend import recommend

logger = Logger()
metrics = Metrics()
app = rest_app(logger, {"/offers/recommend": "POST"}, wiring.settings().cors_origins)


@app.post("/offers/recommend")
def post_recommend() -> dict[str, object]:
    caller = public_caller(app)
    user_id = caller.acts_for(parse(RecommendBody, raw_body(app)).user_id)
    admit_public(caller, user_id)
    stores = wiring.serving()
    served = recommend(
        user_id, contexts=stores.contexts, lists=stores.lists, offers=stores.offers, clock=wiring.clock()
    )
    metrics.add_metric("OffersRecommended", MetricUnit.Count, len(served.offers))
    logger.info(
        "Offers recommended",
        user_id=user_id,
        offers=[shown.offer.offer_id for shown in served.offers],
        experiment=served.assignment.experiment_id,
        variant=served.assignment.variant,
    )
    return {
        "user_id": user_id,
        "recommended_offers": [recommended(shown) for shown in served.offers],
        "total_available": served.total_available,
    }


handle = entry_point(app, logger)
