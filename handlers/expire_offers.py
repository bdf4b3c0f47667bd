"""offer-expire-offers: a rule runs this every minute; it ends offers on time."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers import wiring
from offerloop.clock import now_s
from offerloop.offers.expire_offers import expire_offers

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    expired = expire_offers(store=wiring.offers(), now=now_s(wiring.clock()))
    metrics.add_metric("OffersExpired", MetricUnit.Count, len(expired))
    for offer_id in expired:
        logger.info(f"OFFER EXPIRED: {offer_id}", offer_id=offer_id)
    return {"expired": len(expired)}
