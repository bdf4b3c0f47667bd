"""What the supplier has: codes, active or transferred."""

import secrets
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from offerloop.money import MINOR_PER_MAJOR
from standins.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS codes (
    number INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE,
    amount INTEGER NOT NULL, currency TEXT NOT NULL, batch TEXT
);
CREATE INDEX IF NOT EXISTS active_codes ON codes (amount, number) WHERE batch IS NULL;
CREATE INDEX IF NOT EXISTS codes_of_batch ON codes (batch) WHERE batch IS NOT NULL;
CREATE TABLE IF NOT EXISTS transfers (
    number INTEGER PRIMARY KEY, batch TEXT NOT NULL UNIQUE, at TEXT NOT NULL
);
"""
PAGE_SIZE = 10
CURRENCY = "UAH"
LETTERS = "ACDEFGHJKMNPQRTUVWXY"  # without those that are read as another sign: B I L O S Z
SIGNS = LETTERS + "23456789"
SIGNS_IN_A_CODE = 6
Row = TypeVar("Row")


@dataclass(frozen=True)
class Code:
    """One code; *amount* in minor units."""

    code: str
    amount: int
    currency: str


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a list; pages count from 1, and an empty list has one."""

    rows: Sequence[Row]
    number: int
    pages: int
    total: int


@dataclass(frozen=True)
class Transfer:
    """Codes that were handed out together; *at* is ISO 8601, UTC."""

    batch: str
    at: str
    codes: Sequence[Code]


class Stock(Database):
    """Codes and transfers.

    Args:
        choose: picks one sign of several, for new codes.
    """

    def __init__(self, file: Path, choose: Callable[[str], str] = secrets.choice) -> None:
        super().__init__(file, SCHEMA)
        self._choose = choose

    def generate(self, amount: int, count: int, currency: str = CURRENCY) -> int:
        """Make *count* new codes worth *amount*, whole units of *currency* in minor ones; gives *count*."""
        with self.transaction() as database:
            made = 0
            while made < count:
                made += database.execute(
                    "INSERT OR IGNORE INTO codes (code, amount, currency) VALUES (?, ?, ?)",
                    (self._new_code(amount), amount, currency),
                ).rowcount
        return made

    def is_new(self) -> bool:
        """Tell whether there was never a code."""
        with self.transaction() as database:
            return database.execute("SELECT 1 FROM codes LIMIT 1").fetchone() is None

    def amounts(self) -> list[int]:
        """Every amount that codes were ever made for."""
        with self.transaction() as database:
            return [row[0] for row in database.execute("SELECT DISTINCT amount FROM codes ORDER BY amount")]

    def active(self, amount: int | None, page: int) -> Page[Code]:
        """Codes that nobody has yet, of one amount or all, oldest first; beyond the last page is the last."""
        chosen = "batch IS NULL AND (?1 IS NULL OR amount = ?1)"
        with self.transaction() as database:
            (total,) = database.execute(f"SELECT COUNT(*) FROM codes WHERE {chosen}", (amount,)).fetchone()
            number, pages = _page_within(page, total)
            rows = database.execute(
                f"SELECT code, amount, currency FROM codes WHERE {chosen} ORDER BY number LIMIT ?2 OFFSET ?3",
                (amount, PAGE_SIZE, (number - 1) * PAGE_SIZE),
            ).fetchall()
        return Page([Code(*row) for row in rows], number, pages, total)

    def still_active(self, codes: Sequence[str]) -> list[Code]:
        """Those of *codes* that nobody has yet, in their order."""
        with self.transaction() as database:
            found = (_active(database, code) for code in codes)
            return [code for code in found if code is not None]

    def transfer(self, batch: str, codes: Sequence[str], at: str) -> Transfer | None:
        """Hand *codes* out under *batch*, those that nobody has yet; a batch that is known stays as it is.

        Returns:
            What the batch holds; None where none of the codes is free, and then there is no such batch.
        """
        with self.transaction() as database:
            known = _transfer(database, batch)
            free = [code for code in codes if _active(database, code) is not None]
            if known is not None or not free:
                return known
            database.execute("INSERT INTO transfers (batch, at) VALUES (?, ?)", (batch, at))
            database.executemany(
                "UPDATE codes SET batch = ? WHERE code = ?", [(batch, code) for code in free]
            )
            return _transfer(database, batch)

    def transferred(self, batch: str) -> Transfer | None:
        """What was handed out under *batch*; None where nothing was."""
        with self.transaction() as database:
            return _transfer(database, batch)

    def transfers(self, page: int) -> Page[Transfer]:
        """All transfers, newest first."""
        with self.transaction() as database:
            (total,) = database.execute("SELECT COUNT(*) FROM transfers").fetchone()
            number, pages = _page_within(page, total)
            rows = database.execute(
                "SELECT batch FROM transfers ORDER BY number DESC LIMIT ? OFFSET ?",
                (PAGE_SIZE, (number - 1) * PAGE_SIZE),
            ).fetchall()
            found = [_transfer(database, batch) for (batch,) in rows]
        return Page([each for each in found if each is not None], number, pages, total)

    def _new_code(self, amount: int) -> str:
        # A letter first, so that the amount can be read off.
        signs = [self._choose(LETTERS), *(self._choose(SIGNS) for _ in range(SIGNS_IN_A_CODE - 1))]
        return f"BON{amount // MINOR_PER_MAJOR}{''.join(signs)}"


def _page_within(page: int, total: int) -> tuple[int, int]:
    pages = max(1, -(-total // PAGE_SIZE))
    return min(max(page, 1), pages), pages


def _active(database: sqlite3.Connection, code: str) -> Code | None:
    row = database.execute(
        "SELECT code, amount, currency FROM codes WHERE code = ? AND batch IS NULL", (code,)
    ).fetchone()
    return None if row is None else Code(*row)


def _transfer(database: sqlite3.Connection, batch: str) -> Transfer | None:
    known = database.execute("SELECT at FROM transfers WHERE batch = ?", (batch,)).fetchone()
    if known is None:
        return None
    codes = database.execute(
        "SELECT code, amount, currency FROM codes WHERE batch = ? ORDER BY number", (batch,)
    ).fetchall()
    return Transfer(batch, known[0], [Code(*row) for row in codes])
