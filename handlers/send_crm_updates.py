"""crm-send-updates: writes queued bonuses to the shop's CRM, a buyer's in their order, until it has them."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers import wiring, wiring_crm
from handlers.queues import answer_queue
from offerloop.crm.send_bonus import Sent, queued_bonus, send_bonus
from offerloop.outbox import Message

logger = Logger()
metrics = Metrics()
METRIC = {
    Sent.WRITTEN: "CrmWrites",
    Sent.SUPERSEDED: "CrmWritesSuperseded",
    Sent.REFUSED: "CrmWritesRefused",
}


def take(message: Message) -> None:
    buyer_id, version = queued_bonus(message)
    crm, writes, clock = wiring_crm.crm_for_writing(), wiring_crm.bonus_writes(), wiring.clock()
    sent = send_bonus(buyer_id, version, crm=crm, writes=writes, clock=clock)
    metrics.add_metric(METRIC[sent], MetricUnit.Count, 1)
    log = logger.error if sent is Sent.REFUSED else logger.info
    waited_ms = clock.now_ms() - message.written_at_ms
    log("Bonus for the CRM", outcome=sent.value, buyer_id=buyer_id, version=version, waited_ms=waited_ms)


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return answer_queue(event, context, take, wiring.settings().crm_queue_url, logger)
