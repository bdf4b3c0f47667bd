"""What starts the daily job and what it answers, as JSON.

A rule's event has a time; the run is over the last day that was over then, so that a second try of the same
event is over the same day. A person's names a day. A run that goes on brings how far it is.
"""

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from typing import Any

from offerloop.bonuses.model import EntryKind
from offerloop.errors import FieldError, InvalidInput
from offerloop.rewards.day_files import decimal
from offerloop.rewards.days import last_day_over
from offerloop.rewards.model import DayReport, DayRun, KindTotal, Totals

Json = dict[str, Any]


def day_asked_for(event: Mapping[str, Any], zone: tzinfo) -> date:
    """Raises:
    InvalidInput: the day is none.
    """
    if "day" not in event:
        return last_day_over(int(datetime.fromisoformat(event["time"]).timestamp()) * 1_000, zone)
    try:
        return date.fromisoformat(event["day"])
    except (TypeError, ValueError) as error:
        raise InvalidInput("the day is none", [FieldError("day", "write it as 2026-11-20")]) from error


def run_as_json(run: DayRun) -> Json:
    return {
        "day": run.day.isoformat(),
        "is_partial": run.is_partial,
        "versions": list(run.versions),
        "lists_read": run.lists_read,
        "cursor": run.cursor,
        "totals": {kind.value: [total.amount, total.count] for kind, total in run.totals.by_kind.items()},
    }


def run_of(stored: Json) -> DayRun:
    """What `run_as_json` made."""
    file, details = stored["versions"]
    return DayRun(
        day=date.fromisoformat(stored["day"]),
        is_partial=stored["is_partial"],
        versions=(file, details),
        lists_read=stored["lists_read"],
        cursor=stored["cursor"],
        totals=Totals({EntryKind(kind): KindTotal(*total) for kind, total in stored["totals"].items()}),
    )


def report_as_json(report: DayReport) -> Json:
    issued, redeemed = report.totals.of(EntryKind.ISSUED), report.totals.of(EntryKind.REDEEMED)
    return {
        "date": report.day.isoformat(),
        "key": report.key,
        "entries": report.totals.entries,
        "total_issued": decimal(issued.amount),
        "total_redeemed": decimal(redeemed.amount),
        "net_rewards": decimal(report.totals.net),
        "issued_count": issued.count,
        "redeemed_count": redeemed.count,
        "rewritten": report.rewritten,
        "more_entries": report.more_entries,
        "metrics_published": report.metrics_published,
    }
