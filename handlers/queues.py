"""Batches of queue messages: each taken by itself, and one that must wait comes back later and later."""

import random
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from handlers import wiring
from handlers.aws.transport import message_in_queue
from offerloop.backoff import pause_after
from offerloop.errors import TryAgain
from offerloop.outbox import Message


def answer_queue(
    event: dict[str, Any], context: Any, take: Callable[[Message], object], queue_url: str, logger: Logger
) -> dict[str, Any]:
    """Take each message of a batch; those that fail stay in the queue.

    A message that is refused for the moment (`TryAgain`) is hidden for a while that doubles with each
    attempt, with jitter, and never less long than the refusal asks for; any other failure comes back after
    the queue's own visibility timeout.
    """

    def take_record(record: SQSRecord) -> None:
        try:
            take(message_in_queue(record.body))
        except TryAgain as refusal:
            receives = int(record.attributes.approximate_receive_count)
            pause_s = max(pause_after(receives, random.random()), refusal.retry_after_s)
            logger.info("Message put back", code=refusal.code, reason=refusal.message, pause_s=pause_s)
            _hide(queue_url, record.receipt_handle, pause_s)
            raise

    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return dict(process_partial_response(event, take_record, processor, context))


def _hide(queue_url: str, receipt_handle: str, pause_s: int) -> None:
    wiring.client("sqs").change_message_visibility(
        QueueUrl=queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=pause_s
    )
