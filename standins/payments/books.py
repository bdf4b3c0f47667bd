"""The books of the payment service."""

import json
import sqlite3
from dataclasses import asdict, astuple, fields
from pathlib import Path

from offerloop.orders.ports import PaymentStatus
from offerloop.standins import payments
from offerloop.standins.payments import APPROVE_ALL, Account, Behaviour, Charge, Mode
from standins.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    key TEXT PRIMARY KEY, status TEXT, amount INTEGER, currency TEXT, reason TEXT,
    captured INTEGER NOT NULL, refunded INTEGER NOT NULL, voided INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refunds (
    key TEXT, refund_key TEXT, amount INTEGER NOT NULL, PRIMARY KEY (key, refund_key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS behaviour (only INTEGER PRIMARY KEY CHECK (only = 1), said TEXT NOT NULL);
"""
COLUMNS = ", ".join(field.name for field in fields(Account))


class Books(Database):
    """Accounts and refunds."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "payments.sqlite", SCHEMA)

    def charge(self, key: str, amount: int, currency: str) -> Charge:
        """Raises:
        PaymentRejected: see `payments.charge`.
        """
        with self.transaction() as database:
            charged = payments.charge(_account(database, key), key, amount, currency, _behaviour(database))
            _store(database, charged.account)
            return charged

    def void(self, key: str) -> Account:
        with self.transaction() as database:
            account = payments.void(_account(database, key), key)
            _store(database, account)
            return account

    def refund(self, key: str, refund_key: str, amount: int) -> Account:
        """Raises:
        PaymentRejected: see `payments.refund`.
        """
        with self.transaction() as database:
            row = database.execute(
                "SELECT amount FROM refunds WHERE key = ? AND refund_key = ?", (key, refund_key)
            ).fetchone()
            account = payments.refund(
                _account(database, key), key, refund_key, amount, None if row is None else row[0]
            )
            if row is None:
                database.execute("INSERT INTO refunds VALUES (?, ?, ?)", (key, refund_key, amount))
                _store(database, account)
            return account

    def account(self, key: str) -> Account | None:
        """One account; None where nothing was ever done under the key."""
        with self.transaction() as database:
            account = _account(database, key)
        return account if account is not None and account.status is not None else None

    def page(self, limit: int, after: str) -> list[Account]:
        """Up to *limit* accounts behind the key *after*, by key."""
        with self.transaction() as database:
            rows = database.execute(
                f"SELECT {COLUMNS} FROM accounts WHERE key > ? AND status IS NOT NULL ORDER BY key LIMIT ?",
                (after, limit),
            ).fetchall()
        return [_read(row) for row in rows]

    def behaviour(self) -> Behaviour:
        with self.transaction() as database:
            return _behaviour(database)

    def behave(self, behaviour: Behaviour) -> None:
        """Behave so towards all charges that are new from now on, restarts included."""
        with self.transaction() as database:
            said = json.dumps(asdict(behaviour))
            database.execute("INSERT OR REPLACE INTO behaviour VALUES (1, ?)", (said,))


def _account(database: sqlite3.Connection, key: str) -> Account | None:
    row = database.execute(f"SELECT {COLUMNS} FROM accounts WHERE key = ?", (key,)).fetchone()
    return None if row is None else _read(row)


def _read(row: tuple[object, ...]) -> Account:
    key, status, *others = row
    return Account(str(key), None if status is None else PaymentStatus(status), *others)  # type: ignore[arg-type]


def _store(database: sqlite3.Connection, account: Account) -> None:
    marks = ", ".join("?" * len(fields(Account)))
    database.execute(f"INSERT OR REPLACE INTO accounts ({COLUMNS}) VALUES ({marks})", astuple(account))


def _behaviour(database: sqlite3.Connection) -> Behaviour:
    row = database.execute("SELECT said FROM behaviour").fetchone()
    if row is None:
        return APPROVE_ALL
    said = json.loads(row[0])
    return Behaviour(**said | {"shares": {Mode(mode): share for mode, share in said["shares"].items()}})
