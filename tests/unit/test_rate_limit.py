"""A window takes its limit and no more, and tells when the next one begins."""

import pytest

from offerloop.errors import TooManyRequests
from offerloop.rate_limit import Allowance, admit
from simulator.memory.activity import MemoryRateCounter
from simulator.memory.world import MemoryWorld
from tests.factories import FixedClock

WINDOW_START = 1_800_000_000  # a multiple of 60


def test_a_window_admits_its_limit_and_the_next_begins_anew():
    counter = MemoryRateCounter(MemoryWorld(FixedClock()))
    allowances = [Allowance("user:ann", 2)]

    admit(allowances, counter=counter, now=WINDOW_START)
    admit(allowances, counter=counter, now=WINDOW_START + 59)
    with pytest.raises(TooManyRequests) as refused:
        admit(allowances, counter=counter, now=WINDOW_START + 45)
    admit(allowances, counter=counter, now=WINDOW_START + 60)

    assert refused.value.retry_after_s == 15


def test_no_limit_admits_without_counting():
    world = MemoryWorld(FixedClock())

    for _ in range(100):
        admit([Allowance("user:ann", 0)], counter=MemoryRateCounter(world), now=WINDOW_START)

    assert world.hits == {}


def test_the_strictest_allowance_decides():
    counter = MemoryRateCounter(MemoryWorld(FixedClock()))
    allowances = [Allowance("address:127.0.0.1", 5), Allowance("user:ann", 1)]
    admit(allowances, counter=counter, now=WINDOW_START)

    with pytest.raises(TooManyRequests, match="per user"):
        admit(allowances, counter=counter, now=WINDOW_START)
