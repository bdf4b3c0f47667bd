"""What some patches of the embedded target's own emulator are for: how much it remembers, how fast it is."""

from __future__ import annotations

import io
import json
import statistics
import time
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor
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


SLOW = """
import time

def answer(event, context):
    time.sleep(event["seconds"])
    return VERSION
"""


def code(version: int) -> bytes:
    """Give a zip with a function that takes its time and answers its version."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as entries:
        entries.writestr("slow.py", SLOW.replace("VERSION", str(version)))
    return packed.getvalue()


def test_calls_in_flight_outlive_a_change_of_their_function(trial: RunningSystem) -> None:
    """More calls than there are environments, so that some wait for one while the code changes."""
    functions = trial.client("lambda", read_timeout=120)
    like = functions.get_function_configuration(FunctionName="trial-answer")
    functions.create_function(
        FunctionName="slow",
        Runtime=like["Runtime"],
        Role=like["Role"],
        Handler="slow.answer",
        Code={"ZipFile": code(1)},
        Timeout=60,
    )
    wait_for("the function", lambda: _state(functions, "slow") == "Active", WITHIN_S)

    def call(seconds: float) -> Any:
        answered = functions.invoke(FunctionName="slow", Payload=json.dumps({"seconds": seconds}))
        return json.loads(answered["Payload"].read())

    assert call(0) == 1
    with ThreadPoolExecutor(12) as threads:
        before = [threads.submit(call, 3) for _ in range(12)]
        time.sleep(1.5)
        functions.update_function_code(FunctionName="slow", ZipFile=code(2))
        assert call(0) == 2
        assert {each.result() for each in before} <= {1, 2}  # those that waited have either
        assert set(threads.map(call, [0.2] * 12)) == {2}


def _state(functions: Any, name: str) -> str:
    return str(functions.get_function_configuration(FunctionName=name)["State"])
