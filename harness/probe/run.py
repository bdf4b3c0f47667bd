"""`make probe`: every check at the running target, a table, and what is kept of it."""

from __future__ import annotations

import time
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from botocore.exceptions import ClientError
from rich.console import Console
from rich.markup import escape

from harness import lifecycle
from harness.probe.checks import CHECKS
from harness.probe.document import write_documents
from harness.probe.finding import Check, Finding, missing
from harness.probe.place import PREFIX, OutOfTime, Place, code_of
from harness.probe.results import write
from harness.probe.table import breaches, summary, table
from harness.settings import Refusal, is_set, settings_from_environment
from harness.system import RunningSystem

AT_ONCE = 8  # most checks wait most of the time; more only make two cores slow
WORDS_OF_A_FAILURE = 110


@dataclass(frozen=True)
class Looked:
    """One check that has ended.

    Attributes:
        run: what its names have in common.
        left: what it made and could not remove.
        out_of_time: the finding says only that it did not end in time.
    """

    check: Check
    finding: Finding
    run: str
    left: tuple[str, ...]
    out_of_time: bool = False


def probe(console: Console) -> int:
    """Run the checks on the target that runs (``DOCS=1`` writes docs/targets.md too).

    Returns:
        Exit code: 1 when the business relies on something that is missing and that our code does not replace.

    Raises:
        NotRunning: nothing runs.
        Refusal: the target is AWS, or ``DOCS=1`` and the documents cannot be written.
    """
    settings = settings_from_environment()
    lifecycle.refuse_aws(
        settings, "probing is for emulators: it makes things and breaks them, which AWS bills"
    )
    system = lifecycle.running(settings)
    began = time.monotonic()
    looked = look(system, CHECKS)
    findings = {each.check.name: each.finding for each in looked}
    write(settings.state_dir, findings)
    console.print(table(CHECKS, findings))
    for line in (line for each in looked for line in each.left):
        console.print(f"  [yellow]left behind: {escape(line)}[/]")
    console.print(f"  {summary(system.target, findings)}; {time.monotonic() - began:.0f} s")
    if is_set("DOCS"):
        try:
            for path in write_documents(settings.target, findings):
                console.print(f"  written: {path}")
        except OSError as error:
            raise Refusal(f"docs/targets.md was not written: {error}") from None
    broken = breaches(CHECKS, findings)
    for check in broken:
        console.print(f"  [bold red]the product does not hold here: {escape(check.claim)}[/]")
    return 1 if broken else 0


def look(system: RunningSystem, checks: Sequence[Check]) -> list[Looked]:
    """Run *checks* a few at a time, those that may take longest first; one that ran out of time again, alone.

    Returns:
        What they found, in the order of *checks*.
    """
    longest_first = sorted(checks, key=lambda check: -check.within_s)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        ended = list(threads.map(lambda check: carry_out(system, check), longest_first))
    # A busy machine must not pass for a target that lacks something.
    ended = [carry_out(system, each.check) if each.out_of_time else each for each in ended]
    remove_late_logs(system, {each.run for each in ended})
    return sorted(ended, key=lambda each: checks.index(each.check))


def carry_out(system: RunningSystem, check: Check) -> Looked:
    """Run one check; whatever it raises is its evidence, and what it made is removed."""
    place = Place(system, check.within_s)
    out_of_time = False
    try:
        finding = check.look(place)
    except Exception as error:  # a target may fail in any way; it must not end the other checks
        finding, out_of_time = missing(failure(error)), isinstance(error, OutOfTime)
    finally:
        place.close()
    return Looked(check, finding, place.run, tuple(place.left), out_of_time)


def remove_late_logs(system: RunningSystem, runs: Set[str]) -> None:
    """Remove the log groups that came to be after their functions had gone: lines are written late."""
    logs = system.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{PREFIX}")["logGroups"]
    for name in (group["logGroupName"] for group in groups):
        if any(run in name for run in runs):
            logs.delete_log_group(logGroupName=name)


def failure(error: Exception) -> str:
    """Say in one line how a check failed."""
    if isinstance(error, ClientError):
        return f"{error.operation_name} refused: {code_of(error)}"
    line = " ".join(f"{type(error).__name__}: {error}".split())
    return line if len(line) <= WORDS_OF_A_FAILURE else f"{line[: WORDS_OF_A_FAILURE - 1]}…"
