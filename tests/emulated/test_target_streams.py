"""Stream event sources keep AWS's delivery rules; on DynamoDB and on Kinesis."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

import pytest

from harness.system import RunningSystem
from tests.emulated.storefront import wait_for
from tests.emulated.target import TARGET_NAME

WITHIN_S = 20
# On LocalStack it is not (tests/emulated/differences.py), so there is less reason to wait for it.
GIVEN_UP_WITHIN_S = WITHIN_S if TARGET_NAME == "embedded" else 8


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

    wait_for("all good records taken", lambda: all(seen(trial, name) for name in good), GIVEN_UP_WITHIN_S)
    failure = wait_for(
        "the bad record in the failure destination", lambda: given_up(trial), GIVEN_UP_WITHIN_S
    )
    batches = [part for each in failure for name, part in each.items() if name.endswith("StreamBatchInfo")]
    batches += [part for each in failure for name, part in each.items() if name == "KinesisBatchInfo"]
    assert [each["requestContext"]["condition"] for each in failure] == ["RetryAttemptsExhausted"]
    assert [batch["batchSize"] for batch in batches] == [1]
    assert seen(trial, f"{run}-{flaw}") == 0


def test_records_come_once_where_nothing_fails(
    trial: RunningSystem, send: Callable[[list[str]], None]
) -> None:
    run = uuid.uuid4().hex
    names = [f"{run}-{number}" for number in range(25)]

    send(names)

    wait_for("the last record taken", lambda: seen(trial, names[-1]), WITHIN_S)
    assert [seen(trial, name) for name in names] == [1] * 25
