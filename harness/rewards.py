"""`make rewards`: sum up the rewards of any day, or of many, by the function that does it every night."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from handlers.aws.reward_totals import DynamoRunningTotals
from handlers.aws.table_access import Tables
from harness.settings import Refusal, is_set
from harness.system import RunningSystem
from offerloop import money
from offerloop.bonuses.model import EntryKind
from offerloop.rewards.days import day_at, zone_named
from offerloop.rewards.model import Totals

FUNCTION = "daily-rewards"
ANSWERS_WITHIN_S = 930  # its timeout of 900 s and a cold start
MOST_DAYS = 3_660
TRIES = 3  # of a day whose file another run wrote meanwhile

Answer = dict[str, Any]


def rewards(system: RunningSystem, console: Console) -> int:
    """Sum up the days that DAY, or FROM and TO, name; PARTIAL=1 takes one that is not over yet.

    Returns:
        Exit code: 0, or 1 when a day was refused or failed.
    Raises:
        Refusal: the days are none.
    """
    days = days_asked_for(os.environ.get)
    answers = []
    with progress_over(len(days), console) as done:
        for day in days:
            answers.append(sum_up(system, day, may_be_partial=is_set("PARTIAL")))
            done()
    console.print(table_of(answers))
    problems = [line for answer in answers for line in remarks(answer)]
    for line in problems:
        console.print(f"[yellow]{escape(line)}[/]")
    console.print(line_of(*today_so_far(system, time.time_ns() // 1_000_000)))
    return 1 if any("refused" in answer for answer in answers) else 0


def days_asked_for(given: Callable[[str], str | None]) -> list[date | None]:
    """Read DAY, or FROM and TO, both of them included; None, where none is given, is the last that is over.

    Raises:
        Refusal: one is no day, or they are in the wrong order, too many, or both ways at once.
    """
    day, first, last = (given(name) or "" for name in ("DAY", "FROM", "TO"))
    if day and (first or last):
        raise Refusal("give DAY= or FROM= and TO=, not both")
    if bool(first) != bool(last):
        raise Refusal("give FROM= and TO= together")
    if first:
        begin, end = _day("FROM", first), _day("TO", last)
        count = (end - begin).days + 1
        if not 1 <= count <= MOST_DAYS:
            raise Refusal(f"FROM={first} TO={last} are {count:,} days: give 1 to {MOST_DAYS:,}")
        return [begin + timedelta(days=number) for number in range(count)]
    return [_day("DAY", day) if day else None]


def _day(name: str, text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise Refusal(f"{name}={text} is no day: write it as 2026-11-20") from error


def sum_up(system: RunningSystem, day: date | None, *, may_be_partial: bool) -> Answer:
    """Let the function sum up one day, in as many invocations as it takes.

    Returns:
        Its report; a refusal has `date` and `refused` alone.
    """
    functions = system.client("lambda", read_timeout=ANSWERS_WITHIN_S, retries={"total_max_attempts": 1})
    start: Answer = {"attended": True, "partial": may_be_partial}
    # Only the function knows the time zone that decides which day is over.
    start |= {"time": datetime.now(UTC).isoformat()} if day is None else {"day": day.isoformat()}
    answer: Answer = {}
    for _ in range(TRIES):
        answer = _invoke(functions, system.named(FUNCTION), start)
        while "run" in answer:
            answer = _invoke(functions, system.named(FUNCTION), answer)
        if answer.get("code") != "busy":
            break
    return {"date": "the day before" if day is None else day.isoformat()} | answer


def _invoke(functions: Any, name: str, event: Answer) -> Answer:
    answered = functions.invoke(FunctionName=name, Payload=json.dumps(event))
    answer: Answer = json.loads(answered["Payload"].read())
    if "FunctionError" in answered:
        return {"refused": f"the function failed: {answer.get('errorMessage', 'its log says why')}"}
    return answer


@contextmanager
def progress_over(days: int, console: Console) -> Iterator[Callable[[], None]]:
    """Show a bar for many days; for one there is nothing to show. Gives what to call after each."""
    if days == 1:
        yield lambda: None
        return
    columns = (
        TextColumn("  days"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("days", total=days)
        yield lambda: progress.advance(task)


def table_of(answers: Sequence[Answer]) -> Table:
    """The days' figures, as their files have them."""
    table = Table(box=None)
    table.add_column("date")
    for title in ("issued", "redeemed", "net", "entries"):
        table.add_column(title, justify="right")
    table.add_column("file")
    for answer in answers:
        if "refused" in answer:
            table.add_row(answer["date"], "", "", "", "", f"[red]{escape(answer['refused'])}[/]")
            continue
        figures = [f"{answer[name]:,.2f}" for name in ("total_issued", "total_redeemed", "net_rewards")]
        table.add_row(answer["date"], *figures, f"{answer['entries']:,}", what_became_of(answer))
    return table


def what_became_of(answer: Answer) -> str:
    """A word about a day's file."""
    written = "written" if answer["rewritten"] else "unchanged"
    return f"{written}, so far" if answer["key"].endswith("-partial.json") else written


def today_so_far(system: RunningSystem, now_ms: int) -> tuple[date, Totals]:
    """Today where the business is, and what its entries come to, as the stream has counted them."""
    today = day_at(now_ms, zone_named(system.outputs["BusinessTimeZone"]))
    counted = DynamoRunningTotals(system.client("dynamodb"), Tables.with_prefix(system.prefix))
    return today, counted.of(today)


def line_of(today: date, totals: Totals) -> str:
    """What today comes to, for people."""
    issued, redeemed = totals.of(EntryKind.ISSUED), totals.of(EntryKind.REDEEMED)
    return (
        f"{today} so far, as the stream has counted: issued {money.to_major(issued.amount):,}, "
        f"redeemed {money.to_major(redeemed.amount):,}, {totals.entries:,} entries"
    )


def remarks(answer: Answer) -> Iterator[str]:
    """What somebody should know about a day."""
    more = answer.get("more_entries") or 0
    if more > 0:
        yield f"{answer['date']}: {more:,} entries came late; the file was written anew"
    if more < 0:
        yield f"{answer['date']}: {-more:,} entries are gone since the file was written"
