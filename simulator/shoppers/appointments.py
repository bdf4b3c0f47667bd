"""Visits that are far off, kept out of SimPy's queue until shortly before they are due.

SimPy keeps all that is to come in one heap. With every shopper's next visit in it, a push and a pop cost
twice what they cost among the few hundred steps of the visits under way (measured: 20,000 entries against
100), and a session makes a dozen of them.
"""

from collections import defaultdict
from collections.abc import Generator
from typing import Any

import simpy

SLOT_S = 300.0  # simulated seconds whose visits enter the queue together


class Appointments:
    """Events at given times."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._slots: defaultdict[int, list[tuple[float, simpy.Event]]] = defaultdict(list)
        self._slot = int(env.now // SLOT_S)  # the one whose visits are in the queue
        env.process(self._turn_pages())

    def at(self, at_s: float) -> simpy.Event:
        """An event that happens at *at_s*, which is not in the past."""
        slot = int(at_s // SLOT_S)
        if slot <= self._slot:
            return self._env.timeout(at_s - self._env.now)
        event = self._env.event()
        event._ok, event._value = True, None  # as a timeout has from the start
        self._slots[slot].append((at_s, event))
        return event

    def _turn_pages(self) -> Generator[simpy.Event, Any, None]:
        env = self._env
        while True:
            yield env.timeout((self._slot + 1) * SLOT_S - env.now)
            self._slot += 1
            for at_s, event in self._slots.pop(self._slot, ()):
                env.schedule(event, delay=at_s - env.now)
