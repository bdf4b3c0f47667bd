"""What the cloud does to one stream's deliveries, drawn from named streams of the seed."""

import math
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

from simulator.scenario.model import Delay, Deliveries
from simulator.shoppers.streams import Streams

HELD_BACK_S = 30.0  # mean time for which a shard lags so that others overtake it: our choice
AGAIN_AFTER_S = 20.0  # mean time between a batch and its duplicate: our choice
_BLOCK = 256  # numbers drawn at one time: one by one would cost five times as much


def _numbers(draw: Callable[[int], Any]) -> Iterator[float]:
    while True:
        yield from draw(_BLOCK).tolist()


def delays_s(delay: Delay, streams: Streams, name: str) -> Iterator[float]:
    """Lognormal delays without end, in seconds, from the stream of *name*."""
    mean, sigma = delay.mean / 1_000, delay.sigma
    if mean == 0:
        return repeat(0.0)
    mu = math.log(mean) - sigma**2 / 2  # so that the mean is what the scenario says
    generator = streams.generator("delay", name)
    return _numbers(lambda count: generator.lognormal(mu, sigma, count))


class StreamWeather:
    """The weather of one stream.

    Args:
        name: of the stream's consumer; each effect has a stream of random numbers of its own.
    """

    def __init__(self, section: Deliveries, streams: Streams, name: str) -> None:
        self.batch_size = section.batch_size
        self._window_s = section.batch_window_ms / 1_000
        self._delays = delays_s(section.delay_ms, streams, name)
        self._failing, self._doubling = section.failure_rate, section.duplicate_rate
        self._lagging = section.reorder_rate
        self._failures = _numbers(streams.generator("failure", name).random)
        self._duplicates = _numbers(streams.generator("duplicate", name).random)
        self._lags = _numbers(streams.generator("reorder", name).random)

    def first_wait_s(self) -> float:
        """From a record's write on an idle shard to its delivery, with what gathers until then."""
        return next(self._delays) + self._window_s + (self._lag_s() if self._lagging else 0.0)

    def next_wait_s(self) -> float:
        """From the end of a batch to the next, when records wait already."""
        return self._window_s + (self._lag_s() if self._lagging else 0.0)

    def fails(self) -> bool:
        """Whether a call fails midway."""
        return self._failing > 0 and next(self._failures) < self._failing

    def dies_behind(self, records: int) -> int:
        """After how many of its records a failing call dies, 0..records."""
        return int(next(self._failures) * (records + 1))

    def duplicates(self) -> bool:
        """Whether a batch comes a second time."""
        return self._doubling > 0 and next(self._duplicates) < self._doubling

    def again_after_s(self) -> float:
        """How much later it comes."""
        return AGAIN_AFTER_S * -math.log1p(-next(self._duplicates))

    def _lag_s(self) -> float:
        if next(self._lags) >= self._lagging:
            return 0.0
        return HELD_BACK_S * -math.log1p(-next(self._lags))
