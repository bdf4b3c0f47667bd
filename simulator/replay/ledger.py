"""The orders that a run has placed, what became of them, and what is given back of them.

It is part of the progress file (progress.py), so that a run that goes on knows them.
"""

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from offerloop.offers.model import DiscountType
from offerloop.orders.model import IN_PROGRESS, OrderStatus
from simulator.replay.recording import Return
from simulator.shoppers.checkout import OrderState
from simulator.shoppers.shop import ServedOffer, ShownOffer

TABLES = """
CREATE TABLE chosen (session INTEGER PRIMARY KEY, offers TEXT);
CREATE TABLE placed (order_id TEXT PRIMARY KEY, session INTEGER, part INTEGER, customer TEXT, total INTEGER,
                     full_price INTEGER, recorded INTEGER, status TEXT, reason TEXT) WITHOUT ROWID;
CREATE INDEX placed_by_status ON placed (status, customer);
CREATE TABLE lines (order_id TEXT, customer TEXT, product TEXT, units INTEGER, unit_paid INTEGER,
                    returned INTEGER);
CREATE INDEX lines_by_buyer ON lines (customer, product);
CREATE TABLE returns (line INTEGER PRIMARY KEY, customer TEXT, product TEXT, units INTEGER, matched INTEGER);
CREATE TABLE refunds (line INTEGER, order_id TEXT, product TEXT, units INTEGER, amount INTEGER, answer TEXT,
                      PRIMARY KEY (line, order_id)) WITHOUT ROWID;
"""
GIVEN_BACK = "given back"
_OPEN = ", ".join(f"'{status.value}'" for status in sorted(IN_PROGRESS))
# The newest order first, and of it what was paid in full: as the shop itself takes units of a product.
_LEFT = """
SELECT l.rowid, l.order_id, l.units - l.returned, l.unit_paid FROM lines l JOIN placed p USING (order_id)
WHERE l.customer = ? AND l.product = ? AND l.units > l.returned AND p.session <= ? AND p.status = 'COMPLETED'
ORDER BY p.session DESC, p.part DESC, l.unit_paid DESC
"""


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """Units of one product; money in minor units of the shop's currency."""

    product_id: str
    units: int
    unit_paid: int


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """An order that the shop accepted.

    Attributes:
        session, part: the basket, and which of its orders this is, from 0.
        total: to pay; full_price: without the offers; recorded: what the recording says was paid.
    """

    order_id: str
    session: int
    part: int
    customer: str
    total: int
    full_price: int
    recorded: int
    lines: tuple[PlacedLine, ...]


