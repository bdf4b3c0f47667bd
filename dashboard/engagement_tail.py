"""Follow the engagement stream: what happened within the last minutes, without reading any table."""

import threading
from datetime import UTC, datetime
from typing import Any

import orjson
from botocore.exceptions import ClientError

from dashboard.data import ENGAGEMENT_SHOWN_S, Engagement
from offerloop.offers.model import EventType

MAX_CALLS = 25  # per shard and refresh; a call brings up to 10 MB, the rest comes with the next refresh
KEPT_USERS = 40


class EngagementTail:
    """Reads on where it stopped; one instance serves all visitors of the dashboard.

    Args:
        kinesis: a boto3 client.
        stream: the deployed name of the stream.
    """

    def __init__(self, kinesis: Any, stream: str) -> None:
        self._kinesis = kinesis
        self._stream = stream
        self._iterators: dict[str, str] = {}
        self._seen: dict[str, int] = {}  # event id -> epoch seconds; an event may be published twice
        self._users: dict[str, None] = {}  # most recently active last
        self._engagement = Engagement()
        self._lock = threading.Lock()

    def read(self, now: int) -> Engagement:
        """What happened from ENGAGEMENT_SHOWN_S ago to now (epoch seconds)."""
        with self._lock:
            for shard in self._kinesis.list_shards(StreamName=self._stream)["Shards"]:
                self._read_shard(shard["ShardId"], now)
            self._engagement.forget_before(now)
            oldest = now - ENGAGEMENT_SHOWN_S
            self._seen = {event_id: at for event_id, at in self._seen.items() if at >= oldest}
            return Engagement(self._engagement.counts.copy())

    @property
    def active_users(self) -> list[str]:
        """Users seen in the stream, most recently active first."""
        return list(self._users)[::-1][:KEPT_USERS]

    def _read_shard(self, shard_id: str, now: int) -> None:
        iterator = self._iterators.get(shard_id) or self._iterator(shard_id, now)
        for _ in range(MAX_CALLS):
            try:
                answer = self._kinesis.get_records(ShardIterator=iterator)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ExpiredIteratorException":
                    raise
                # Nobody looked for five minutes; what is read twice is not counted twice.
                iterator = self._iterator(shard_id, now)
                continue
            for record in answer["Records"]:
                self._take(orjson.loads(record["Data"]), now)
            following = answer.get("NextShardIterator")
            if following is None:  # the shard was closed
                return
            iterator = self._iterators[shard_id] = following
            if not answer.get("MillisBehindLatest"):
                return

    def _iterator(self, shard_id: str, now: int) -> str:
        answer = self._kinesis.get_shard_iterator(
            StreamName=self._stream,
            ShardId=shard_id,
            ShardIteratorType="AT_TIMESTAMP",
            Timestamp=datetime.fromtimestamp(now - ENGAGEMENT_SHOWN_S, UTC),
        )
        return str(answer["ShardIterator"])

    def _take(self, body: dict[str, Any], now: int) -> None:
        occurred_at_ms, event_id = body["occurred_at_ms"], body["event_id"]
        if event_id in self._seen or occurred_at_ms // 1_000 < now - ENGAGEMENT_SHOWN_S:
            return
        self._seen[event_id] = occurred_at_ms // 1_000
        self._users.pop(body["user_id"], None)
        self._users[body["user_id"]] = None
        self._engagement.add(occurred_at_ms, body["category"], EventType(body["event_type"]))
