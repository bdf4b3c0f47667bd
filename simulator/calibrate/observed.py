"""Recorded orders as arrays, in local time from a Monday midnight, as the arrival curve counts it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

import numpy as np
from numpy.typing import NDArray

from simulator.replay.recording import Session

DAY_S = 86_400
LEAST_DAYS = 14  # each weekday twice
LEAST_CUSTOMERS = 10
LEAST_GAPS = 20  # from one order of a customer to the next


class CannotCalibrate(ValueError):
    """Transactions that say too little, or a setting that does not fit them."""


@dataclass(frozen=True)
class Observed:
    """The orders of a recording, in the order in which they happened.

    Attributes:
        customer: shape ``(orders,)``, numbers from 0 to customers - 1.
        at_s: shape ``(orders,)``, local seconds since the midnight of *monday*.
        value_hundredths: shape ``(orders,)``.
        lines: different products of each, >= 1, shape ``(orders,)``.
        monday: the last Monday that is not later than the first order.
        first_day, end_day: days of the data counted from *monday*: first_day <= day < end_day.
        has_time_of_day: False = it was drawn, so gaps are whole days and hours say nothing.
        categories: in how many orders each category was bought.
    """

    customer: NDArray[np.int64]
    at_s: NDArray[np.float64]
    value_hundredths: NDArray[np.int64]
    lines: NDArray[np.int64]
    monday: date
    first_day: int
    end_day: int
    has_time_of_day: bool
    categories: Counter[str]

    @property
    def customers(self) -> int:
        return int(self.customer.max()) + 1

    @property
    def days(self) -> int:
        """Days from the first order to the last, both included."""
        return self.end_day - self.first_day

    @property
    def begin_s(self) -> float:
        """The begin of the first day."""
        return float(self.first_day * DAY_S)

    @property
    def end_s(self) -> float:
        """The end of the last day."""
        return float(self.end_day * DAY_S)


def observe(
    sessions: Iterable[Session], values_hundredths: Iterable[int], zone: tzinfo, has_time_of_day: bool
) -> Observed:
    """Gather a recording's orders.

    Args:
        sessions, values_hundredths: of the same baskets, in recorded order.
        zone: in which days and hours are counted.
    Raises:
        CannotCalibrate: too few orders, customers or days to estimate anything.
    """
    if not has_time_of_day and zone is not UTC:
        raise CannotCalibrate("the data has no time of day, so a time zone means nothing: leave ZONE out")
    numbers: dict[str, int] = {}
    customers, times, values, lines = list[int](), list[float](), list[int](), list[int]()
    categories: Counter[str] = Counter()
    for session, value in zip(sessions, values_hundredths, strict=True):
        if not session.offers:
            continue  # returns alone are no order
        customers.append(numbers.setdefault(session.user_id, len(numbers)))
        local = datetime.fromtimestamp(session.at, zone).replace(tzinfo=UTC)
        times.append(local.timestamp())
        values.append(value)
        lines.append(max(1, len(session.offers)))
        categories.update({category for _, category in session.offers})
    if not times:
        raise CannotCalibrate("no usable order")
    at_s, customer = np.array(times), np.array(customers, dtype=np.int64)
    order = np.argsort(at_s, kind="stable")  # local time may step back at the end of summer time
    first = datetime.fromtimestamp(float(at_s.min()), UTC).date()
    monday = first - timedelta(days=first.weekday())
    at_s = at_s[order] - datetime(monday.year, monday.month, monday.day, tzinfo=UTC).timestamp()
    observed = Observed(
        customer[order],
        at_s,
        np.array(values, dtype=np.int64)[order],
        np.array(lines, dtype=np.int64)[order],
        monday,
        first_day=int(at_s[0] // DAY_S),
        end_day=int(at_s[-1] // DAY_S) + 1,
        has_time_of_day=has_time_of_day,
        categories=categories,
    )
    _check(observed)
    return observed


def _check(observed: Observed) -> None:
    """Refuse data from which nothing can be estimated, and say everything that is missing."""
    missing = []
    if observed.customers < LEAST_CUSTOMERS:
        missing.append(f"{observed.customers} customers of at least {LEAST_CUSTOMERS}")
    if observed.days < LEAST_DAYS:
        missing.append(f"{observed.days} days from the first order to the last of at least {LEAST_DAYS}")
    gaps = len(observed.customer) - observed.customers
    if gaps < LEAST_GAPS:
        missing.append(f"{gaps} orders after a customer's first of at least {LEAST_GAPS}")
    if np.unique(observed.value_hundredths[observed.value_hundredths > 0]).size < 2:
        missing.append("baskets of at least two different values above 0")
    if missing:
        raise CannotCalibrate("too little to calibrate from; it has " + ", and ".join(missing))


def gaps_days(customer: NDArray[np.int64], at_s: NDArray[np.float64], whole: bool) -> NDArray[np.float64]:
    """Days from each order to the same customer's next, in no particular order.

    Args:
        customer, at_s: shape ``(orders,)``.
        whole: count calendar days, for data without a time of day.
    Returns:
        Shape ``(orders - customers,)``, >= 0.
    """
    days = np.floor(at_s / DAY_S) if whole else at_s / DAY_S
    order = np.lexsort((at_s, customer))
    gaps = np.diff(days[order])
    return np.asarray(gaps[np.diff(customer[order]) == 0], dtype=np.float64)


def orders_per_day(at_s: NDArray[np.float64], first_day: int, end_day: int) -> NDArray[np.int64]:
    """How many orders each day had, days without one included; shape ``(end_day - first_day,)``."""
    days = (at_s // DAY_S).astype(np.int64) - first_day
    return np.bincount(days, minlength=end_day - first_day)
