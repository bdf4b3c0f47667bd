"""Streams: what tables and Kinesis tell their readers, and in which order."""

from __future__ import annotations

import itertools
from typing import Any

from harness.probe.finding import Finding, Group, judged, kept, missing
from harness.probe.place import Place
from harness.probe.resources import (
    key,
    kinesis_summary,
    make_kinesis_stream,
    make_table,
    table_changes,
)

TABLE_STREAMS = Group("DynamoDB Streams")
KINESIS = Group("Kinesis")
SHARD_RECORDS_PER_SECOND = 1_000  # docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html


@TABLE_STREAMS.check()
def the_changes_of_an_item_come_in_order(place: Place) -> Finding:
    """Three items change ten times in turn; each one's changes are read in order."""
    dynamodb, table = place.client("dynamodb"), make_table(place, stream=True)
    for number in range(10):
        for item in "abc":
            dynamodb.put_item(TableName=table, Item={**key(item), "n": {"N": str(number)}})
    order: dict[str, list[int]] = {item: [] for item in "abc"}
    for change in table_changes(place, table, 30):
        order[change["dynamodb"]["Keys"]["PK"]["S"]].append(int(change["dynamodb"]["NewImage"]["n"]["N"]))
    right = sum(numbers == list(range(10)) for numbers in order.values())
    return judged(right == 3, f"ten changes each of three items: {right} in order, none twice")


@TABLE_STREAMS.check()
def a_change_carries_both_images(place: Place) -> Finding:
    """An item is made, changed and deleted."""
    dynamodb, table = place.client("dynamodb"), make_table(place, stream=True)
    first, second = ({**key("one"), "n": {"N": number}} for number in "12")
    dynamodb.put_item(TableName=table, Item=first)
    dynamodb.put_item(TableName=table, Item=second)
    dynamodb.delete_item(TableName=table, Key=key("one"))
    changes = [
        (each["eventName"], each["dynamodb"].get("OldImage"), each["dynamodb"].get("NewImage"))
        for each in table_changes(place, table, 3)
    ]
    expected = [("INSERT", None, first), ("MODIFY", first, second), ("REMOVE", second, None)]
    wrong = [each[0] for each, wanted in zip(changes, expected, strict=True) if each != wanted]
    return judged(
        not wrong, f"wrong: {', '.join(wrong)}" if wrong else "INSERT, MODIFY and REMOVE as written"
    )


@TABLE_STREAMS.check()
def a_write_that_changes_nothing_is_no_change(place: Place) -> Finding:
    """The same item is written twice: one record, as on AWS."""
    dynamodb, table = place.client("dynamodb"), make_table(place, stream=True)
    for item in ("same", "same", "last"):
        dynamodb.put_item(TableName=table, Item=key(item))
    changes = [each["dynamodb"]["Keys"]["PK"]["S"] for each in table_changes(place, table, 2)]
    return judged(changes == ["same", "last"], f"changes of {', '.join(changes)}")


@TABLE_STREAMS.check()
def a_late_reader_begins_at_the_first_change(place: Place) -> Finding:
    """TRIM_HORIZON gives what was written before anybody read."""
    dynamodb, table = place.client("dynamodb"), make_table(place, stream=True)
    for number in range(50):
        dynamodb.put_item(TableName=table, Item=key(str(number)))
    found = [each["dynamodb"]["Keys"]["PK"]["S"] for each in table_changes(place, table, 50)]
    return judged(found == [str(number) for number in range(50)], f"{len(found)} of 50 earlier changes")


def records(place: Place, stream: str, number: int) -> list[dict[str, Any]]:
    """Wait for *number* records of a Kinesis stream of one shard, from its beginning on."""
    kinesis = place.client("kinesis")
    shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    where = {"StreamName": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    found: list[dict[str, Any]] = []
    iterator = kinesis.get_shard_iterator(**where)["ShardIterator"]

    def read() -> bool:
        nonlocal iterator
        answer = kinesis.get_records(ShardIterator=iterator)
        iterator = answer["NextShardIterator"]
        found.extend(answer["Records"])
        return len(found) >= number

    place.wait_for(f"{number} records", read)
    return found


@KINESIS.check()
def the_records_of_a_partition_key_come_in_order(place: Place) -> Finding:
    """Two keys in turn, ten records each, put one by one."""
    kinesis, stream = place.client("kinesis"), make_kinesis_stream(place)
    for number in range(10):
        for name in "ab":
            kinesis.put_record(StreamName=stream, PartitionKey=name, Data=str(number).encode())
    order: dict[str, list[int]] = {"a": [], "b": []}
    for record in records(place, stream, 20):
        order[record["PartitionKey"]].append(int(record["Data"]))
    right = sum(numbers == list(range(10)) for numbers in order.values())
    return judged(right == 2, f"ten records each of two keys: {right} in order")


@KINESIS.check()
def sequence_numbers_grow(place: Place) -> Finding:
    """Those that puts answer with are those that are read, and rise."""
    kinesis, stream = place.client("kinesis"), make_kinesis_stream(place)
    put = [
        kinesis.put_record(StreamName=stream, PartitionKey="a", Data=b"x")["SequenceNumber"]
        for _ in range(20)
    ]
    read = [record["SequenceNumber"] for record in records(place, stream, 20)]
    growing = all(int(one) < int(two) for one, two in itertools.pairwise(put))
    return judged(
        growing and read == put, "20 rise, and are read as they were put" if growing else "not rising"
    )


@KINESIS.check(relied_on=False)
def retention_can_be_longer_than_a_day(place: Place) -> Finding:
    """From 24 to 48 hours."""
    kinesis, stream = place.client("kinesis"), make_kinesis_stream(place)
    before = kinesis_summary(place, stream)["RetentionPeriodHours"]
    kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=48)
    after = kinesis_summary(place, stream)["RetentionPeriodHours"]
    return judged((before, after) == (24, 48), f"{before} h, then {after} h")


@KINESIS.check(instead="an event waits in the outbox until its put went well; tests refuse puts themselves")
def a_shard_refuses_what_is_beyond_its_capacity(place: Place) -> Finding:
    """Twice the records that one shard takes in a second, in four calls."""
    kinesis, stream = place.client("kinesis"), make_kinesis_stream(place)
    entries = [{"Data": b"x", "PartitionKey": "a"}] * (SHARD_RECORDS_PER_SECOND // 2)
    refused = sum(
        kinesis.put_records(StreamName=stream, Records=entries)["FailedRecordCount"] for _ in range(4)
    )
    return kept("some of 2,000 records refused") if refused else missing("2,000 records at once taken")