@dataclass(frozen=True, slots=True)
class Refund:
    """Units of one order that the return of one line gives back."""

    line: int
    order_id: str
    product_id: str
    units: int


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A return of which some units are in no completed order of its customer."""

    line: int
    customer: str
    product_id: str
    units: int
    matched: int


@dataclass(frozen=True, slots=True)
class Account:
    """All orders of a run in figures; money in minor units.

    Attributes:
        sessions: baskets with at least one order; split: those with several.
        statuses, reasons: orders by status, failed ones by reason.
        total: to pay; full_price: without the offers; recorded: what the recording says was paid.
        completed: the total of the completed ones.
        returned, matched: units that came back, and those found in orders.
        refunds: requests by answer; refunded: their money.
    """

    sessions: int
    split: int
    units: int
    statuses: Counter[str]
    reasons: Counter[str]
    total: int
    full_price: int
    recorded: int
    completed: int
    returned: int
    matched: int
    refunds: Counter[str]
    refunded: int

    @property
    def orders(self) -> int:
        return self.statuses.total()


class Ledger:
    """Reads and writes the tables above; *lock* is held around every use of the connection."""

    def __init__(self, database: sqlite3.Connection, lock: threading.Lock) -> None:
        self._database, self._lock = database, lock

    def choose(self, session: int, offers: Mapping[str, ShownOffer]) -> Mapping[str, ShownOffer]:
        """Fix which offers a basket's lines carry, before its first order is placed.

        A basket that is replayed again would be served other offers; under the same Idempotency-Key it must
        send the same order.

        Args:
            offers: by product id.
        Returns:
            Those that were chosen first.
        """
        chosen = {
            product: (offer.offer_id, offer.category, offer.discount_type.value, offer.discount_hundredths)
            for product, offer in offers.items()
        }
        with self._lock, self._database:
            self._database.execute(
                "INSERT OR IGNORE INTO chosen VALUES (?, ?)", (session, json.dumps(chosen))
            )
            query = "SELECT offers FROM chosen WHERE session = ?"
            [stored] = self._database.execute(query, (session,)).fetchone()
        return {
            product: ServedOffer(offer_id, category, DiscountType(discount_type), hundredths, 0)
            for product, (offer_id, category, discount_type, hundredths) in json.loads(stored).items()
        }

    def add(self, orders: Iterable[PlacedOrder]) -> None:
        """Take in orders; the caller holds the lock and a transaction."""
        for order in orders:
            row = (order.order_id, order.session, order.part, order.customer)
            amounts = (order.total, order.full_price, order.recorded)
            new = self._database.execute(
                "INSERT OR IGNORE INTO placed VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
                (*row, *amounts, OrderStatus.PENDING.value),
            )
            if new.rowcount:
                self._database.executemany(
                    "INSERT INTO lines VALUES (?, ?, ?, ?, ?, 0)",
                    [
                        (order.order_id, order.customer, line.product_id, line.units, line.unit_paid)
                        for line in order.lines
                    ],
                )

    def open_orders(self) -> dict[str, set[str]]:
        """Ids of the orders that are not known to be final, by customer."""
        found: dict[str, set[str]] = {}
        with self._lock:
            query = f"SELECT customer, order_id FROM placed WHERE status IN ({_OPEN})"
            for customer, order_id in self._database.execute(query):
                found.setdefault(customer, set()).add(order_id)
        return found

    def learn(self, states: Mapping[str, OrderState]) -> None:
        """Take in where orders are, by id."""
        rows = [(state.status.value, state.reason, order_id) for order_id, state in states.items()]
        with self._lock, self._database:
            self._database.executemany("UPDATE placed SET status = ?, reason = ? WHERE order_id = ?", rows)

    def match(self, returns: Iterable[Return]) -> None:
        """Find each return's units in completed orders of its customer that are no later than it.

        To be called when all orders are final. A return that was matched before stays so.
        """
        with self._lock, self._database:
            for each in returns:
                new = self._database.execute(
                    "INSERT OR IGNORE INTO returns VALUES (?, ?, ?, ?, 0)",
                    (each.line, each.customer, each.product_id, each.units),
                )
                if new.rowcount:
                    self._match(each)

    def _match(self, wanted: Return) -> None:
        missing = wanted.units
        found = self._database.execute(_LEFT, (wanted.customer, wanted.product_id, wanted.session)).fetchall()
        for row, order_id, left, unit_paid in found:
            units = min(left, missing)
            if not units:
                break
            missing -= units
            self._database.execute("UPDATE lines SET returned = returned + ? WHERE rowid = ?", (units, row))
            self._database.execute(
                """INSERT INTO refunds VALUES (?, ?, ?, ?, ?, NULL) ON CONFLICT DO UPDATE
                   SET units = units + excluded.units, amount = amount + excluded.amount""",
                (wanted.line, order_id, wanted.product_id, units, units * unit_paid),
            )
        matched = wanted.units - missing
        self._database.execute("UPDATE returns SET matched = ? WHERE line = ?", (matched, wanted.line))

    def refunds_due(self) -> Sequence[Refund]:
        """The refunds that have no answer yet."""
        query = """SELECT line, order_id, product, units FROM refunds WHERE answer IS NULL
                   ORDER BY line, order_id"""
        with self._lock:
            return [Refund(*row) for row in self._database.execute(query)]

    def answered(self, refund: Refund, answer: str) -> None:
        """Note a refund's answer: GIVEN_BACK, or the refusal's code."""
        with self._lock, self._database:
            self._database.execute(
                "UPDATE refunds SET answer = ? WHERE line = ? AND order_id = ?",
                (answer, refund.line, refund.order_id),
            )

    def unmatched(self) -> Sequence[Unmatched]:
        """The returns of which some units were found in no order, by line."""
        query = """SELECT line, customer, product, units, matched FROM returns WHERE matched < units
                   ORDER BY line"""
        with self._lock:
            return [Unmatched(*row) for row in self._database.execute(query)]

    def account(self) -> Account:
        """Sum everything up."""
        with self._lock:
            sums = self._database.execute(
                """SELECT count(DISTINCT session), coalesce(sum(total), 0), coalesce(sum(full_price), 0),
                          coalesce(sum(recorded), 0), coalesce(sum(iif(status = 'COMPLETED', total, 0)), 0)
                   FROM placed"""
            ).fetchone()
            returned = self._one("SELECT coalesce(sum(units), 0) FROM returns")
            return Account(
                sessions=sums[0],
                split=self._one("SELECT count(DISTINCT session) FROM placed WHERE part > 0"),
                units=self._one("SELECT coalesce(sum(units), 0) FROM lines"),
                statuses=self._counts("SELECT status, count(*) FROM placed GROUP BY status"),
                reasons=self._counts(
                    "SELECT reason, count(*) FROM placed WHERE status = 'FAILED' GROUP BY reason"
                ),
                total=sums[1],
                full_price=sums[2],
                recorded=sums[3],
                completed=sums[4],
                returned=returned,
                matched=self._one("SELECT coalesce(sum(matched), 0) FROM returns"),
                refunds=self._counts(
                    "SELECT coalesce(answer, 'no answer yet'), count(*) FROM refunds GROUP BY 1"
                ),
                refunded=self._one(
                    f"SELECT coalesce(sum(amount), 0) FROM refunds WHERE answer = '{GIVEN_BACK}'"
                ),
            )

    def _one(self, query: str) -> int:
        return int(self._database.execute(query).fetchone()[0])

    def _counts(self, query: str) -> Counter[str]:
        return Counter(dict(self._database.execute(query)))
