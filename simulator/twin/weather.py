"""What the cloud does to one stream's deliveries, drawn from named streams of the seed."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from simulator.scenario.model import Deliveries
from simulator.shoppers.streams import Streams

HELD_BACK_S = 30.0  # mean time for which a shard lags so that others overtake it: our choice
AGAIN_AFTER_S = 20.0  # mean time between a batch and its duplicate: our choice
_BLOCK = 256  # numbers drawn at one time: one by one would cost five times as much


def _numbers(draw: Callable[[int], np.ndarray]) -> Iterator[float]:
    while True:
        yield from draw(_BLOCK).tolist()


class StreamWeather:
    """The weather of one stream.

    Args:
        name: of the stream's consumer; each effect has a stream of random numbers of its own.
    """

    def __init__(self, section: Deliveries, streams: Streams, name: str) -> None:
        self.batch_size = section.batch_size
        self._section = section
        self._window_s = section.batch_window_ms / 1_000
        mean, sigma = section.delay_ms.mean / 1_000, section.delay_ms.sigma
        self._delays: Iterator[float] | None = None
        if mean > 0:
            mu = math.log(mean) - sigma**2 / 2
            delays = streams.generator("delay", name)
            self._delays = _numbers(lambda count: delays.lognormal(mu, sigma, count))
        self._failures = _numbers(streams.generator("failure", name).random)
        self._duplicates = _numbers(streams.generator("duplicate", name).random)
        self._lags = _numbers(streams.generator("reorder", name).random)

    def first_wait_s(self) -> float:
        """From a record's write on an idle shard to its delivery, with what gathers until then."""
        delay_s = next(self._delays) if self._delays is not None else 0.0
        return delay_s + self._window_s + self._lag_s()

    def next_wait_s(self) -> float:
        """From the end of a batch to the next, when records wait already."""
        return self._window_s + self._lag_s()

    def fails(self) -> bool:
        """Whether a call fails midway."""
        rate = self._section.failure_rate
        return rate > 0 and next(self._failures) < rate

    def dies_behind(self, records: int) -> int:
        """After how many of its records a failing call dies, 0..records."""
        return int(next(self._failures) * (records + 1))

    def duplicates(self) -> bool:
        """Whether a batch comes a second time."""
        rate = self._section.duplicate_rate
        return rate > 0 and next(self._duplicates) < rate

    def again_after_s(self) -> float:
        """How much later it comes."""
        return AGAIN_AFTER_S * -math.log1p(-next(self._duplicates))

    def _lag_s(self) -> float:
        rate = self._section.reorder_rate
        if rate == 0 or next(self._lags) >= rate:
            return 0.0
        return HELD_BACK_S * -math.log1p(-next(self._lags))
