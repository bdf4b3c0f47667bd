"""A stream and the function behind it, as an event source mapping of the template delivers.

A shard hands its records over in order, one batch at a time. A batch whose call fails comes again, as two
halves, after a pause; what was handled before the failure is handled twice. After the last retry its
records are given up and, a while later, sent again by whoever looks after them.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar
from zlib import crc32

import simpy

from simulator.scenario.model import Deliveries
from simulator.shoppers.streams import Streams
from simulator.twin.functions import Environments
from simulator.twin.tally import TwinTally
from simulator.twin.weather import StreamWeather

MAX_RETRIES = 10  # MaximumRetryAttempts of every mapping in template.yaml
RETRY_AFTER_S, LONGEST_PAUSE_S = 1.0, 32.0  # AWS says "exponential back-off" and no figures: our choice
REDRIVEN_AFTER_S = 900.0  # until somebody has seen the alarm and sends given-up records again: our choice
SHARDS = 2  # of the engagement stream (sam/data.yaml); tables' streams have at least as many

Record = TypeVar("Record")


class _Batch(NamedTuple, Generic[Record]):
    records: Sequence[Record]
    attempt: int  # 0 = the first


class _Shard(Generic[Record]):
    """Records of some keys, in order."""

    __slots__ = ("again", "busy", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Record] = deque()
        self.again: deque[_Batch[Record]] = deque()  # parts of a failed batch, before anything else
        self.busy = False


class EventSource(Generic[Record]):
    """One stream with one consumer.

    Args:
        function: name of the consumer, whose environments it uses.
        key: of a record; records of one key stay in order.
        handle: the consumer; safe to repeat with any part of a batch.
        weather: None = every record is delivered at once, on its own write's heels.
        environments: None = calls take no time.
    """

    def __init__(
        self,
        env: simpy.Environment,
        function: str,
        key: Callable[[Record], str],
        handle: Callable[[Sequence[Record]], None],
        weather: Deliveries | None,
        streams: Streams,
        tally: TwinTally,
        environments: Environments | None,
    ) -> None:
        self._env, self._function, self._key, self._handle = env, function, key, handle
        self._tally, self._environments = tally, environments
        self._weather = StreamWeather(weather, streams, function) if weather is not None else None
        overtaken = weather is not None and weather.reorder_rate > 0
        self._shards: list[_Shard[Record]] = [_Shard() for _ in range(SHARDS if overtaken else 1)]
        self._given_up: list[Record] = []

    def put(self, records: Sequence[Record]) -> None:
        """Write records to the stream."""
        weather = self._weather
        if weather is None:
            self._tally.hour.batches += 1
            self._handle(records)
            return
        shards = self._shards
        if len(shards) == 1:
            shards[0].waiting.extend(records)
        else:
            for record in records:
                shards[crc32(self._key(record).encode()) % len(shards)].waiting.append(record)
        for shard in shards:
            if shard.waiting and not shard.busy:
                self._later(shard, weather.first_wait_s())

    def settle(self) -> bool:
        """Deliver everything that is under way, now and in good weather; False = there was nothing."""
        records, self._given_up = self._given_up, []
        for shard in self._shards:
            for batch in shard.again:
                records.extend(batch.records)
            records.extend(shard.waiting)
            shard.again.clear()
            shard.waiting.clear()
        for start in range(0, len(records), 100):
            self._tally.hour.batches += 1
            self._handle(records[start : start + 100])
        return bool(records)

    # -- one shard's turn ------------------------------------------------------------------------------

    def _later(self, shard: _Shard[Record], wait_s: float) -> None:
        shard.busy = True
        self._env.timeout(wait_s).callbacks.append(lambda _: self._begin(shard))

    def _begin(self, shard: _Shard[Record]) -> None:
        """Call the function with the next batch, as soon as there is an environment for it."""
        if not shard.again:
            if not shard.waiting:  # settled meanwhile
                shard.busy = False
                return
            assert self._weather is not None  # else nothing waits
            size = min(self._weather.batch_size, len(shard.waiting))
            shard.again.append(_Batch([shard.waiting.popleft() for _ in range(size)], 0))
        if self._environments is None:
            self._end(shard)
            return
        started = self._environments.start(self._function, self._env.now)
        if started is None:
            self._tally.hour.throttled += 1
            self._later(shard, RETRY_AFTER_S)
            return
        took_s, cold = started
        self._tally.hour.cold_starts += cold
        self._env.timeout(took_s).callbacks.append(lambda _: self._end(shard))

    def _end(self, shard: _Shard[Record]) -> None:
        """The function's work is done, or it failed; then the shard goes on."""
        if not shard.again:
            shard.busy = False
            return
        batch, weather, hour = shard.again.popleft(), self._weather, self._tally.hour
        assert weather is not None
        hour.batches += 1
        hour.retries += batch.attempt > 0
        handled = weather.dies_behind(len(batch.records)) if weather.fails() else None
        if handled is None:
            handled = self._take(batch.records)
            parts = [batch.records[handled:]]
        else:
            self._take(batch.records[:handled])
            half = (len(batch.records) + 1) // 2  # BisectBatchOnFunctionError
            parts = [batch.records[:half], batch.records[half:]]
        parts = [part for part in parts if part]
        if not parts:
            if weather.duplicates():
                self._again(batch.records)
            self._go_on(shard, weather)
        else:
            self._retry(shard, parts, batch.attempt + 1)

    def _take(self, records: Sequence[Record]) -> int:
        """Handle a batch as handlers/batches.py does; returns how many records were handled, in order."""
        if not records:
            return 0
        try:
            self._handle(records)
            return len(records)
        except Exception:  # not swallowed: what fails for good is raised when the run settles
            for number, record in enumerate(records):
                try:
                    self._handle([record])
                except Exception:
                    return number
        return len(records)

    def _go_on(self, shard: _Shard[Record], weather: StreamWeather) -> None:
        if shard.again:
            self._begin(shard)
        elif shard.waiting:
            self._later(shard, weather.next_wait_s())
        else:
            shard.busy = False

    def _retry(self, shard: _Shard[Record], parts: list[Sequence[Record]], attempt: int) -> None:
        if attempt > MAX_RETRIES:
            for part in parts:
                self._tally.hour.dead_letters += len(part)
                self._given_up.extend(part)
            self._env.timeout(REDRIVEN_AFTER_S).callbacks.append(lambda _: self._redrive())
            assert self._weather is not None
            self._go_on(shard, self._weather)
            return
        shard.again.extendleft(_Batch(part, attempt) for part in reversed(parts))
        self._later(shard, min(LONGEST_PAUSE_S, RETRY_AFTER_S * 2 ** (attempt - 1)))

    def _redrive(self) -> None:
        records, self._given_up = self._given_up, []
        if records:
            self.put(records)

    def _again(self, records: Sequence[Record]) -> None:
        """Let a batch come a second time, beside what its shard does meanwhile."""

        def deliver(_: simpy.Event) -> None:
            self._tally.hour.batches += 1
            self._tally.hour.duplicates += 1
            self._handle(records)

        assert self._weather is not None
        self._env.timeout(self._weather.again_after_s()).callbacks.append(deliver)
