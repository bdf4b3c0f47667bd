"""Stream event sources of the embedded target keep AWS's delivery rules; on DynamoDB and on Kinesis."""

from __future__ import annotations

import json
import statistics
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from harness.system import RunningSystem
from tests.emulated.storefront import wait_for

WITHIN_S = 20


@pytest.fixture(params=["dynamodb", "kinesis"])
def send(trial: RunningSystem, request: pytest.FixtureRequest) -> Callable[[list[str]], None]:
    """Put names into the stream, in order."""
    client = trial.client(request.param)

    def to_table(names: list[str]) -> None:
        for name in names:
            client.put_item(TableName="Things", Item={"PK": {"S": name}})

    def to_stream(names: list[str]) -> None:
        records = [{"Data": name.encode(), "PartitionKey": "one"} for name in names]
        client.put_records(StreamName="clicks", Records=records)

    return to_table if request.param == "dynamodb" else to_stream


def seen(system: RunningSystem, name: str) -> int:
    """How often the consumer has taken the record of that name."""
    item = system.client("dynamodb").get_item(TableName="Seen", Key={"PK": {"S": name}}).get("Item")
    return int(item["times"]["N"]) if item else 0


def given_up(system: RunningSystem) -> list[dict[str, object]]:
    """Take what is in the failure destination."""
    queue = {"QueueUrl": system.outputs["FailuresUrl"]}
    messages = system.client("sqs").receive_message(**queue, MaxNumberOfMessages=10).get("Messages", [])
    for message in messages:
        system.client("sqs").delete_message(**queue, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"]) for message in messages]


@pytest.mark.parametrize("flaw", ["poison", "reject"])
def test_a_bad_record_is_given_up_and_blocks_no_other(
    trial: RunningSystem, send: Callable[[list[str]], None], flaw: str
) -> None:
    run = uuid.uuid4().hex
    good = [f"{run}-{number}" for number in range(8)]

    send([*good[:4], f"{run}-{flaw}", *good[4:]])

    wait_for("all good records taken", lambda: all(seen(trial, name) for name in good), WITHIN_S)
    failure = wait_for("the bad record in the failure destination", lambda: given_up(trial), WITHIN_S)
    batches = [part for each in failure for name, part in each.items() if name.endswith("StreamBatchInfo")]
    batches += [part for each in failure for name, part in each.items() if name == "KinesisBatchInfo"]
    assert [each["requestContext"]["condition"] for each in failure] == ["RetryAttemptsExhausted"]
    assert [batch["batchSize"] for batch in batches] == [1]
    assert seen(trial, f"{run}-{flaw}") == 0


def test_records_that_everybody_has_read_are_forgotten(trial: RunningSystem) -> None:
    run = uuid.uuid4().hex
    names = [f"{run}-{number}" for number in range(1_100)]
    for start in range(0, len(names), 25):
        puts = [{"PutRequest": {"Item": {"PK": {"S": name}}}} for name in names[start : start + 25]]
        trial.client("dynamodb").batch_write_item(RequestItems={"Things": puts})

    wait_for("the last record taken", lambda: seen(trial, names[-1]), 60)

    streams = trial.client("dynamodbstreams")
    stream = streams.list_streams(TableName="Things")["Streams"][0]["StreamArn"]
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    start = {"StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}

    def oldest() -> str:
        iterator = streams.get_shard_iterator(**start)["ShardIterator"]
        records = streams.get_records(ShardIterator=iterator, Limit=1)["Records"]
        return str(records[0]["dynamodb"]["Keys"]["PK"]["S"])

    wait_for("the oldest of them to go", lambda: oldest() in names[1:], WITHIN_S)


def test_records_come_once_where_nothing_fails(
    trial: RunningSystem, send: Callable[[list[str]], None]
) -> None:
    run = uuid.uuid4().hex
    names = [f"{run}-{number}" for number in range(25)]

    send(names)

    wait_for("the last record taken", lambda: seen(trial, names[-1]), WITHIN_S)
    assert [seen(trial, name) for name in names] == [1] * 25


def test_a_full_stream_is_as_fast_as_an_empty_one(trial: RunningSystem) -> None:
    """Medians of one run, so that a slow machine is slow in both."""
    kinesis = trial.client("kinesis")
    kinesis.create_stream(StreamName="full", ShardCount=1)
    wait_for("the stream", lambda: _is_active(kinesis, "full"), WITHIN_S)

    empty_s = _median_put_s(kinesis)
    batch = [{"Data": b"x", "PartitionKey": "x"}] * 500
    for _ in range(200):
        assert kinesis.put_records(StreamName="full", Records=batch)["FailedRecordCount"] == 0
    full_s = _median_put_s(kinesis)

    assert full_s < 3 * empty_s, f"{1000 * empty_s:.1f} ms a put, and {1000 * full_s:.1f} ms behind 100,000"


def _is_active(kinesis: Any, name: str) -> bool:
    summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    return bool(summary["StreamStatus"] == "ACTIVE")


def _median_put_s(kinesis: Any) -> float:
    taken = []
    for _ in range(51):
        began = time.perf_counter()
        kinesis.put_record(StreamName="full", Data=b"x", PartitionKey="x")
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)
