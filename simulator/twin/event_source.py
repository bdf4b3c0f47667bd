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

from offerloop.batches import take_batch
from simulator.scenario.model import Deliveries
from simulator.shoppers.streams import Streams
from simulator.twin.functions import Environments
from simulator.twin.summary import Counts
from simulator.twin.weather import StreamWeather

MAX_RETRIES = 10  # MaximumRetryAttempts of every mapping in template.yaml
RETRY_AFTER_S, LONGEST_PAUSE_S = 1.0, 32.0  # AWS says "exponential back-off" and no figures: our choice
REDRIVEN_AFTER_S = 900.0  # until somebody has seen the alarm and sends given-up records again: our choice
SHARDS = 2  # of the engagement stream (sam/data.yaml); tables' streams have at least as many
SETTLED_AT_ONCE = 100  # records per call when a run settles

Record = TypeVar("Record")


class _Failed(NamedTuple, Generic[Record]):
    """What is left of a batch whose call failed."""

    records: list[Record]
    attempt: int  # that comes next; 1 = the first retry


class EventSource(Generic[Record]):
    """One stream with one consumer.

    Args:
        function: name of the consumer, whose environments it uses.
        key: of a record; records of one key stay in order.
        handle: the consumer; safe to repeat with any part of a batch.
        weather: None = every record is delivered at once, on its own write's heels.
        environments: None = calls take no time.
    Attributes:
        counts: what happened to deliveries, since its owner last put a fresh one in.
        put: writes records to the stream.
        steady: nothing ever fails or comes twice.
    """

    def __init__(
        self,
        env: simpy.Environment,
        function: str,
        key: Callable[[Record], str],
        handle: Callable[[Sequence[Record]], None],
        weather: Deliveries | None,
        streams: Streams,
        environments: Environments | None,
    ) -> None:
        self.env, self.function, self.handle, self.environments = env, function, handle, environments
        self.counts = Counts()
        self._key = key
        self.weather = StreamWeather(weather or Deliveries(), streams, function)
        self.steady = weather is not None and not (weather.failure_rate or weather.duplicate_rate)
        overtaking = weather is not None and weather.reorder_rate > 0
        self._shards = [_Shard(self) for _ in range(SHARDS if overtaking else 1)]
        self.given_up: list[Record] = []
        # Chosen once, because every write of a run goes there.
        self.put: Callable[[Sequence[Record]], None] = self._shards[0].put
        if overtaking:
            self.put = self._put_by_key
        if weather is None:
            self.put = self._hand_over

    def _hand_over(self, records: Sequence[Record]) -> None:
        self.counts.batches += 1
        self.handle(records)

    def _put_by_key(self, records: Sequence[Record]) -> None:
        for record in records:
            self._shards[crc32(self._key(record).encode()) % len(self._shards)].put([record])

    def settle(self) -> bool:
        """Deliver everything that is under way, now and in good weather; False = there was nothing."""
        records, self.given_up = self.given_up, []
        for shard in self._shards:
            records.extend(shard.drained())
        for start in range(0, len(records), SETTLED_AT_ONCE):
            self.counts.batches += 1
            self.handle(records[start : start + SETTLED_AT_ONCE])
        return bool(records)

    def give_up(self, records: list[Record]) -> None:
        """Keep records for whoever looks after the failure queue."""
        self.counts.dead_letters += len(records)
        self.given_up.extend(records)
        self.env.timeout(REDRIVEN_AFTER_S).callbacks.append(self._redrive)

    def _redrive(self, _: simpy.Event) -> None:
        records, self.given_up = self.given_up, []
        if records:
            self.put(records)


class _Turn(simpy.Event):
    """The moment of a shard's next delivery, the same object each time: a shard has one at most."""

    def __init__(self, env: simpy.Environment, callback: Callable[[simpy.Event], None]) -> None:
        super().__init__(env)
        self._ok, self._value = True, None
        self._schedule, self._each_time = env.schedule, [callback]

    def comes_in(self, wait_s: float) -> None:
        self.callbacks = self._each_time  # SimPy takes them away when the moment has come
        self._schedule(self, delay=wait_s)


