"""What all users of one generator process share."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from itertools import chain, count
from random import Random

import gevent
import psutil
from gevent.event import Event
from gevent.queue import Queue

from loadtests.arrivals import Arrival, Load
from loadtests.plan import LoadPlan
from loadtests.recording import Recorder
from simulator.scenario.model import Scenario

LATE_S = 0.05  # a visit that starts later than this after its intended start is counted
PATIENCE_S = 10.0  # a visit that found no place for so long is not started any more

DueVisit = tuple[Arrival, float, bool]  # its intended start on the monotonic clock; whether a place was free


class LoadTest:
    """One process's part in a load test.

    Times are those of the monotonic clock, which all processes of a machine share.

    Attributes:
        began: set when the run begins.
        over: set when it is to end: its time is up, its requests are spent, or somebody interrupted it.
        due: visits that wait for a place; None tells a place to close.
        idle: places that wait for a visit.
        under_way: visits under way.
    """

    def __init__(
        self, plan: LoadPlan, scenario: Scenario, load: Load, recorder: Recorder, *, worker: int
    ) -> None:
        self.plan, self.scenario, self.load, self.recorder = plan, scenario, load, recorder
        self.worker = worker
        self.api_key = os.environ.get("OFFERLOOP_API_KEY", "")
        self.began, self.over = Event(), Event()
        self.due: Queue[DueVisit | None] = Queue()
        self.idle = self.under_way = 0
        self.on_spent: Callable[[], None] = self.over.set
        self._closing = False
        self._requests_left = plan.share_of_requests(worker)
        self._users_met = 0
        self._zero = 0.0
        self._process = psutil.Process()

    def begin(self, at: float, *, sends: bool = True) -> None:
        """Let the warm-up begin at a moment of the monotonic clock, and the run itself after it.

        Args:
            sends: whether visits arrive in this process.
        """
        self._zero = at + self.plan.warm_up_s
        self._process.cpu_percent()  # the first call only starts the measurement
        gevent.spawn(self._tick_every_second)
        if sends and self.plan.rate is not None:
            gevent.spawn(self._let_visits_arrive, self.plan.rate)
        gevent.sleep(max(0.0, at - time.monotonic()))
        self.began.set()

    def may_send(self) -> bool:
        """Take one request from the budget; False when it is spent."""
        if self._requests_left is None:
            return True
        if self._requests_left == 0:
            self.on_spent()
            return False
        self._requests_left -= 1
        return True

    def next_user(self) -> tuple[int, Random]:
        """Number a closed user, differently in every process, and give its own random stream."""
        number = self._users_met * self.plan.workers + self.worker
        self._users_met += 1
        return number, Random(f"{self.plan.seed}/user/{number}")

    def close(self) -> None:
        """Start no more visits; what still waits was due and is dropped."""
        if self._closing:
            return
        self._closing = True
        while not self.due.empty():
            if self.due.get() is not None:
                self.recorder.second.visits.dropped += 1
        for _ in range(self.plan.places):
            self.due.put(None)

    def flush(self, at_s: int | None = None) -> None:
        """Write down what was measured since the last time as second *at_s* of the run; None = this one."""
        if at_s is None:
            at_s = math.floor(time.monotonic() - self._zero)
        self.recorder.flush(at_s, self._process.cpu_percent(), self.under_way)

    def _let_visits_arrive(self, rate: float) -> None:
        """Put each of this process's visits into the queue when it is due, however many wait there."""
        seed = self.plan.seed
        before = self.load.warm_up(rate, seed, self.plan.warm_up_s)
        for arrival in chain(before, self.load.arrivals(rate, seed)):
            if arrival.number % self.plan.workers != self.worker:
                continue
            at = self._zero + arrival.at_s
            gevent.sleep(max(0.0, at - time.monotonic()))  # 0 lets others run, however late it is
            if self._closing:
                return
            self.recorder.second.visits.due += 1
            self.due.put((arrival, at, self.idle > self.due.qsize()))

    def _tick_every_second(self) -> None:
        parent = os.getppid()
        for second in count(-round(self.plan.warm_up_s)):
            gevent.sleep(max(0.0, self._zero + second + 1 - time.monotonic()))
            self.flush(second)
            if os.getppid() != parent:  # whoever started this is gone: nobody would ever stop it
                self.over.set()
