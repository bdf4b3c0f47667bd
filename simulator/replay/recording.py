"""A recording: the baskets of a transaction file in the order in which they happened."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from simulator.replay.mapping import ByBand, Mapping
from simulator.replay.rows import RowFault


@dataclass(frozen=True, slots=True)
class Product:
    """A product as an offer is made of it, or as it is sold.

    Attributes:
        offer_id: also the id of the product in the shop.
        popularity: 0..1, the share of products bought less often.
        price_hundredths: of a unit, >= 1; None = no basket has a unit of it.
    """

    offer_id: str
    name: str
    category: str
    popularity: float
    price_hundredths: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """Units (> 0) of one product in a basket, and what was paid for them."""

    product_id: str
    category: str
    units: int
    value_hundredths: int


@dataclass(frozen=True, slots=True)
class Session:
    """One basket: who, when (epoch seconds) and the distinct products, in the order of the rows.

    Attributes:
        number: position in the recording, from 0.
        offers: (offer id, category) per product that was bought; none in a basket of returns alone.
        lines: the products with their units, without those of which there is no unit to order.
    """

    number: int
    user_id: str
    at: int
    offers: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Return:
    """Units (> 0) that a customer brought back.

    Attributes:
        line: of the file, which names it.
        session: the number of the basket that it is in.
    """

    line: int
    session: int
    customer: str
    product_id: str
    units: int


@dataclass(frozen=True, slots=True)
class OddQuantity:
    """A row whose quantity is no count of units.

    Attributes:
        reason: stable code.
        units: what it became; 0 = left out.
    """

    line: int
    reason: str
    quantity: float
    units: int


class Recording:
    """Reads what `simulator.replay.recorder` wrote.

    Args:
        limit: how many sessions count, from the first; None = all.
    """

    def __init__(self, path: Path, mapping: Mapping, limit: int | None = None) -> None:
        self._database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self._limit = limit if limit is not None else -1 + 2**62
        product = mapping.product
        self._prefix = "" if isinstance(product, ByBand) else product.prefix

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    @property
    def rows(self) -> int:
        """Rows of the transaction file, good and bad."""
        return int(self._database.execute("SELECT value FROM facts WHERE name = 'rows'").fetchone()[0])

    @property
    def session_count(self) -> int:
        query = "SELECT count(*) FROM sessions WHERE number < ?"
        return int(self._database.execute(query, (self._limit,)).fetchone()[0])

    @property
    def purchase_count(self) -> int:
        """Distinct products, summed over sessions."""
        query = "SELECT count(*) FROM bought WHERE session < ?"
        return int(self._database.execute(query, (self._limit,)).fetchone()[0])

    @property
    def product_count(self) -> int:
        query = "SELECT count(*) FROM products WHERE first_session < ?"
        return int(self._database.execute(query, (self._limit,)).fetchone()[0])

    def fault_counts(self) -> Counter[str]:
        """Rows of the transaction file that were left out, by reason."""
        query = "SELECT reason, count(*) FROM faults WHERE file IS NULL GROUP BY reason"
        return Counter(dict(self._database.execute(query)))

    def faults(self) -> Iterator[tuple[str | None, RowFault]]:
        """All that was left out; with a file name where it is not in the transaction file."""
        query = "SELECT file, line, reason, detail FROM faults ORDER BY file IS NULL, file, line"
        for file, line, reason, detail in self._database.execute(query):
            yield file, RowFault(line, reason, detail)

    def quantity_counts(self) -> Counter[tuple[str, bool]]:
        """Rows of the sessions that count whose quantity is no count: by reason, and whether left out."""
        query = "SELECT reason, units = 0, count(*) FROM quantities WHERE session < ? GROUP BY 1, 2"
        rows = self._database.execute(query, (self._limit,))
        return Counter({(reason, bool(left_out)): count for reason, left_out, count in rows})

    def odd_quantities(self) -> Iterator[OddQuantity]:
        """The rows of the sessions that count whose quantity is no count of units."""
        query = "SELECT line, reason, quantity, units FROM quantities WHERE session < ? ORDER BY line"
        for row in self._database.execute(query, (self._limit,)):
            yield OddQuantity(*row)

    def returns(self) -> Iterator[Return]:
        """What came back in the sessions that count, in recorded order."""
        query = "SELECT line, session, customer, product, units FROM returned WHERE session < ? ORDER BY 2, 1"
        for line, session, customer, product, units in self._database.execute(query, (self._limit,)):
            yield Return(line, session, customer, self._prefix + product, units)

    @property
    def return_count(self) -> int:
        """Rows that are returns, in the sessions that count."""
        query = "SELECT count(*) FROM returned WHERE session < ?"
        return int(self._database.execute(query, (self._limit,)).fetchone()[0])

    def products(self) -> Iterator[Product]:
        """The products of the sessions that count; the prices are those of the whole recording."""
        query = """SELECT p.key, c.name, c.category, p.popularity, prices.price
                   FROM products p JOIN catalogue c USING (key) LEFT JOIN prices USING (key)
                   WHERE p.first_session < ? ORDER BY p.first_session, p.key"""
        for key, name, category, popularity, price in self._database.execute(query, (self._limit,)):
            yield Product(self._prefix + key, name, category, popularity, price)

    def values_hundredths(self) -> Iterator[int]:
        """What was bought in the sessions that count, in recorded order."""
        query = "SELECT value_hundredths FROM sessions WHERE number < ? ORDER BY number"
        for (value,) in self._database.execute(query, (self._limit,)):
            yield value

    def sessions(self) -> Iterator[Session]:
        """The sessions that count, in recorded order; reads ahead by one session."""
        query = """SELECT s.number, s.customer, s.at, b.product, c.category, b.units, b.value_hundredths
                   FROM sessions s LEFT JOIN bought b ON b.session = s.number
                   LEFT JOIN catalogue c ON c.key = b.product
                   WHERE s.number < ? ORDER BY s.number, b.line"""
        rows = self._database.execute(query, (self._limit,))
        for (number, customer, at), of_session in groupby(rows, key=lambda row: row[:3]):
            products = [(self._prefix + row[3], *row[4:]) for row in of_session if row[3] is not None]
            lines = tuple(Line(*product) for product in products if product[2] > 0)
            offers = tuple((product_id, category) for product_id, category, _, _ in products)
            yield Session(number, customer, at, offers, lines)
