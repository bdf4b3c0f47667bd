"""Messages go where their topic says, and what is not accepted is told."""

import json
from typing import Any

from botocore.exceptions import ClientError

from handlers.aws.transport import AwsTransport, message_in_queue
from offerloop.offers.engagement_messages import engagement_message
from offerloop.outbox import Message, Topic
from tests.factories import an_event


class Kinesis:
    """Accepts records in batches and refuses those of one partition key."""

    def __init__(self, refused: str = "") -> None:
        self.refused, self.batches = refused, []

    def put_records(self, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
        self.batches.append((StreamName, Records))
        return {
            "Records": [
                {"ErrorCode": "ProvisionedThroughputExceededException"}
                if record["PartitionKey"] == self.refused
                else {"SequenceNumber": "1"}
                for record in Records
            ]
        }


class Sns:
    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.published = error, []

    def publish(self, **message: str) -> None:
        if self.error:
            raise self.error
        self.published.append(message)


class Sqs:
    def __init__(self, refused: str | None = None) -> None:
        self.refused, self.batches = refused, []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        self.batches.append((QueueUrl, Entries))
        bodies = {entry["Id"]: json.loads(entry["MessageBody"]) for entry in Entries}
        taken = [{"Id": name} for name, body in bodies.items() if body["message_id"] != self.refused]
        return {"Successful": taken, "Failed": []}


QUEUES = {Topic.ORDER_WORK: "work", Topic.ORDER_NOTICE: "followups", Topic.SETTLEMENT: "followups"}


def transport(kinesis: Kinesis, sns: Sns, stream: str, topic: str, sqs: Sqs | None = None) -> AwsTransport:
    clients = {"kinesis": kinesis, "sns": sns, "sqs": sqs}
    return AwsTransport(clients.__getitem__, stream, topic, QUEUES)


def about_order(number: int, topic: Topic) -> Message:
    return Message(f"m{number}", topic, "order-1", {"order_id": "order-1"}, 7)


def events(count: int) -> list[Message]:
    return [engagement_message(an_event(f"e{n}", user_id=f"u{n}")) for n in range(count)]


def alert(category: str = "electronics") -> Message:
    body = {"offer_id": "OFF001", "category": category, "to_offer": "OFF004"}
    return Message("2027/p1", Topic.STOCKOUT_ALERT, "OFF001", body, 0)


def test_engagement_goes_out_in_batches_that_kinesis_takes():
    kinesis = Kinesis()

    sent = transport(kinesis, Sns(), "stream", "topic").send(events(1_100))

    assert [(name, len(records)) for name, records in kinesis.batches] == [
        ("stream", 500),
        ("stream", 500),
        ("stream", 100),
    ]
    assert len(sent) == 1_100
    first = kinesis.batches[0][1][0]
    assert (first["PartitionKey"], json.loads(first["Data"])["event_id"]) == ("u0", "e0")


def test_records_that_were_refused_are_not_sent():
    assert transport(Kinesis("u1"), Sns(), "s", "t").send(events(3)) == {"e0", "e2"}


def test_an_alert_goes_to_the_topic_with_a_plain_subject():
    sns = Sns()

    sent = transport(Kinesis(), sns, "s", "topic").send([alert("café\n" + "x" * 200)])

    assert sent == {"2027/p1"}
    [message] = sns.published
    assert message["TopicArn"] == "topic"
    assert json.loads(message["Message"])["to_offer"] == "OFF004"
    assert message["Subject"].startswith("Stockout: OFF001 (caf??xxx")
    assert len(message["Subject"]) == 100


def test_a_refused_alert_does_not_hold_up_the_events():
    error = ClientError({"Error": {"Code": "Throttled", "Message": ""}}, "Publish")

    sent = transport(Kinesis(), Sns(error), "s", "t").send([alert(), *events(2)])

    assert sent == {"e0", "e1"}


def test_messages_about_orders_go_to_the_queue_of_their_topic_ten_at_a_time():
    sqs = Sqs()
    work = [about_order(number, Topic.ORDER_WORK) for number in range(12)]
    others = [about_order(12, Topic.ORDER_NOTICE), about_order(13, Topic.SETTLEMENT)]

    sent = transport(Kinesis(), Sns(), "s", "t", sqs).send([*work, *others])

    assert [(url, len(entries)) for url, entries in sqs.batches] == [
        ("work", 10),
        ("work", 2),
        ("followups", 2),
    ]
    assert sent == {f"m{number}" for number in range(14)}
    assert message_in_queue(sqs.batches[0][1][0]["MessageBody"]) == work[0]


def test_a_message_that_its_queue_refused_is_not_sent():
    work = [about_order(number, Topic.ORDER_WORK) for number in range(3)]

    assert transport(Kinesis(), Sns(), "s", "t", Sqs(refused="m1")).send(work) == {"m0", "m2"}
