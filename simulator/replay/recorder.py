"""Makes a recording of a transaction file.

The file is read once, row by row, into a SQLite file; SQLite sorts on disk. So the file may be in any
order, baskets need not stand together, and memory does not grow with the number of rows, only with that
of distinct products. The result is kept and found again by what went into it.
"""

import hashlib
import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from simulator.arrivals import DAY_S
from simulator.replay.mapping import ByBand, Mapping, ProductColumn, ProductsFile
from simulator.replay.rows import Purchase, RowFault, UnreadableData, read_purchases, read_records
from simulator.replay.time_of_day import second_of_day
from simulator.replay.units import units_of
from simulator.shoppers.streams import Streams

FORMAT = 2  # of the SQLite file; another number is another file
_SLUG_LENGTH = 60
_NAME_LENGTH = 200
_BATCH = 5_000

_TABLES = """
CREATE TABLE faults (file TEXT, line INTEGER, reason TEXT, detail TEXT);
CREATE TABLE catalogue (key TEXT PRIMARY KEY, name TEXT, category TEXT) WITHOUT ROWID;
CREATE TABLE purchases (line INTEGER PRIMARY KEY, customer TEXT, basket TEXT, at INTEGER, product TEXT,
                        units INTEGER, is_return INTEGER, value_hundredths INTEGER, reason TEXT,
                        quantity REAL);
CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;
"""

# A basket belongs to the customer of its first row and begins at its earliest time. A product's price is the
# median of what its rows say a unit cost: of two middle ones the lower, halves of a cent up, at least a cent.
_SESSIONS = """
CREATE TABLE baskets AS
    SELECT basket, customer, min(line) AS line FROM purchases GROUP BY basket;
CREATE UNIQUE INDEX baskets_by_id ON baskets (basket);
INSERT INTO faults
    SELECT NULL, p.line, 'two_customers',
           'basket ' || p.basket || ' belongs to ' || b.customer || ' since line ' || b.line
    FROM purchases p JOIN baskets b USING (basket) WHERE p.customer <> b.customer;
DELETE FROM purchases WHERE line IN (SELECT line FROM faults WHERE reason = 'two_customers' AND file IS NULL);
CREATE TABLE sessions AS
    SELECT row_number() OVER (ORDER BY min(at), min(line)) - 1 AS number, basket, min(customer) AS customer,
           min(at) AS at, sum(iif(is_return, 0, value_hundredths)) AS value_hundredths
    FROM purchases GROUP BY basket;
CREATE UNIQUE INDEX sessions_by_number ON sessions (number);
CREATE UNIQUE INDEX sessions_by_basket ON sessions (basket);
CREATE TABLE bought AS
    SELECT s.number AS session, min(p.line) AS line, p.product AS product, sum(p.units) AS units,
           sum(iif(p.units > 0, p.value_hundredths, 0)) AS value_hundredths
    FROM purchases p JOIN sessions s USING (basket) WHERE NOT p.is_return
    GROUP BY s.number, p.product ORDER BY 1, 2;
CREATE INDEX bought_in_order ON bought (session, line);
CREATE TABLE returned AS
    SELECT s.number AS session, p.line AS line, s.customer AS customer, p.product AS product, p.units AS units
    FROM purchases p JOIN sessions s USING (basket) WHERE p.is_return AND p.units > 0 ORDER BY 1, 2;
CREATE TABLE quantities AS
    SELECT s.number AS session, p.line AS line, p.reason AS reason, p.quantity AS quantity, p.units AS units
    FROM purchases p JOIN sessions s USING (basket) WHERE p.reason IS NOT NULL ORDER BY 2;
CREATE TABLE prices AS
    WITH paid AS (
        SELECT product, (2 * value_hundredths + units) / (2 * units) AS unit_price
        FROM purchases WHERE units > 0 AND NOT is_return
    ), ranked AS (
        SELECT product, unit_price, row_number() OVER (PARTITION BY product ORDER BY unit_price) AS place,
               count(*) OVER (PARTITION BY product) AS count
        FROM paid
    )
    SELECT product AS key, max(1, unit_price) AS price FROM ranked WHERE place = (count + 1) / 2;
CREATE UNIQUE INDEX prices_by_key ON prices (key);
CREATE TABLE products AS
    SELECT product AS key, count(*) AS baskets, min(session) AS first_session,
           percent_rank() OVER (ORDER BY count(*)) AS popularity
    FROM bought GROUP BY product;
DROP TABLE purchases;
DROP TABLE baskets;
"""


def fingerprint(data: Path, mapping_file: Path, mapping: Mapping, seed: int) -> str:
    """Name a recording by the content of all that it is made from; 16 hex digits.

    Raises:
        UnreadableData: the transaction file or the products file cannot be read.
    """
    digest = hashlib.sha256(f"{FORMAT} {seed}".encode())
    files = [data, mapping_file, *([data.parent / mapping.products.file] if mapping.products else [])]
    for path in files:
        try:
            with path.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
        except OSError as fault:
            raise UnreadableData(f"{path}: {fault.strerror or fault}") from fault
    return digest.hexdigest()[:16]


