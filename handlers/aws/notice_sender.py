"""Texts to customers and to the shop's own subscribers, through SNS."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from offerloop.orders.send_notice import NoticeNotSent


class SnsNoticeSender:
    """`NoticeSender`.

    Args:
        sns: a boto3 client.
        topic_arn: what the shop's own phones are subscribed to.
    """

    def __init__(self, sns: Any, topic_arn: str) -> None:
        self._sns = sns
        self._topic_arn = topic_arn

    def announce(self, text: str) -> None:
        self._publish(TopicArn=self._topic_arn, Message=text)

    def send(self, phone: str, text: str) -> None:
        # https://docs.aws.amazon.com/sns/latest/dg/sms_sending-overview.html
        kind = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}
        self._publish(PhoneNumber=phone, Message=text, MessageAttributes=kind)

    def _publish(self, **request: Any) -> None:
        try:
            self._sns.publish(**request)
        except (ClientError, BotoCoreError) as error:
            raise NoticeNotSent(type(error).__name__) from error  # its text may repeat the number
