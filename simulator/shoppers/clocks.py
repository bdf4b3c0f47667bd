"""The two clocks that shoppers run on: virtual, and real time with the calls in threads."""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import simpy

LONGEST_IDLE_S = 0.25  # real seconds between two looks at whether to stop


class Done(simpy.Event):
    """An event that has happened already: SimPy lets a process that waits for it go on at once.

    It never enters the queue, and one of them serves all calls that take no time, because a process reads
    its value before anything else runs.
    """

    def __init__(self, env: simpy.Environment) -> None:
        super().__init__(env)
        self.callbacks = None  # type: ignore[assignment]  # SimPy's own sign of an event that was processed
        self._ok = True

    def with_value(self, value: Any) -> simpy.Event:
        self._value = value
        return self


class VirtualClock:
    """Calls are carried out at once and take no simulated time."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._done = Done(env)

    def call(self, function: Callable[..., Any], *arguments: Any) -> simpy.Event:
        return self._done.with_value(function(*arguments))

    def run(self, until_s: float) -> None:
        self._env.run(until=until_s)


class RealTime:
    """SimPy's clock tied to the wall clock; calls run in threads and end as SimPy events.

    SimPy itself is only ever touched by the thread that calls `run`: a finished call waits in a queue
    until that thread brings it in, at the simulated time of that moment. When the machine is too slow,
    events happen late, in their order; none is left out.

    Args:
        speed: simulated seconds per real second, > 0.
        threads: calls under way at one time; further ones wait their turn.
    """

    def __init__(
        self,
        env: simpy.Environment,
        *,
        speed: float,
        threads: int,
        stopping: threading.Event,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._env, self._speed, self._stopping, self._monotonic = env, speed, stopping, monotonic
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="shopper-call")
        self._finished: queue.SimpleQueue[tuple[simpy.Event, Future[Any]] | None] = queue.SimpleQueue()
        self._started = 0.0
        self.lag_s_max = 0.0

    def call(self, function: Callable[..., Any], *arguments: Any) -> simpy.Event:
        done = self._env.event()
        future = self._pool.submit(function, *arguments)
        future.add_done_callback(lambda finished: self._finished.put((done, finished)))
        return done

    def run(self, until_s: float | None, on_tick: Callable[[], None] = lambda: None) -> None:
        """Run until a simulated time, or for ever, or until *stopping* is set and `wake` was called.

        Args:
            on_tick: called now and then, at least every quarter of a second of waiting.
        Raises:
            whatever a shopper's process or a call raised.
        """
        self._started = self._monotonic()
        try:
            while not self._stopping.is_set() and (until_s is None or self._now_s() < until_s):
                self._run_due()
                self._bring_in(self._idle_s())
                on_tick()
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def wake(self) -> None:
        """End a wait of `run` now; safe in signal handlers and other threads."""
        self._finished.put(None)

    def _now_s(self) -> float:
        """Simulated seconds that have passed on the wall clock."""
        return (self._monotonic() - self._started) * self._speed

    def _run_due(self) -> None:
        """Run what is due, for a quarter of a second at most, so that finished calls come in between."""
        give_up = self._monotonic() + LONGEST_IDLE_S
        while self._env.peek() <= self._now_s() and self._monotonic() < give_up:
            self.lag_s_max = max(self.lag_s_max, (self._now_s() - self._env.peek()) / self._speed)
            self._env.step()

    def _idle_s(self) -> float:
        """Real seconds until the next event is due."""
        return min(LONGEST_IDLE_S, max(0.0, (self._env.peek() - self._now_s()) / self._speed))

    def _bring_in(self, wait_s: float) -> None:
        """Wait for a finished call, then schedule it and all others that have finished as of now."""
        try:
            finished = self._finished.get(timeout=wait_s) if wait_s > 0 else self._finished.get_nowait()
            while True:
                if finished is not None:
                    self._schedule(*finished)
                finished = self._finished.get_nowait()
        except queue.Empty:
            return

    def _schedule(self, done: simpy.Event, finished: Future[Any]) -> None:
        def end(_: simpy.Event) -> None:
            try:
                done.succeed(finished.result())
            except Exception as error:  # not swallowed: SimPy raises it in the process that waits
                done.fail(error)

        arrival = self._env.timeout(max(0.0, self._now_s() - self._env.now))
        arrival.callbacks.append(end)
