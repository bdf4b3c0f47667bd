"""How far a replay has come, kept so that it can go on after an interruption.

One SQLite file per recording, written in steps of many sessions. What an interruption loses of it are
sessions that are done and not noted: they are replayed again under the same Idempotency-Keys, which
changes nothing. The API remembers those keys for 24 hours, so an older run is not resumed.
"""

import secrets
import sqlite3
import threading
from collections import Counter
from enum import StrEnum
from pathlib import Path

from offerloop.idempotency import KEPT_FOR_S
from simulator.replay import ledger
from simulator.replay.ledger import Ledger, PlacedOrder
from simulator.replay.sessions import Outcome

_TABLES = f"""
CREATE TABLE run (run_id TEXT, system TEXT, noted_at INTEGER, seconds REAL, bought_by TEXT);
CREATE TABLE done (session INTEGER PRIMARY KEY);
CREATE TABLE counts (what TEXT, name TEXT, count INTEGER, PRIMARY KEY (what, name)) WITHOUT ROWID;
{ledger.TABLES}
"""
_COUNTERS = ("requests", "served", "redeemed", "refusals")
_NUMBERS = ("sessions", "matched", "not_placed")


class BoughtBy(StrEnum):
    """What a run makes of a basket."""

    ORDERS = "orders"
    EVENTS = "events"


class CannotResume(ValueError):
    """There is nothing to go on with, or going on would do things twice."""


class Progress:
    """The progress of one run.

    Attributes:
        run_id: names the run in Idempotency-Keys.
        outcome: of all sessions that are done, earlier parts of the run included.
        seconds: how long the run has been going, pauses between its parts left out.
        ledger: the orders of this run.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database, self._lock = database, threading.Lock()
        self.ledger = Ledger(database, self._lock)
        row = database.execute("SELECT run_id, seconds FROM run").fetchone()
        self.run_id: str = row[0]
        self.seconds: float = row[1]
        self.outcome = self._read_outcome()
        self._unnoted: list[int] = []
        self._unnoted_orders: list[PlacedOrder] = []

    @classmethod
    def start(cls, path: Path, system: str, now: int, bought_by: BoughtBy = BoughtBy.EVENTS) -> "Progress":
        """Begin a new run, forgetting an earlier one of the same recording.

        Args:
            system: address of the API.
            now: epoch seconds.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        for part in ("", "-wal", "-shm"):
            path.with_name(path.name + part).unlink(missing_ok=True)
        database = _connect(path)
        with database:
            database.executescript(_TABLES)
            run = (secrets.token_hex(8), system, now, bought_by.value)
            database.execute("INSERT INTO run VALUES (?, ?, ?, 0, ?)", run)
        return cls(database)

    @classmethod
    def resume(cls, path: Path, system: str, now: int, bought_by: BoughtBy = BoughtBy.EVENTS) -> "Progress":
        """Go on with the run.

        Raises:
            CannotResume
        """
        if not path.exists():
            raise CannotResume(
                "nothing to resume: no replay of this data with this mapping and seed was begun here"
            )
        database = _connect(path)
        begun_on, noted_at, begun_by = database.execute(
            "SELECT system, noted_at, bought_by FROM run"
        ).fetchone()
        if begun_on != system:
            raise CannotResume(
                f"this replay was begun on another system ({begun_on}); start it anew without RESUME=1"
            )
        if begun_by != bought_by:
            raise CannotResume(f"this replay was begun with BASKETS={begun_by}: say so, or start anew")
        if now - noted_at >= KEPT_FOR_S:
            raise CannotResume(
                f"this replay stopped {(now - noted_at) // 3600} h ago, and the API remembers for "
                f"{KEPT_FOR_S // 3600} h what it has done: start anew on an empty system (`make reset`)"
            )
        return cls(database)

    @property
    def sessions_done(self) -> int:
        with self._lock:
            return int(self._database.execute("SELECT count(*) FROM done").fetchone()[0])

    def is_done(self, session: int) -> bool:
        with self._lock:
            found = self._database.execute("SELECT 1 FROM done WHERE session = ?", (session,)).fetchone()
        return found is not None

    def finished(self, session: int, outcome: Outcome) -> None:
        """Take in one session; `note` makes it last."""
        self._unnoted.append(session)
        self._unnoted_orders += outcome.placed
        self.outcome.add(outcome)

    def note(self, now: int, seconds: float) -> None:
        """Write down everything finished so far, all or nothing.

        Args:
            seconds: how long the whole run has been going.
        """
        self.seconds = seconds
        outcome = self.outcome
        counts = [(what, name, n) for what in _COUNTERS for name, n in getattr(outcome, what).items()]
        counts += [(what, "", getattr(outcome, what)) for what in _NUMBERS]
        with self._lock, self._database:
            self._database.executemany("INSERT INTO done VALUES (?)", ((number,) for number in self._unnoted))
            self._database.executemany("INSERT OR REPLACE INTO counts VALUES (?, ?, ?)", counts)
            self._database.execute("UPDATE run SET noted_at = ?, seconds = ?", (now, seconds))
            self.ledger.add(self._unnoted_orders)
        self._unnoted.clear()
        self._unnoted_orders.clear()

    def close(self) -> None:
        self._database.close()

    def _read_outcome(self) -> Outcome:
        outcome = Outcome()
        for what, name, count in self._database.execute("SELECT what, name, count FROM counts"):
            if what in _COUNTERS:
                counter: Counter[str] = getattr(outcome, what)
                counter[name] = count
            else:
                setattr(outcome, what, count)
        return outcome


def _connect(path: Path) -> sqlite3.Connection:
    """A connection for several threads, of which one at a time may use it.

    Offers are chosen once per session, so writing must be cheap: what a crash of the machine (not of the
    process) may lose are the last steps.
    """
    database = sqlite3.connect(path, check_same_thread=False)
    database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
    return database
