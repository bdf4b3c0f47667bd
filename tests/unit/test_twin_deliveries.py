"""Event sources, execution environments and the API's stage, each on its own."""

from collections.abc import Sequence
from typing import Any

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.scenario.model import Delay, Deliveries, Functions
from simulator.shoppers.streams import Streams
from simulator.twin.event_source import MAX_RETRIES, EventSource
from simulator.twin.functions import Environments
from simulator.twin.shop import TOO_MANY_REQUESTS, Stage
from simulator.twin.summary import Counts

Record = tuple[str, int]  # key and number


class Consumer:
    """Keeps what it is handed, and fails as told.

    Args:
        poison: records that cannot be handled, each for so many times.
    """

    def __init__(self, env: simpy.Environment, poison: dict[Record, int] | None = None) -> None:
        self.env, self.poison = env, poison or {}
        self.batches: list[tuple[float, list[Record]]] = []

    def handle(self, records: Sequence[Record]) -> None:
        for record in records:
            if self.poison.get(record, 0) > 0:
                self.poison[record] -= 1
                raise RuntimeError("cannot be handled now")
        self.batches.append((self.env.now, list(records)))

    @property
    def handled(self) -> list[Record]:
        return [record for _, batch in self.batches for record in batch]


def source_of(
    env: simpy.Environment,
    consumer: Consumer,
    environments: Environments | None = None,
    seed: int = 1,
    **weather: Any,
) -> EventSource[Record]:
    section = Deliveries(**weather)
    return EventSource(
        env, "consumer", lambda record: record[0], consumer.handle, section, Streams(seed), environments
    )


def records(count: int, keys: int = 1) -> list[Record]:
    return [(f"key-{number % keys}", number) for number in range(count)]


def test_records_wait_for_delay_and_window_and_come_as_one_batch_of_the_size_allowed():
    env = simpy.Environment()
    consumer = Consumer(env)
    source = source_of(env, consumer, delay_ms=Delay(mean=500.0), batch_window_ms=1_000.0, batch_size=3)
    for record in records(4):
        source.put([record])
    env.run()

    assert consumer.batches == [(1.5, records(4)[:3]), (2.5, records(4)[3:])]


def test_a_failed_call_comes_again_in_halves_after_a_pause_and_nothing_is_lost():
    env = simpy.Environment()
    consumer = Consumer(env)
    source = source_of(env, consumer, failure_rate=0.5, batch_window_ms=1_000.0)
    for number in range(100):
        source.put(records(4 * number + 4)[4 * number :])
    env.run()

    assert set(consumer.handled) == set(records(400))
    assert source.counts.retries > 0
    assert source.counts.dead_letters == 0 or source.given_up == []


def test_a_record_that_cannot_be_handled_holds_up_those_behind_it_and_only_those():
    env = simpy.Environment()
    consumer = Consumer(env, poison={("key-0", 2): 4})
    source = source_of(env, consumer)
    source.put(records(5))
    env.run()

    firsts = list(dict.fromkeys(consumer.handled))
    assert firsts == records(5)
    assert [at for at, batch in consumer.batches if records(5)[1] in batch] == [0.0]
    assert min(at for at, batch in consumer.batches if records(5)[2] in batch) > 0


def test_what_fails_for_good_is_given_up_sent_again_later_and_raised_when_the_run_settles():
    env = simpy.Environment()
    consumer = Consumer(env, poison={("key-0", 0): 1_000})
    source = source_of(env, consumer)
    source.put(records(1))
    env.run(until=600)

    assert source.counts.retries == MAX_RETRIES
    assert source.counts.dead_letters == 1
    with pytest.raises(RuntimeError, match="cannot be handled"):
        source.settle()


def test_a_call_without_a_free_environment_is_tried_again():
    env = simpy.Environment()
    consumer = Consumer(env)
    busy = Environments(Functions(concurrency=1, cold_start_ms=0.0, warm_ms=1_500.0, idle_minutes=1.0))
    assert busy.start("another", 0.0) == (1.5, True)
    source = source_of(env, consumer, environments=busy)
    source.put(records(2))
    env.run()

    assert consumer.batches == [(3.5, records(2))]  # throttled at 0 and at 1, begins at 2
    assert source.counts.throttled == 2


