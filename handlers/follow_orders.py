"""order-followup: what a stored transition asks for afterwards - notices, corrected payments, redemptions."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers import wiring
from handlers.queues import answer_queue
from offerloop.orders.notices import NoticeStatus
from offerloop.orders.record_redemption import record_redemptions, redemption_of
from offerloop.orders.send_notice import notice_of, send_notice
from offerloop.orders.settle_payment import settle_payment, settlement_of
from offerloop.outbox import Message, Topic

# The other ends of a notice are as they should be: nobody wanted it.
COUNTED_AS = {
    NoticeStatus.SENT: "NoticesSent",
    NoticeStatus.FAILED: "NoticesNotSent",
    NoticeStatus.CAPPED: "NoticesNotSent",
}

logger = Logger()
metrics = Metrics()


def take(message: Message) -> None:
    _TAKE[message.topic](message)


def _notice(message: Message) -> None:
    asked = notice_of(message)
    status = send_notice(asked, wiring.notices())
    if status is not None:
        if status in COUNTED_AS:
            metrics.add_metric(COUNTED_AS[status], MetricUnit.Count, 1)
        logger.info("Notice", order_id=asked.order_id, kind=asked.kind.value, notice_status=status.value)


def _settlement(message: Message) -> None:
    settlement = settlement_of(message)
    settle_payment(settlement, wiring.payments())
    logger.info("Payment corrected", order_id=settlement.order_id, kind=settlement.kind.value)


def _redemption(message: Message) -> None:
    redemption = redemption_of(message)
    new = record_redemptions(redemption, store=wiring.activity())
    logger.info(
        "Redemptions recorded", order_id=message.body["order_id"], offer_id=redemption.offer_id, new=new
    )


_TAKE = {Topic.ORDER_NOTICE: _notice, Topic.SETTLEMENT: _settlement, Topic.OFFER_PURCHASE: _redemption}


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return answer_queue(event, context, take, wiring.settings().followup_queue_url, logger)
