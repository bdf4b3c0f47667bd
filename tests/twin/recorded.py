"""What consumers of a deployed system were given, read back from the streams."""

import base64
from collections.abc import Iterator
from typing import Any

from handlers.aws.keys import METADATA, OFFER_PREFIX, OUTBOX_PREFIX
from harness.system import RunningSystem
from simulator.hunt.script import Stream

CONSUMERS = {
    Stream.OFFERS: "offer-inventory-monitor",
    Stream.OUTBOX: "offer-publish-events",
    Stream.ENGAGEMENT: "offer-update-trending",
}


class RecordedBatches:
    """Records as consumers got them, read from the streams themselves."""

    def __init__(self, system: RunningSystem) -> None:
        self._system = system
        self._streams, self._kinesis = system.client("dynamodbstreams"), system.client("kinesis")

    def latest(self, stream: Stream, count: int, back: int) -> Iterator[list[dict[str, Any]]]:
        """The latest *count* records of one source, leaving out the last *back*, as one batch each source."""
        sources = {
            Stream.OFFERS: [self._offer_changes],
            Stream.OUTBOX: [lambda: self._new_messages("UserActivity"), lambda: self._new_messages("Offers")],
            Stream.ENGAGEMENT: [self._published],
        }[stream]
        for read in sources:
            records = read()
            end = max(0, len(records) - back)
            if batch := records[max(0, end - count) : end]:
                yield batch

    def _offer_changes(self) -> list[dict[str, Any]]:
        return [
            record
            for record in self._of_table("Offers")
            if _keys(record)[0].startswith(OFFER_PREFIX) and _keys(record)[1] == METADATA
        ]

    def _new_messages(self, table: str) -> list[dict[str, Any]]:
        return [
            record
            for record in self._of_table(table)
            if record["eventName"] == "INSERT" and _keys(record)[0].startswith(OUTBOX_PREFIX)
        ]

    def _of_table(self, table: str) -> Iterator[dict[str, Any]]:
        [stream] = self._streams.list_streams(TableName=self._system.named(table))["Streams"]
        arn = stream["StreamArn"]
        for shard in self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            place = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            iterator = self._streams.get_shard_iterator(**place)["ShardIterator"]
            while iterator:
                page = self._streams.get_records(ShardIterator=iterator)
                for record in page["Records"]:
                    at = record["dynamodb"]["ApproximateCreationDateTime"].timestamp()
                    change = record["dynamodb"] | {"ApproximateCreationDateTime": at}
                    yield record | {"dynamodb": change, "eventSourceARN": arn}
                iterator = page.get("NextShardIterator") if page["Records"] else None

    def _published(self) -> list[dict[str, Any]]:
        arn = self._system.outputs["EngagementStreamArn"]
        records = []
        for shard in self._kinesis.list_shards(StreamARN=arn)["Shards"]:
            place = {"StreamARN": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            iterator = self._kinesis.get_shard_iterator(**place)["ShardIterator"]
            while iterator:
                page = self._kinesis.get_records(ShardIterator=iterator, StreamARN=arn)
                records += [_as_delivered(record, shard["ShardId"], arn) for record in page["Records"]]
                iterator = page.get("NextShardIterator") if page["Records"] else None
        return sorted(records, key=lambda record: record["kinesis"]["approximateArrivalTimestamp"])


def _keys(record: dict[str, Any]) -> tuple[str, str]:
    keys = record["dynamodb"]["Keys"]
    return keys["PK"]["S"], keys["SK"]["S"]


def _as_delivered(record: dict[str, Any], shard_id: str, arn: str) -> dict[str, Any]:
    return {
        "eventSource": "aws:kinesis",
        "eventSourceARN": arn,
        "eventID": f"{shard_id}:{record['SequenceNumber']}",
        "kinesis": {
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": record["SequenceNumber"],
            "data": base64.b64encode(record["Data"]).decode(),
            "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp(),
        },
    }
