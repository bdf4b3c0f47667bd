"""What checks make for themselves: tables, streams, queues, topics, buckets, stacks; removed at their end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from harness.probe.place import Place

Item = dict[str, dict[str, Any]]


def make_table(place: Place, *, stream: bool = False, index: bool = False) -> str:
    """Make a table with string keys ``PK`` and ``SK``; give its name.

    Args:
        stream: with a stream of both images.
        index: with an index ``ByRank`` over ``kind`` (string) and ``rank`` (number).
    """
    dynamodb, name = place.client("dynamodb"), place.name("table")
    attributes = [("PK", "S"), ("SK", "S")] + ([("kind", "S"), ("rank", "N")] if index else [])
    options: dict[str, Any] = {}
    if stream:
        options["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    if index:
        key = {"KeySchema": key_schema("kind", "rank"), "Projection": {"ProjectionType": "ALL"}}
        options["GlobalSecondaryIndexes"] = [{"IndexName": "ByRank", **key}]
    dynamodb.create_table(
        TableName=name,
        KeySchema=key_schema("PK", "SK"),
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": kind} for each, kind in attributes],
        BillingMode="PAY_PER_REQUEST",
        **options,
    )
    place.remove(dynamodb.delete_table, TableName=name)
    place.wait_for(
        "the table", lambda: dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE"
    )
    return name


def key_schema(partition: str, sort: str) -> list[dict[str, str]]:
    """Give a key of two attributes as DynamoDB takes it."""
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


def key(partition: str, sort: str = "-") -> Item:
    """Give the key of one item."""
    return {"PK": {"S": partition}, "SK": {"S": sort}}


def table_stream(place: Place, table: str) -> str:
    """Give the ARN of a table's stream."""
    return str(place.client("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"])


def table_changes(place: Place, table: str, number: int) -> list[dict[str, Any]]:
    """Wait for *number* changes of a table in its stream, from its beginning on; give them in order."""
    streams, stream = place.client("dynamodbstreams"), table_stream(place, table)

    def read() -> list[dict[str, Any]]:
        shards = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
        found = [record for shard in shards for record in _from_the_start(streams, stream, shard["ShardId"])]
        return found if len(found) >= number else []

    return place.wait_for(f"{number} changes", read)


def _from_the_start(streams: Any, stream: str, shard: str) -> Iterator[dict[str, Any]]:
    where = {"StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = streams.get_shard_iterator(**where)["ShardIterator"]
    while iterator:
        answer = streams.get_records(ShardIterator=iterator)
        if not answer["Records"]:
            return
        yield from answer["Records"]
        iterator = answer.get("NextShardIterator")


def make_kinesis_stream(place: Place) -> str:
    """Make a Kinesis stream of one shard; give its name."""
    kinesis, name = place.client("kinesis"), place.name("stream")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    place.remove(kinesis.delete_stream, StreamName=name, EnforceConsumerDeletion=True)
    place.wait_for("the stream", lambda: kinesis_summary(place, name)["StreamStatus"] == "ACTIVE")
    return name


def kinesis_summary(place: Place, name: str) -> dict[str, Any]:
    """Give the description of a Kinesis stream."""
    answer = place.client("kinesis").describe_stream_summary(StreamName=name)
    return dict(answer["StreamDescriptionSummary"])


def make_queue(place: Place, name: str = "queue", **attributes: str) -> tuple[str, str]:
    """Make a queue; give its address and its ARN."""
    sqs = place.client("sqs")
    address = sqs.create_queue(QueueName=place.name(name), Attributes=attributes)["QueueUrl"]
    place.remove(sqs.delete_queue, QueueUrl=address)
    answer = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["QueueArn"])
    return address, answer["Attributes"]["QueueArn"]


def take(place: Place, queue: str, **options: Any) -> list[dict[str, Any]]:
    """Take what is in a queue now, up to ten messages; they stay invisible for its visibility timeout."""
    answer = place.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10, **options)
    return list(answer.get("Messages", []))


def make_topic(place: Place, queue_arn: str, **attributes: str) -> str:
    """Make a topic to which a queue subscribes raw, unless *attributes* say otherwise; give its ARN."""
    sns = place.client("sns")
    topic = sns.create_topic(Name=place.name("topic"))["TopicArn"]
    place.remove(sns.delete_topic, TopicArn=topic)
    options = {"RawMessageDelivery": "true", **attributes}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes=options)
    return str(topic)


def make_bucket(place: Place) -> str:
    """Make a bucket; give its name."""
    s3, name = place.client("s3"), place.name("bucket")
    s3.create_bucket(Bucket=name)
    place.remove(s3.delete_bucket, Bucket=name)
    return name


class Stack:
    """A CloudFormation stack of one check."""

    def __init__(self, place: Place, name: str, resources: Mapping[str, Any], **sections: Any) -> None:
        self._place, self.name = place, place.name(name)
        self._cloudformation = place.client("cloudformation")
        self._cloudformation.create_stack(StackName=self.name, TemplateBody=template(resources, **sections))
        place.remove(self._remove)
        self.status = self.wait()

    def update(self, resources: Mapping[str, Any], **sections: Any) -> str:
        """Update it by a change set; give the status in which that ends."""
        changes = self.change_set(resources, **sections)
        self._cloudformation.execute_change_set(StackName=self.name, ChangeSetName=changes["ChangeSetName"])
        self._place.wait_for("the update to begin", self._has_begun)
        self.status = self.wait()
        return self.status

    def change_set(self, resources: Mapping[str, Any], **sections: Any) -> dict[str, Any]:
        """Make a change set, as `sam deploy` does; give its description."""
        where = {"StackName": self.name, "ChangeSetName": self._place.name("changes")}
        body = template(resources, **sections)
        self._cloudformation.create_change_set(**where, TemplateBody=body, ChangeSetType="UPDATE")

        def made() -> dict[str, Any]:
            described = self._cloudformation.describe_change_set(**where)
            return {} if described["Status"].endswith(("PENDING", "IN_PROGRESS")) else dict(described)

        return self._place.wait_for("the change set", made)

    def _has_begun(self) -> bool:
        return bool(self.describe().get("StackStatus") != "CREATE_COMPLETE")

    def delete(self) -> None:
        """Begin to delete it."""
        self._cloudformation.delete_stack(StackName=self.name)

    def _remove(self) -> None:
        """Delete it and wait until it has gone, because another may import from it or go next."""
        self.delete()
        self._place.wait_for(f"the end of stack {self.name}", lambda: self.wait() == "DELETE_COMPLETE")

    def describe(self) -> dict[str, Any]:
        """Describe it; nothing when it is gone."""
        try:
            return dict(self._cloudformation.describe_stacks(StackName=self.name)["Stacks"][0])
        except ClientError:
            return {}

    def output(self, name: str) -> str:
        """Give one output."""
        outputs = {each["OutputKey"]: each["OutputValue"] for each in self.describe()["Outputs"]}
        return str(outputs[name])

    def wait(self) -> str:
        """Wait until nothing is in progress; give the status."""

        def ended() -> str:
            status = self.describe().get("StackStatus", "DELETE_COMPLETE")
            return "" if status.endswith("IN_PROGRESS") else str(status)

        return str(self._place.wait_for("the end of the deployment", ended))


def template(resources: Mapping[str, Any], **sections: Any) -> str:
    """Give a template as JSON."""
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources, **sections})
