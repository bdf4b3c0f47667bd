"""Messages on their way out: engagement to Kinesis, alerts to SNS, everything about orders to SQS."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from offerloop.outbox import Message, Topic

# https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
MAX_RECORDS = 500
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
MAX_SUBJECT = 100
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
MAX_ENTRIES = 10

logger = logging.getLogger(__name__)


class AwsTransport:
    """`Transport` to the engagement stream, the stockout topic and the queues.

    Args:
        client: gives the boto3 client of a service by its name.
        stream: name of the engagement stream.
        topic_arn: where stockout alerts go.
        queues: the address of the queue for each of the other topics.
    """

    def __init__(
        self, client: Callable[[str], Any], stream: str, topic_arn: str, queues: Mapping[Topic, str]
    ) -> None:
        self._client = client
        self._stream = stream
        self._topic_arn = topic_arn
        self._queues = queues

    def send(self, messages: Sequence[Message]) -> frozenset[str]:
        engagement = [message for message in messages if message.topic is Topic.ENGAGEMENT]
        alerts = [message for message in messages if message.topic is Topic.STOCKOUT_ALERT]
        sent = {message.message_id for message in alerts if self._alert(message)}
        for start in range(0, len(engagement), MAX_RECORDS):
            sent |= self._put_records(engagement[start : start + MAX_RECORDS])
        for queue_url in dict.fromkeys(self._queues.values()):
            queued = [message for message in messages if self._queues.get(message.topic) == queue_url]
            for start in range(0, len(queued), MAX_ENTRIES):
                sent |= self._enqueue(queue_url, queued[start : start + MAX_ENTRIES])
        return frozenset(sent)

    def _enqueue(self, queue_url: str, messages: Sequence[Message]) -> set[str]:
        entries = [
            {"Id": str(at), "MessageBody": queue_body(message).decode()}
            for at, message in enumerate(messages)
        ]
        try:
            answer = self._client("sqs").send_message_batch(QueueUrl=queue_url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            logger.warning("Queue refused %d messages: %s", len(entries), error)
            return set()
        return {messages[int(taken["Id"])].message_id for taken in answer.get("Successful", ())}

    def _put_records(self, messages: Sequence[Message]) -> set[str]:
        records = [
            {"Data": orjson.dumps(dict(message.body)), "PartitionKey": message.partition_key}
            for message in messages
        ]
        try:
            answer = self._client("kinesis").put_records(StreamName=self._stream, Records=records)
        except (ClientError, BotoCoreError) as error:
            logger.warning("Engagement stream refused %d records: %s", len(records), error)
            return set()
        taken = zip(messages, answer["Records"], strict=True)
        return {message.message_id for message, result in taken if not result.get("ErrorCode")}

    def _alert(self, message: Message) -> bool:
        try:
            body = orjson.dumps(dict(message.body)).decode()
            self._client("sns").publish(TopicArn=self._topic_arn, Subject=_subject(message), Message=body)
        except (ClientError, BotoCoreError) as error:
            logger.warning("Stockout alert refused: %s", error)
            return False
        return True


def queue_body(message: Message) -> bytes:
    """A message as it lies in a queue."""
    return orjson.dumps(
        {
            "message_id": message.message_id,
            "topic": message.topic.value,
            "partition_key": message.partition_key,
            "body": dict(message.body),
            "written_at_ms": message.written_at_ms,
        }
    )


def message_in_queue(text: str | bytes) -> Message:
    """Read what `queue_body` wrote."""
    body = orjson.loads(text)
    return Message(
        body["message_id"],
        Topic(body["topic"]),
        body["partition_key"],
        body["body"],
        body["written_at_ms"],
    )


def _subject(message: Message) -> str:
    """One line of printable ASCII, as SNS demands."""
    subject = f"Stockout: {message.body['offer_id']} ({message.body['category']})"
    return "".join(sign if " " <= sign <= "~" else "?" for sign in subject)[:MAX_SUBJECT]
