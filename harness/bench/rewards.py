"""How fast the daily job adds up a day's entries, against a bare read of the same pages, and at what memory.

The table is served in process, below botocore: requests are signed and sent, answers parsed, as towards AWS,
but no network and no emulator hides what the job costs itself. `REWARD_ENTRIES=1000000` asks for a million.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

import psutil
from botocore.awsrequest import AWSResponse

from handlers.aws.keys import REWARD_SHARDS
from handlers.aws.reward_entries import PAGE, DynamoRewardEntries
from handlers.aws.table_access import Tables
from harness.bench.figures import Bar, Figure, ratios
from harness.bench.row import Bench
from harness.settings import whole_number
from harness.system import client_config, session_of
from offerloop.rewards.aggregate_rewards import Analytics, begin_run, read_on
from offerloop.rewards.days import ends_ms, spans, starts_ms
from offerloop.rewards.model import DayRun
from simulator.memory.rewards import MemoryRewardFiles, MemoryRewardMetrics

DAY = date(2026, 11, 20)
START_MS = starts_ms(DAY, UTC)
ENTRIES = 200_000
MOST_ENTRIES = 10_000_000
LEAST_AGAINST_BARE = 0.5
MOST_MEMORY = 1.1  # at the end, against that when a hundredth was read
AMOUNT = 100


@dataclass(frozen=True)
class Clock:
    """Stands after the day."""

    def now_ms(self) -> int:
        return ends_ms(DAY, UTC) + 1


class ServedLedger:
    """Answers queries of one day's lists; every list has *per_list* entries, one a millisecond."""

    def __init__(self, per_list: int) -> None:
        self.per_list = per_list

    def client(self) -> Any:
        """A DynamoDB client that never leaves this process."""
        client = session_of("embedded", "us-east-1").client("dynamodb", config=client_config())
        client.meta.events.register("before-send.dynamodb.Query", self._answer)
        return client

    def _answer(self, request: Any, **_: object) -> AWSResponse:
        asked = json.loads(request.body)
        values, limit = asked["ExpressionAttributeValues"], asked["Limit"]
        first = values[":first"]["S"]
        # A cursor ends with a blank: what follows it is wanted.
        position = int(first[:13]) - START_MS + first.endswith(" ")
        until = min(position + limit, self.per_list)
        items = ",".join(
            f'{{"kind":{{"S":"{"REDEEMED" if number & 3 == 3 else "ISSUED"}"}},"amount":{{"N":"{AMOUNT}"}},'
            f'"at_key":{{"S":"{START_MS + number:013d}#customer-{number % 9973:05d}#{number:09d}"}}}}'
            for number in range(position, until)
        )
        last = "" if until == self.per_list else ',"LastEvaluatedKey":{"PK":{"S":"x"}}'
        body = f'{{"Items":[{items}],"Count":{until - position}{last}}}'.encode()
        return AWSResponse(request.url, 200, {"Content-Type": "application/x-amz-json-1.0"}, _Raw(body))


class _Raw(io.BytesIO):
    """A body as botocore reads it."""

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self.getvalue()


def measure(bench: Bench) -> list[Figure]:
    """Bare and summed up in turns."""
    wanted = whole_number("REWARD_ENTRIES", least=REWARD_SHARDS * PAGE, most=MOST_ENTRIES) or ENTRIES
    ledger = ServedLedger(wanted // REWARD_SHARDS)
    entries = ledger.per_list * REWARD_SHARDS
    bench.say(f"{entries:,} entries in {REWARD_SHARDS} lists")
    read = DynamoRewardEntries(ledger.client(), Tables.with_prefix(""))
    bare_per_s, job_per_s, wrong, memory = [], [], [], []
    for _ in range(bench.rounds(5)):
        bare_per_s.append(entries / seconds_bare(read, ledger))
        seconds, run, growth = summed_up(read, entries)
        job_per_s.append(entries / seconds)
        wrong.append(float(entries * AMOUNT - sum(total.amount for total in run.totals.by_kind.values())))
        memory.append(growth)
    against = ratios(job_per_s, bare_per_s)
    return [
        Figure("rewards.bare_per_s", "bare paged read", "/s", tuple(bare_per_s), more_is_better=True),
        Figure("rewards.per_s", "entries summed up", "/s", tuple(job_per_s), more_is_better=True),
        Figure("rewards.ratio", "against the bare read", "×", against, Bar("≥", LEAST_AGAINST_BARE)),
        Figure("rewards.memory", "memory at 100 % / at 1 %", "×", tuple(memory), Bar("≤", MOST_MEMORY)),
        Figure("rewards.wrong", "points missing from the sum", "", tuple(wrong), Bar("=", 0)),
    ]


def seconds_bare(read: DynamoRewardEntries, ledger: ServedLedger) -> float:
    """Read every page by the same requests, and do nothing with it."""
    client = ledger.client()
    [span] = spans(DAY, UTC)
    began = time.perf_counter()
    for shard in range(REWARD_SHARDS):
        cursor, is_last = None, False
        while not is_last:
            answer = client.query(Limit=PAGE, **read.request(span, shard, cursor))
            is_last = "LastEvaluatedKey" not in answer
            cursor = answer["Items"][-1]["at_key"]["S"] if answer["Items"] else None
    return time.perf_counter() - began


def summed_up(read: DynamoRewardEntries, entries: int) -> tuple[float, DayRun, float]:
    """Let the job read the day; gives its seconds, the run, and its memory at the end against that at 1 %."""
    analytics = Analytics(read, MemoryRewardFiles(), MemoryRewardMetrics(), Clock(), UTC)
    process, pages = psutil.Process(), entries // PAGE
    sampled: list[int] = []

    def sample() -> bool:
        sampled.append(process.memory_info().rss)
        return True

    run = begin_run(DAY, analytics)
    began = time.perf_counter()
    run = read_on(run, analytics, goes_on=sample)
    seconds = time.perf_counter() - began
    return seconds, run, process.memory_info().rss / sampled[pages // 100]
