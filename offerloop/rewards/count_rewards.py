"""The running total: entries counted as they are written, so that a day's figures are there at once."""

from collections.abc import Sequence
from datetime import date, tzinfo

from offerloop.bonuses.model import Entry
from offerloop.rewards.days import day_at
from offerloop.rewards.ports import RunningTotals


def count_rewards(entries: Sequence[Entry], *, totals: RunningTotals, zone: tzinfo) -> int:
    """Add entries to the totals of their days, each once; returns how many had not been counted before."""
    by_day: dict[date, list[Entry]] = {}
    for entry in entries:
        by_day.setdefault(day_at(entry.at_ms, zone), []).append(entry)
    return sum(totals.add(day, of_day) for day, of_day in by_day.items())
