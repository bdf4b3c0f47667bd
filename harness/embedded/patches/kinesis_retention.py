"""Kinesis records past their retention leave from the front of a shard, where they are.

Without it: every call to a stream copies all records that the stream holds, so a replay of 160,000 events
spends more of the emulator's time on that with each event, and in the end most of it.
Fails without it: test_embedded_patches.py::test_a_full_stream_is_as_fast_as_an_empty_one.
"""

import itertools
import time

from ministack.services import kinesis


def apply() -> None:
    """Look at the oldest records only: a shard holds them in the order of their arrival."""
    kinesis._expire_records = expire_from_the_front


def expire_from_the_front(stream):
    """Drop the records that are older than the stream's retention period."""
    cutoff = time.time() - stream["RetentionPeriodHours"] * 3600
    for shard in stream["shards"].values():
        records = shard["records"]
        expired = sum(
            1
            for _ in itertools.takewhile(
                lambda record: record["ApproximateArrivalTimestamp"] < cutoff, records
            )
        )
        if expired:
            del records[:expired]
