"""Messages on their way out: engagement to Kinesis, alerts to SNS."""

import logging
from collections.abc import Sequence
from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from offerloop.outbox import Message, Topic

# https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
MAX_RECORDS = 500
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
MAX_SUBJECT = 100

logger = logging.getLogger(__name__)


class AwsTransport:
    """`Transport` to the engagement stream and the stockout topic.

    Args:
        kinesis, sns: boto3 clients.
        stream: name of the engagement stream.
        topic_arn: where stockout alerts go.
    """

    def __init__(self, kinesis: Any, sns: Any, stream: str, topic_arn: str) -> None:
        self._kinesis = kinesis
        self._sns = sns
        self._stream = stream
        self._topic_arn = topic_arn

    def send(self, messages: Sequence[Message]) -> frozenset[str]:
        engagement = [message for message in messages if message.topic is Topic.ENGAGEMENT]
        alerts = [message for message in messages if message.topic is Topic.STOCKOUT_ALERT]
        sent = {message.message_id for message in alerts if self._alert(message)}
        for start in range(0, len(engagement), MAX_RECORDS):
            sent |= self._put_records(engagement[start : start + MAX_RECORDS])
        return frozenset(sent)

    def _put_records(self, messages: Sequence[Message]) -> set[str]:
        records = [
            {"Data": orjson.dumps(dict(message.body)), "PartitionKey": message.partition_key}
            for message in messages
        ]
        try:
            answer = self._kinesis.put_records(StreamName=self._stream, Records=records)
        except (ClientError, BotoCoreError) as error:
            logger.warning("Engagement stream refused %d records: %s", len(records), error)
            return set()
        taken = zip(messages, answer["Records"], strict=True)
        return {message.message_id for message, result in taken if not result.get("ErrorCode")}

    def _alert(self, message: Message) -> bool:
        try:
            body = orjson.dumps(dict(message.body)).decode()
            self._sns.publish(TopicArn=self._topic_arn, Subject=_subject(message), Message=body)
        except (ClientError, BotoCoreError) as error:
            logger.warning("Stockout alert refused: %s", error)
            return False
        return True


def _subject(message: Message) -> str:
    """One line of printable ASCII, as SNS demands."""
    subject = f"Stockout: {message.body['offer_id']} ({message.body['category']})"
    return "".join(sign if " " <= sign <= "~" else "?" for sign in subject)[:MAX_SUBJECT]
