"""SQS and SNS: visibility, dead letters, order, filters, text messages."""

from __future__ import annotations

import json
from typing import Any

import httpx

from harness.probe.finding import Finding, Group, judged, kept, missing
from harness.probe.place import Place
from harness.probe.resources import make_queue, make_topic, take

SQS = Group("SQS")
SNS = Group("SNS")
RECEIVES = 3
PHONE = "+15550001111"
# Where an emulator shows the text messages that it would have sent; AWS shows none.
SENT_MESSAGES = {"embedded": "/_ministack/sns/sms-messages", "localstack": "/_aws/sns/sms-messages"}


@SQS.check()
def a_taken_message_is_invisible_until_its_timeout(place: Place) -> Finding:
    """A message with a visibility timeout of two seconds is taken and not deleted."""
    queue, _ = make_queue(place, VisibilityTimeout="2")
    place.client("sqs").send_message(QueueUrl=queue, MessageBody="one")
    place.wait_for("the message", lambda: take(place, queue))
    hidden = not take(place, queue)
    again = place.seen(lambda: take(place, queue), 6)
    seen = f"{'invisible' if hidden else 'visible'} at once, {'there' if again else 'not there'} again later"
    return judged(hidden and again, seen)


@SQS.check()
def a_message_goes_to_the_dead_letters_after_three_receives(place: Place) -> Finding:
    """A redrive policy with maxReceiveCount 3."""
    dead, dead_arn = make_queue(place, "dead")
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": RECEIVES})
    queue, _ = make_queue(place, VisibilityTimeout="0", RedrivePolicy=policy)
    place.client("sqs").send_message(QueueUrl=queue, MessageBody="one")
    receives = 0

    def ended() -> bool:
        nonlocal receives
        receives += len(take(place, queue))
        return bool(take(place, dead, VisibilityTimeout=0))

    place.wait_for("the dead letter", ended)
    return judged(receives == RECEIVES, f"a dead letter after {receives} receives")


@SQS.check(relied_on=False)
def a_fifo_queue_drops_a_duplicate(place: Place) -> Finding:
    """The same deduplication identifier twice, then another."""
    queue, _ = make_queue(place, "queue.fifo", FifoQueue="true")
    for token in ("one", "one", "two"):
        place.client("sqs").send_message(
            QueueUrl=queue, MessageBody=token, MessageGroupId="g", MessageDeduplicationId=token
        )
    bodies = [message["Body"] for message in place.wait_for("messages", lambda: take(place, queue))]
    return judged(bodies == ["one", "two"], f"sent one, one, two; came {', '.join(bodies)}")


@SQS.check(relied_on=False)
def a_fifo_group_waits_for_its_first_message(place: Place) -> Finding:
    """While a message of a group is taken, no later one of it comes; other groups go on."""
    queue, _ = make_queue(place, "queue.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for group, body in (("a", "a1"), ("a", "a2"), ("b", "b1")):
        place.client("sqs").send_message(QueueUrl=queue, MessageBody=body, MessageGroupId=group)
    receive = place.client("sqs").receive_message
    bodies: list[str] = []
    for _ in range(3):
        answer = receive(QueueUrl=queue, MaxNumberOfMessages=1)
        bodies += [message["Body"] for message in answer.get("Messages", [])]
    return judged(bodies == ["a1", "b1"], f"three takes gave {', '.join(bodies)}")


def publish(place: Place, topic: str, body: str, **attributes: str) -> None:
    """Publish a text with string attributes."""
    typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    place.client("sns").publish(TopicArn=topic, Message=body, MessageAttributes=typed)


def received(place: Place, queue: str, number: int) -> list[dict[str, Any]]:
    """Wait for *number* messages; give them in any order."""
    found: list[dict[str, Any]] = []

    def enough() -> bool:
        found.extend(take(place, queue))
        return len(found) >= number

    place.wait_for(f"{number} messages", enough)
    return found


@SNS.check()
def a_topic_delivers_to_its_queue(place: Place) -> Finding:
    """In the envelope that AWS uses when a subscription does not ask for the raw text."""
    queue, arn = make_queue(place)
    topic = make_topic(place, arn, RawMessageDelivery="false")
    publish(place, topic, "hello")
    envelope = json.loads(received(place, queue, 1)[0]["Body"])
    right = (envelope["Type"], envelope["Message"], envelope["TopicArn"]) == ("Notification", "hello", topic)
    return judged(right, f"a {envelope['Type']} with text and topic")


@SNS.check(relied_on=False)
def a_filter_policy_keeps_messages_away(place: Place) -> Finding:
    """A policy on an attribute: of three messages, the wanted one comes."""
    queue, arn = make_queue(place)
    topic = make_topic(place, arn, FilterPolicy=json.dumps({"kind": ["wanted"]}))
    publish(place, topic, "other", kind="other")
    publish(place, topic, "none")
    publish(place, topic, "wanted", kind="wanted")
    bodies = [message["Body"] for message in received(place, queue, 1)]
    bodies += [message["Body"] for message in take(place, queue)]
    return judged(bodies == ["wanted"], f"came: {', '.join(bodies)}")


@SNS.check(relied_on=False)
def sent_text_messages_can_be_read(place: Place) -> Finding:
    """A text message to a telephone, and the list that the emulator keeps."""
    text = place.name("text")
    place.client("sns").publish(PhoneNumber=PHONE, Message=text)
    path = SENT_MESSAGES.get(place.system.target)
    if path is None:
        return missing("sent; this target shows none")
    shown = httpx.get(f"{place.system.endpoint_url}{path}", timeout=5).text
    return kept(f"shown at {path}") if text in shown else missing(f"accepted, and not at {path}")
