"""One SQLite file behind a stand-in: one transaction per effect."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUSY_S = 5.0


class Database:
    """A file with a schema; every method may be called from any thread.

    A write survives the end of the process at any moment. That of the machine it may not: the log is not
    forced to the disk at each write, which would cost more than all the rest.
    """

    def __init__(self, file: Path, schema: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(file, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(schema)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def check(self) -> None:
        """Raises:
        sqlite3.Error: nothing can be written now.
        """
        with self.transaction():
            return

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the database to one thread; what it does there is done as a whole, or not at all."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
