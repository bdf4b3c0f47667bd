"""Send what waits in queues of what was given up round again: follow-ups of orders, writes to the CRM."""

from __future__ import annotations

from typing import Any

from harness.system import RunningSystem

MAX_BATCH = (
    10  # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
)

# Outputs of the stacks: what was given up, and where it came from.
QUEUES = {"FollowupFailuresUrl": "OrderFollowupsUrl", "CrmFailuresUrl": "CrmQueueUrl"}


def redrive(system: RunningSystem) -> int:
    """Move each message back to its queue, one at a time: sent first, then deleted, so that none is lost.

    A message may come twice; its consumers are idempotent. SQS's own move task is not on every target.

    Returns:
        How many were moved.
    """
    sqs, moved = system.client("sqs"), 0
    for failures, origin in QUEUES.items():
        given_up, queue = system.outputs[failures], system.outputs[origin]
        while messages := _received(sqs, given_up):
            for message in messages:
                sqs.send_message(QueueUrl=queue, MessageBody=message["Body"])
                sqs.delete_message(QueueUrl=given_up, ReceiptHandle=message["ReceiptHandle"])
                moved += 1
    return moved


def _received(sqs: Any, queue_url: str) -> list[dict[str, Any]]:
    answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=MAX_BATCH, WaitTimeSeconds=1)
    return list(answer.get("Messages", ()))
