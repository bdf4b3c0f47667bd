"""How far a replay has come, kept so that it can go on after an interruption.

One SQLite file per recording, written in steps of many sessions. What an interruption loses of it are
sessions that are done and not noted: they are replayed again under the same Idempotency-Keys, which
changes nothing. The API remembers those keys for 24 hours, so an older run is not resumed.
"""

import secrets
import sqlite3
from collections import Counter
from pathlib import Path

from offerloop.idempotency import KEPT_FOR_S
from simulator.replay.sessions import Outcome

_TABLES = """
CREATE TABLE run (run_id TEXT, system TEXT, noted_at INTEGER, seconds REAL);
CREATE TABLE done (session INTEGER PRIMARY KEY);
CREATE TABLE counts (what TEXT, name TEXT, count INTEGER, PRIMARY KEY (what, name)) WITHOUT ROWID;
"""
_COUNTERS = ("requests", "served", "redeemed", "refusals")


class CannotResume(ValueError):
    """There is nothing to go on with, or going on would do things twice."""


class Progress:
    """The progress of one run.

    Attributes:
        run_id: names the run in Idempotency-Keys.
        outcome: of all sessions that are done, earlier parts of the run included.
        seconds: how long the run has been going, pauses between its parts left out.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        row = database.execute("SELECT run_id, seconds FROM run").fetchone()
        self.run_id: str = row[0]
        self.seconds: float = row[1]
        self.outcome = self._read_outcome()
        self._unnoted: list[int] = []

    @classmethod
    def start(cls, path: Path, system: str, now: int) -> "Progress":
        """Begin a new run, forgetting an earlier one of the same recording.

        Args:
            system: address of the API.
            now: epoch seconds.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        database = sqlite3.connect(path)
        with database:
            database.executescript(_TABLES)
            database.execute("INSERT INTO run VALUES (?, ?, ?, 0)", (secrets.token_hex(8), system, now))
        return cls(database)

    @classmethod
    def resume(cls, path: Path, system: str, now: int) -> "Progress":
        """Go on with the run.

        Raises:
            CannotResume
        """
        if not path.exists():
            raise CannotResume(
                "nothing to resume: no replay of this data with this mapping and seed was begun here"
            )
        database = sqlite3.connect(path)
        begun_on, noted_at = database.execute("SELECT system, noted_at FROM run").fetchone()
        if begun_on != system:
            raise CannotResume(
                f"this replay was begun on another system ({begun_on}); start it anew without RESUME=1"
            )
        if now - noted_at >= KEPT_FOR_S:
            raise CannotResume(
                f"this replay stopped {(now - noted_at) // 3600} h ago, and the API remembers for "
                f"{KEPT_FOR_S // 3600} h what it has done: start anew on an empty system (`make reset`)"
            )
        return cls(database)

    @property
    def sessions_done(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM done").fetchone()[0])

    def is_done(self, session: int) -> bool:
        return (
            self._database.execute("SELECT 1 FROM done WHERE session = ?", (session,)).fetchone() is not None
        )

    def finished(self, session: int, outcome: Outcome) -> None:
        """Take in one session; `note` makes it last."""
        self._unnoted.append(session)
        self.outcome.add(outcome)

    def note(self, now: int, seconds: float) -> None:
        """Write down everything finished so far, all or nothing.

        Args:
            seconds: how long the whole run has been going.
        """
        self.seconds = seconds
        outcome = self.outcome
        counts = [(what, name, n) for what in _COUNTERS for name, n in getattr(outcome, what).items()]
        counts += [("sessions", "", outcome.sessions), ("matched", "", outcome.matched)]
        with self._database:
            self._database.executemany("INSERT INTO done VALUES (?)", ((number,) for number in self._unnoted))
            self._database.executemany("INSERT OR REPLACE INTO counts VALUES (?, ?, ?)", counts)
            self._database.execute("UPDATE run SET noted_at = ?, seconds = ?", (now, seconds))
        self._unnoted.clear()

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
