"""What some patches of the embedded target's own emulator are for: how much it remembers, how fast it is."""

from __future__ import annotations

import statistics
import time
import uuid
from typing import Any

import pytest

from harness.system import RunningSystem
from tests.emulated.storefront import wait_for
from tests.emulated.target import TARGET_NAME

pytestmark = pytest.mark.skipif(TARGET_NAME != "embedded", reason="about the embedded target alone")

WITHIN_S = 20


def test_records_that_everybody_has_read_are_forgotten(trial: RunningSystem) -> None:
    run = uuid.uuid4().hex
    names = [f"{run}-{number}" for number in range(1_100)]
    for start in range(0, len(names), 25):
        puts = [{"PutRequest": {"Item": {"PK": {"S": name}}}} for name in names[start : start + 25]]
        trial.client("dynamodb").batch_write_item(RequestItems={"Things": puts})

    wait_for("the last record taken", lambda: is_seen(trial, names[-1]), 60)

    streams = trial.client("dynamodbstreams")
    stream = streams.list_streams(TableName="Things")["Streams"][0]["StreamArn"]
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    start = {"StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}

    def oldest() -> str:
        iterator = streams.get_shard_iterator(**start)["ShardIterator"]
        records = streams.get_records(ShardIterator=iterator, Limit=1)["Records"]
        return str(records[0]["dynamodb"]["Keys"]["PK"]["S"])

    wait_for("the oldest of them to go", lambda: oldest() in names[1:], WITHIN_S)


def is_seen(system: RunningSystem, name: str) -> bool:
    return "Item" in system.client("dynamodb").get_item(TableName="Seen", Key={"PK": {"S": name}})


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
