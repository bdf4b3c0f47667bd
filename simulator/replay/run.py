"""Many recorded sessions at once, each customer's one after another, in recorded order."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from simulator.replay.backlog import Backlog
from simulator.replay.progress import Progress
from simulator.replay.recording import Session
from simulator.replay.sessions import Outcome, SessionPlayer, ShopGone

LOOKAHEAD = 64  # sessions per worker that may wait for an earlier one of their customer
NOTED_EVERY_S = 1.0
LONGEST_WAIT_S = 0.25  # between two looks at whether to stop


@dataclass(slots=True)
class Pace:
    """When sessions may start.

    Attributes:
        speed: recorded seconds per real second; None = as fast as the shop answers.
    """

    speed: float | None
    monotonic: Callable[[], float] = time.monotonic
    _began: tuple[float, int] | None = None

    def wait_s(self, session: Session) -> float:
        """Real seconds until a session may start; the first one asked about starts at once."""
        if self.speed is None:
            return 0.0
        if self._began is None:
            self._began = self.monotonic(), session.at
        began, first_at = self._began
        return max(0.0, began + (session.at - first_at) / self.speed - self.monotonic())


class Replay:
    """One part of a run: from where *progress* stands to the end, or to an interruption.

    Sessions start in recorded order, but a session whose customer is still busy with an earlier one
    waits, and those behind it go on; at most LOOKAHEAD per worker wait so.

    Args:
        workers: sessions at one time.
        backlog: holds sessions back while too many orders are open; None = no limit.
        on_tick: called after each finished session and at least every quarter of a second.
    """

    def __init__(
        self,
        player: SessionPlayer,
        progress: Progress,
        *,
        workers: int,
        pace: Pace,
        stopping: threading.Event,
        backlog: Backlog | None = None,
        on_tick: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._player, self._progress, self._pace = player, progress, pace
        self._workers, self._stopping, self._on_tick, self._now = workers, stopping, on_tick, now
        self._backlog = backlog
        self._finished: queue.SimpleQueue[tuple[Session, Future[Outcome]]] = queue.SimpleQueue()
        self._waiting: dict[str, deque[Session]] = {}  # by customers who are busy
        self._waiting_count = 0
        self._left_out = 0
        self._gone: ShopGone | None = None
        self._began = time.monotonic()
        self._seconds_before = progress.seconds
        self._noted = self._began

    @property
    def seconds(self) -> float:
        """How long the run has been going, earlier parts included."""
        return self._seconds_before + time.monotonic() - self._began

    def play(self, sessions: Iterator[Session]) -> bool:
        """Replay sessions; those that are done are passed over.

        Returns:
            False when *stopping* ended it early.
        Raises:
            ShopGone: the shop stopped answering; what was done is noted.
        """
        left = (session for session in sessions if not self._progress.is_done(session.number))
        upcoming = next(left, None)
        with ThreadPoolExecutor(self._workers, thread_name_prefix="replay") as pool:
            try:
                while (upcoming is not None or self._waiting) and not self._ends_early():
                    wait_s = LONGEST_WAIT_S
                    while upcoming is not None and self._has_room():
                        wait_s = min(LONGEST_WAIT_S, self._pace.wait_s(upcoming))
                        if wait_s > 0:
                            break
                        self._start(upcoming, pool)
                        upcoming = next(left, None)
                        wait_s = LONGEST_WAIT_S
                    self._take_finished(wait_s, pool)
                    self._note_now_and_then()
            finally:
                self._drain()
        if self._gone is not None:
            raise self._gone
        return upcoming is None and not self._left_out

    def _ends_early(self) -> bool:
        return self._stopping.is_set() or self._gone is not None

    def _has_room(self) -> bool:
        if len(self._waiting) >= self._workers or self._waiting_count >= LOOKAHEAD * self._workers:
            return False
        return self._backlog is None or self._backlog.has_room()

    def _start(self, session: Session, pool: ThreadPoolExecutor) -> None:
        behind = self._waiting.get(session.user_id)
        if behind is not None:
            behind.append(session)
            self._waiting_count += 1
            return
        self._waiting[session.user_id] = deque()
        self._submit(session, pool)

    def _submit(self, session: Session, pool: ThreadPoolExecutor) -> None:
        future = pool.submit(self._player.play, session)
        future.add_done_callback(lambda finished: self._finished.put((session, finished)))

    def _take_finished(self, wait_s: float, pool: ThreadPoolExecutor) -> None:
        try:
            session, finished = self._finished.get(timeout=wait_s)
        except queue.Empty:
            self._on_tick()
            return
        self._take(session, finished)
        behind = self._waiting[session.user_id]
        if behind and not self._ends_early():
            self._waiting_count -= 1
            self._submit(behind.popleft(), pool)
        else:
            self._release(session)
        self._on_tick()

    def _release(self, session: Session) -> None:
        """The customer has no session under way any more; those behind it are left for a resumption."""
        behind = self._waiting.pop(session.user_id)
        self._waiting_count -= len(behind)
        self._left_out += len(behind)

    def _take(self, session: Session, finished: Future[Outcome]) -> None:
        try:
            outcome = finished.result()
        except ShopGone as gone:
            self._gone = gone
            return
        self._progress.finished(session.number, outcome)
        if self._backlog is not None:
            self._backlog.add(order.order_id for order in outcome.placed)

    def _note_now_and_then(self) -> None:
        if time.monotonic() >= self._noted + NOTED_EVERY_S:
            self._note()

    def _note(self) -> None:
        self._progress.note(int(self._now()), self.seconds)
        self._noted = time.monotonic()

    def _drain(self) -> None:
        """Wait for the sessions under way and note them."""
        while self._waiting:
            session, finished = self._finished.get()
            self._release(session)
            self._take(session, finished)
        self._note()