def record(
    data: Path, mapping: Mapping, seed: int, to: Path, progress: Callable[[float], None] = lambda _: None
) -> None:
    """Read a transaction file into the SQLite file *to*, which appears only when it is complete.

    Args:
        seed: for times of day that are drawn.
        progress: called with the share that was read, 0..1.
    Raises:
        UnreadableData: a file cannot be read as a whole.
    """
    to.parent.mkdir(parents=True, exist_ok=True)
    unfinished = to.with_suffix(f".{os.getpid()}.tmp")
    unfinished.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(unfinished)) as database:
            database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _TABLES)
            with database:
                _Recorder(database, mapping, Streams(seed)).read(data, progress)
            database.executescript(_SESSIONS)
            database.commit()
        unfinished.replace(to)
    finally:
        unfinished.unlink(missing_ok=True)


class _Recorder:
    """Fills the tables from the files."""

    def __init__(self, database: sqlite3.Connection, mapping: Mapping, streams: Streams) -> None:
        self._database, self._mapping, self._streams = database, mapping, streams
        self._slugs: dict[str, str] = {}
        self._known: set[str] = set()
        self._without_category: set[str] = set()

    def read(self, data: Path, progress: Callable[[float], None]) -> None:
        products, product = self._mapping.products, self._mapping.product
        if products is not None:
            self._read_products(data.parent / products.file, products)
        elif isinstance(product, ByBand):
            self._store_products([(band.id, band.name, band.category) for band in product.bands.bands])
        rows = 0
        batch: list[Purchase] = []
        for row in read_purchases(data, self._mapping, progress):
            rows += 1
            kept = row if isinstance(row, RowFault) else self._kept(row)
            if isinstance(kept, RowFault):
                self._fault(None, kept)
                continue
            batch.append(kept)
            if len(batch) == _BATCH:
                self._store(batch)
                batch.clear()
        self._store(batch)
        self._database.execute("INSERT INTO facts VALUES ('rows', ?)", (rows,))

    def _kept(self, row: Purchase) -> Purchase | RowFault:
        """The row with its time of day, or why it is left out."""
        products = self._mapping.products
        if products is not None and row.product not in self._known:
            if row.product in self._without_category:
                return RowFault(row.line, "no_category", f"product {row.product!r} has no category")
            if products.category_when_unknown is None:
                return RowFault(row.line, "unknown_product", f"{row.product!r} is not in the products file")
            self._store_products([(row.product, row.product, products.category_when_unknown)])
        if self._mapping.timestamp.time_of_day == "recorded":
            return row
        second = second_of_day(self._streams.uniform("time-of-day", row.basket))
        return replace(row, at=row.at - row.at % DAY_S + second)

    def _store(self, batch: list[Purchase]) -> None:
        self._database.executemany(
            "INSERT INTO purchases VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(self._columns, batch)
        )
        product = self._mapping.product
        if isinstance(product, ProductColumn) and product.category is not None:
            new = {purchase.product for purchase in batch} - self._known
            self._store_products([(key, product.prefix + key, product.category) for key in sorted(new)])

    def _columns(self, row: Purchase) -> tuple[object, ...]:
        units = units_of(row.quantity, self._mapping.quantity)
        return (
            row.line,
            row.customer,
            row.basket,
            row.at,
            row.product,
            units.count,
            units.is_return,
            row.value_hundredths,
            units.reason,
            row.quantity,
        )

    def _read_products(self, path: Path, part: ProductsFile) -> None:
        columns = [part.key, part.category, *part.name]
        for line, record_ in read_records(path, self._mapping.delimiter, columns, lambda _: None):
            if isinstance(record_, RowFault):
                self._fault(path.name, record_)
                continue
            key, category, *names = record_
            if key in self._known or key in self._without_category:
                self._fault(path.name, RowFault(line, "repeated_product", f"{key!r} stands there before"))
                continue
            slug = self._slug(category) or part.category_when_empty
            if slug is None:
                self._without_category.add(key)
                continue
            name = re.sub(r"[\x00-\x20\x7f]+", " ", " ".join(filter(None, names))).strip()
            self._store_products([(key, name[:_NAME_LENGTH] or key, slug)])

    def _store_products(self, rows: list[tuple[str, str, str]]) -> None:
        self._known.update(key for key, _, _ in rows)
        self._database.executemany("INSERT INTO catalogue VALUES (?, ?, ?)", rows)

    def _slug(self, category: str) -> str:
        """A readable slug; two categories never share one, '' stands for none."""
        if category not in self._slugs:
            slug = base = re.sub(r"[^a-z0-9]+", "-", category.lower()).strip("-")[:_SLUG_LENGTH]
            taken, number = set(self._slugs.values()), 2
            while slug and slug in taken:
                slug, number = f"{base}-{number}", number + 1
            self._slugs[category] = slug
        return self._slugs[category]

    def _fault(self, file: str | None, fault: RowFault) -> None:
        self._database.execute(
            "INSERT INTO faults VALUES (?, ?, ?, ?)", (file, fault.line, fault.reason, fault.detail)
        )
