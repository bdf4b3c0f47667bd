"""The books of the stand-in CRM."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from standins.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS buyers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, full_name TEXT NOT NULL, email TEXT NOT NULL, phone TEXT NOT NULL,
    note TEXT, custom_fields TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
"""
NOTHING: dict[str, object] = {"full_name": "", "email": [], "phone": [], "note": None, "custom_fields": {}}
PACKED = ("email", "phone", "custom_fields")
# Filters of the list, and the part of its WHERE that each becomes.
FILTERS = {
    "buyer_id": "id IN (SELECT value FROM json_each(?))",
    "buyer_phone": "EXISTS (SELECT 1 FROM json_each(phone) WHERE value IN (SELECT value FROM json_each(?)))",
    "buyer_email": "EXISTS (SELECT 1 FROM json_each(email) WHERE lower(value) IN "
    "(SELECT lower(value) FROM json_each(?)))",
}


@dataclass(frozen=True)
class BuyerPage:
    """Buyers *start* and on, and how many there are in all."""

    buyers: tuple[dict[str, object], ...]
    total: int


class Books(Database):
    """Buyers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "keycrm.sqlite", SCHEMA)
        self._database.row_factory = sqlite3.Row

    def add(self, fields: Mapping[str, object]) -> dict[str, object]:
        """Enter a buyer; *fields* as `buyer` has them."""
        now = _now()
        columns = _columns(NOTHING | dict(fields)) | {"created_at": now, "updated_at": now}
        marks = ", ".join("?" * len(columns))
        with self.transaction() as database:
            added = database.execute(
                f"INSERT INTO buyers ({', '.join(columns)}) VALUES ({marks})", list(columns.values())
            )
            buyer = _find(database, int(added.lastrowid or 0))
        assert buyer is not None
        return buyer

    def change(self, buyer_id: int, fields: Mapping[str, object]) -> dict[str, object] | None:
        """Change what *fields* names, of custom fields too; None where there is no such buyer."""
        with self.transaction() as database:
            before = _find(database, buyer_id)
            if before is None:
                return None
            filled = before["custom_fields"]
            given = fields.get("custom_fields") or {}
            assert isinstance(filled, dict)
            assert isinstance(given, dict)
            columns = _columns({**fields, "custom_fields": filled | given}) | {"updated_at": _now()}
            sets = ", ".join(f"{name} = ?" for name in columns)
            database.execute(f"UPDATE buyers SET {sets} WHERE id = ?", [*columns.values(), buyer_id])
            return _find(database, buyer_id)

    def buyer(self, buyer_id: int) -> dict[str, object] | None:
        """A buyer: `id`, `full_name`, `email`, `phone` (lists), `note`, `custom_fields` by uuid, times."""
        with self.transaction() as database:
            return _find(database, buyer_id)

    def page(self, filters: Mapping[str, Sequence[str]], limit: int, start: int) -> BuyerPage:
        """Up to *limit* buyers that pass every filter (of FILTERS), oldest first."""
        where = " AND ".join(FILTERS[name] for name in filters) or "1"
        values = [json.dumps([_typed(name, value) for value in given]) for name, given in filters.items()]
        with self.transaction() as database:
            [total] = database.execute(f"SELECT count(*) FROM buyers WHERE {where}", values).fetchone()
            rows = database.execute(
                f"SELECT * FROM buyers WHERE {where} ORDER BY id LIMIT ? OFFSET ?", [*values, limit, start]
            ).fetchall()
        return BuyerPage(tuple(map(_read, rows)), total)


def _find(database: sqlite3.Connection, buyer_id: int) -> dict[str, object] | None:
    row = database.execute("SELECT * FROM buyers WHERE id = ?", (buyer_id,)).fetchone()
    return None if row is None else _read(row)


def _read(row: sqlite3.Row) -> dict[str, object]:
    return {name: json.loads(row[name]) if name in PACKED else row[name] for name in row.keys()}  # noqa: SIM118


def _columns(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: json.dumps(value) if name in PACKED else value for name, value in fields.items()}


def _typed(name: str, value: str) -> int | str:
    return int(value) if name == "buyer_id" and value.isdecimal() else value


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
