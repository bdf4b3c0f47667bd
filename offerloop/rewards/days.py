"""Business days: from midnight to midnight in the business's time zone, and where their entries are listed.

The ledger lists entries by UTC day. A day of another zone lies in two of them, or three when it is 25 hours
long, so it is read as spans of UTC days.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from offerloop.record import record


@record(frozen=True, slots=True)
class Span:
    """A part of one UTC day: *from_ms* included, *until_ms* not."""

    utc_day: date
    from_ms: int
    until_ms: int


def zone_named(name: str) -> tzinfo:
    """A time zone by its IANA name.

    Raises:
        ValueError: there is none of this name.
    """
    if name == "UTC":
        return UTC  # needs no database of zones
    from zoneinfo import ZoneInfo  # every function reads its settings, and few have another zone

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # unknown, not a name, or the name of a folder
        raise ValueError(f"{name!r} is no time zone") from error


def starts_ms(day: date, zone: tzinfo) -> int:
    """When a day begins; where its midnight is skipped, the moment of the skip."""
    return int(datetime.combine(day, time(), zone).timestamp()) * 1_000


def ends_ms(day: date, zone: tzinfo) -> int:
    """When a day is over: the beginning of the next."""
    return starts_ms(day + timedelta(days=1), zone)


def day_at(at_ms: int, zone: tzinfo) -> date:
    """The day that a moment belongs to."""
    return datetime.fromtimestamp(at_ms // 1_000, zone).date()


def last_day_over(now_ms: int, zone: tzinfo) -> date:
    """The day before the one that is now."""
    return day_at(now_ms, zone) - timedelta(days=1)


def spans(day: date, zone: tzinfo) -> Iterator[Span]:
    """The parts of UTC days that a day is made of, in the order of time."""
    at_ms, until_ms = starts_ms(day, zone), ends_ms(day, zone)
    while at_ms < until_ms:
        utc_day = day_at(at_ms, UTC)
        end_ms = min(until_ms, ends_ms(utc_day, UTC))
        yield Span(utc_day, at_ms, end_ms)
        at_ms = end_ms