class _Shard(Generic[Record]):
    """Records of some keys, delivered in order, one batch at a time.

    Attributes:
        busy: whether a delivery is under way; a record that comes then waits for the next.
    """

    __slots__ = ("_again", "_source", "_turn", "_waiting", "busy")

    def __init__(self, source: EventSource[Record]) -> None:
        self._source, self.busy = source, False
        self._turn = _Turn(source.env, self._begin)
        self._waiting: list[Record] = []
        self._again: deque[_Failed[Record]] = deque()  # parts of failed batches, before anything else

    def put(self, records: Sequence[Record]) -> None:
        self._waiting.extend(records)
        if not self.busy:
            self._later(self._source.weather.first_wait_s())

    def drained(self) -> list[Record]:
        """Everything that waits, oldest first; nothing waits any more."""
        drained = [record for failed in self._again for record in failed.records] + self._waiting
        self._again.clear()
        self._waiting = []
        return drained

    def _later(self, wait_s: float) -> None:
        self.busy = True
        self._turn.comes_in(wait_s)

    def _go_on(self) -> None:
        """Turn to what waits, if anything does."""
        if self._again:
            self._later(0.0)
        elif self._waiting:
            self._later(self._source.weather.next_wait_s())
        else:
            self.busy = False

    def _begin(self, _: simpy.Event) -> None:
        """Call the function as soon as there is an environment for it."""
        source = self._source
        if source.environments is None:
            if source.steady and not self._again:
                self._work_steadily()
            else:
                self._work(_)
            return
        started = source.environments.start(source.function, source.env.now)
        if started is None:
            source.counts.throttled += 1
            self._later(RETRY_AFTER_S)
            return
        took_s, cold = started
        source.counts.cold_starts += cold
        source.env.timeout(took_s).callbacks.append(self._work)

    def _work(self, _: simpy.Event) -> None:
        """Let the function handle the next batch, or fail on it."""
        source = self._source
        records, attempt = self._next_batch()
        if not records:  # the run has settled meanwhile
            self.busy = False
            return
        source.counts.batches += 1
        left = self._attempt(records)
        if left:
            self._retry(left, attempt + 1)
        elif source.weather.duplicates():
            source.env.timeout(source.weather.again_after_s()).callbacks.append(_Duplicate(source, records))
        if not left or attempt >= MAX_RETRIES:
            self._go_on()

    def _work_steadily(self) -> None:
        """`_work` where nothing ever fails or comes twice, which is most deliveries of most runs."""
        source, waiting = self._source, self._waiting
        size = source.weather.batch_size
        self._waiting = waiting[size:] if len(waiting) > size else []
        records = waiting[:size] if self._waiting else waiting
        source.counts.batches += bool(records)  # none when the run has settled meanwhile
        handled = take_batch(records, source.handle)
        if handled < len(records):
            self._retry([records[handled:]], 1)
        elif self._waiting:
            self._later(source.weather.next_wait_s())
        else:
            self.busy = False

    def _next_batch(self) -> tuple[list[Record], int]:
        if self._again:
            self._source.counts.retries += 1
            return self._again.popleft()
        size, waiting = self._source.weather.batch_size, self._waiting
        self._waiting = waiting[size:]
        return waiting[:size], 0

    def _attempt(self, records: list[Record]) -> list[list[Record]]:
        """Handle a batch; returns what must come again, in parts."""
        weather, handle = self._source.weather, self._source.handle
        if weather.fails():  # the function dies midway: BisectBatchOnFunctionError
            take_batch(records[: weather.dies_behind(len(records))], handle)
            half = (len(records) + 1) // 2
            return [part for part in (records[:half], records[half:]) if part]
        handled = take_batch(records, handle)
        return [records[handled:]] if handled < len(records) else []

    def _retry(self, parts: list[list[Record]], attempt: int) -> None:
        if attempt > MAX_RETRIES:
            for part in parts:
                self._source.give_up(part)
            return
        self._again.extendleft(_Failed(part, attempt) for part in reversed(parts))
        self._later(min(LONGEST_PAUSE_S, RETRY_AFTER_S * 2 ** (attempt - 1)))


class _Duplicate(Generic[Record]):
    """A batch that comes a second time, beside what its shard does meanwhile."""

    def __init__(self, source: EventSource[Record], records: list[Record]) -> None:
        self._source, self._records = source, records

    def __call__(self, _: simpy.Event) -> None:
        self._source.counts.batches += 1
        self._source.counts.duplicates += 1
        self._source.handle(self._records)