def test_settling_delivers_all_that_waits_at_once_and_in_order():
    env = simpy.Environment()
    consumer = Consumer(env)
    source = source_of(env, consumer, delay_ms=Delay(mean=60_000.0), batch_size=2)
    source.put(records(5))

    assert (source.settle(), source.settle()) == (True, False)
    assert consumer.handled == records(5)
    env.run()
    assert consumer.handled == records(5)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    failure_rate=st.sampled_from([0.0, 0.3, 0.8]),
    duplicate_rate=st.sampled_from([0.0, 0.5]),
    reorder_rate=st.sampled_from([0.0, 0.7]),
    batch_size=st.integers(1, 10),
)
def test_every_record_comes_at_least_once_and_the_first_time_in_the_order_of_its_key(
    seed, failure_rate, duplicate_rate, reorder_rate, batch_size
):
    """At least once, in order per key: what DynamoDB streams and Kinesis promise, in any weather.

    Records given up in between are sent again out of order; such runs are looked at for completeness only.
    """
    env = simpy.Environment()
    consumer = Consumer(env)
    source = source_of(
        env,
        consumer,
        seed=seed,
        delay_ms=Delay(mean=300.0, sigma=1.0),
        failure_rate=failure_rate,
        duplicate_rate=duplicate_rate,
        reorder_rate=reorder_rate,
        batch_size=batch_size,
    )

    def write() -> Any:
        for record in records(40, keys=5):
            source.put([record])
            yield env.timeout(0.25)

    env.process(write())
    env.run()

    assert set(consumer.handled) == set(records(40, keys=5))
    if source.counts.dead_letters == 0:
        firsts = list(dict.fromkeys(consumer.handled))
        for key in {record[0] for record in firsts}:
            numbers = [number for own, number in firsts if own == key]
            assert numbers == sorted(numbers)
    if not failure_rate and not duplicate_rate:
        assert len(consumer.handled) == 40


def test_records_of_other_keys_overtake_only_where_reordering_is_on():
    orders = {}
    for rate in (0.0, 0.6):
        env = simpy.Environment()
        consumer = Consumer(env)
        source = source_of(env, consumer, reorder_rate=rate, delay_ms=Delay(mean=10.0))

        def write(env=env, source=source) -> Any:
            for record in records(60, keys=6):
                source.put([record])
                yield env.timeout(1.0)

        env.process(write())
        env.run()
        orders[rate] = [number for _, number in consumer.handled]

    assert orders[0.0] == list(range(60))
    assert orders[0.6] != sorted(orders[0.6]) == list(range(60))


def test_a_duplicate_comes_later_and_is_counted():
    env = simpy.Environment()
    consumer = Consumer(env)
    source = source_of(env, consumer, duplicate_rate=1.0)
    source.put(records(3))
    env.run()

    (first, _), (again, _) = consumer.batches
    assert first == 0.0 < again
    assert consumer.handled == records(3) * 2
    assert source.counts.duplicates == 1


# -- environments --------------------------------------------------------------------------------------


def environments(concurrency: int = 10) -> Environments:
    return Environments(
        Functions(concurrency=concurrency, cold_start_ms=400.0, warm_ms=100.0, idle_minutes=10.0)
    )


def test_the_first_call_starts_cold_the_next_is_warm_until_the_environment_was_idle_too_long():
    own = environments()

    assert own.start("f", 0.0) == (0.5, True)
    assert own.start("f", 1.0) == (0.1, False)
    assert own.start("f", 601.0) == (0.1, False)
    assert own.start("f", 601.1 + 600.1) == (0.5, True)


def test_calls_at_one_time_take_one_environment_each_and_no_more_than_allowed():
    own = environments(concurrency=2)

    assert [own.start("f", 0.0), own.start("g", 0.0), own.start("f", 0.0)] == [(0.5, True), (0.5, True), None]
    assert own.start("f", 0.5) == (0.1, False)


def test_the_environment_that_was_used_last_is_used_first_so_that_the_others_grow_old():
    own = environments()
    for _ in range(3):
        own.start("f", 0.0)
    for minute in range(1, 12):
        assert own.start("f", 60.0 * minute) == (0.1, False)

    assert own.start("f", 12 * 60.0) == (0.1, False)
    assert own.start("f", 12 * 60.0) == (0.5, True)  # the other two were idle for over ten minutes


# -- the stage -----------------------------------------------------------------------------------------


class Hour:
    """What the stage needs of a tally."""

    def __init__(self) -> None:
        self.hour = Counts()


def test_the_stage_lets_in_what_its_bucket_holds_and_refuses_the_rest():
    env, tally = simpy.Environment(), Hour()
    stage = Stage(env, tally, per_second=2.0, environments=None)
    answers = []

    def ask() -> Any:
        for wait_s in (0.0, 0.0, 0.0, 0.5, 0.0, 10.0, 0.0, 0.0):
            yield env.timeout(wait_s)
            answers.append((yield stage.call(lambda: "served")))

    env.process(ask())
    env.run()

    no = TOO_MANY_REQUESTS
    assert answers == ["served", "served", no, "served", no, "served", "served", no]
    assert tally.hour.throttled == 3


def test_a_call_that_takes_time_sees_the_shop_as_it_is_at_its_end():
    env, tally = simpy.Environment(), Hour()
    stage = Stage(env, tally, per_second=None, environments=environments())
    seen = []

    def look() -> float:
        return env.now

    def ask() -> Any:
        seen.append((yield stage.call(look)))
        seen.append((yield stage.call(look)))
        seen.append(env.now)

    env.process(ask())
    env.run()

    assert seen == pytest.approx([0.5, 0.6, 0.6])
    assert tally.hour.cold_starts == 1
