"""A day's figures as text: the same figures give the same bytes, whenever they are computed."""

import json
from collections.abc import Mapping
from datetime import date, tzinfo
from decimal import Decimal
from typing import Any

from offerloop import money
from offerloop.bonuses.model import EntryKind
from offerloop.rewards.model import KindTotal, Totals

FOLDER = "daily-rewards/"
DETAILED = tuple(kind for kind in EntryKind if kind not in (EntryKind.ISSUED, EntryKind.REDEEMED))


def keys_of(day: date, is_partial: bool) -> tuple[str, str]:
    """Where a day's file and its details are."""
    name = f"{FOLDER}{day.isoformat()}{'-partial' if is_partial else ''}"
    return f"{name}.json", f"{name}-details.json"


def file_text(day: date, totals: Totals) -> str:
    """What was issued and redeemed, and nothing else."""
    issued, redeemed = totals.of(EntryKind.ISSUED), totals.of(EntryKind.REDEEMED)
    return json.dumps(
        {
            "date": day.isoformat(),
            "total_issued": decimal(issued.amount),
            "total_redeemed": decimal(redeemed.amount),
            "net_rewards": decimal(totals.net),
            "issued_count": issued.count,
            "redeemed_count": redeemed.count,
        }
    )


def details_text(day: date, zone: tzinfo, totals: Totals) -> str:
    """What the other kinds of entries come to, and the time zone that the day is of."""
    figures: dict[str, str | float | int] = {"date": day.isoformat(), "time_zone": str(zone)}
    for kind in DETAILED:
        name, total = kind.value.lower(), totals.of(kind)
        figures[f"total_{name}"] = decimal(total.amount)
        figures[f"{name}_count"] = total.count
    return json.dumps(figures)


def entries_in(*texts: str) -> int | None:
    """How many entries the files say there were; None where a text is not one of ours."""
    try:
        figures = [json.loads(text).items() for text in texts]
        return sum(int(value) for each in figures for name, value in each if name.endswith("_count"))
    except (ValueError, TypeError, AttributeError):
        return None


def totals_in(*texts: str) -> Totals | None:
    """What the file of a day and its details say together; None where they do not say it all."""
    try:
        said = [json.loads(text, parse_float=Decimal) for text in texts]
        figures = {name: figure for each in said for name, figure in each.items()}
        of_kinds = {kind: _kind_total(figures, kind.value.lower()) for kind in EntryKind}
    except (ValueError, TypeError, AttributeError, KeyError, ArithmeticError):
        return None
    return Totals({kind: total for kind, total in of_kinds.items() if total.count})


def _kind_total(figures: Mapping[str, Any], name: str) -> KindTotal:
    return KindTotal(money.to_minor(Decimal(figures[f"total_{name}"])), int(figures[f"{name}_count"]))


def decimal(minor: int) -> float:
    """Minor units as files and metrics have them: 150000 -> 1500.0.

    The nearest float, which prints as the exact decimal up to 15 digits: to 9,999,999,999,999.99.
    """
    return float(money.to_major(minor))
