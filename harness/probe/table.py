"""The probe in words: a table on the terminal, and the verdict over all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from harness.probe.finding import Check, Verdict
from harness.probe.results import Findings

COLOURS = {Verdict.KEPT: "green", Verdict.PARTLY: "yellow", Verdict.MISSING: "red"}


def table(checks: Sequence[Check], findings: Findings) -> Table:
    """Give one row a check: claim, verdict, evidence, and what the product does instead if it is not kept."""
    rows = Table("claim", "", "seen", "instead", box=None)
    group = ""
    for check in checks:
        if check.group != group:
            group = check.group
            rows.add_row(f"[bold]{escape(group)}[/]", "", "", "")
        found = findings[check.name]
        instead = "" if found.verdict is Verdict.KEPT else check.consequence
        verdict = f"[{COLOURS[found.verdict]}]{found.verdict}[/]"
        rows.add_row(f"  {escape(check.claim)}", verdict, escape(found.evidence), escape(instead))
    return rows


def summary(target: str, findings: Findings) -> str:
    """Give the number of each verdict."""
    numbers = Counter(finding.verdict for finding in findings.values())
    return f"{target}: " + ", ".join(f"{numbers[verdict]} {verdict}" for verdict in Verdict)


def breaches(checks: Sequence[Check], findings: Findings) -> list[Check]:
    """Give the checks whose guarantee is missing, relied on, and replaced by nothing."""
    return [check for check in checks if check.breaks(findings[check.name])]
