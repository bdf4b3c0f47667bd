"""docs/targets.md and the committed summary, written from what was found on each target."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.probe.checks import CHECKS
from harness.probe.finding import Check, Verdict
from harness.probe.results import KNOWN, Findings, as_json, last_findings
from harness.probe.table import summary
from harness.system import REPOSITORY, TargetName

DOCUMENT = REPOSITORY / "docs/targets.md"
EMULATORS: tuple[TargetName, ...] = ("embedded", "localstack")
NOT_LOOKED = "not probed"
INTRODUCTION = """# What each target keeps

Written by `make probe DOCS=1` from what was seen on each emulator; do not edit. The claims are what AWS
documents; AWS itself was not looked at. LocalStack is the plain process, not the container: MiniStack serves
its DynamoDB and the streams of tables, so those rows are no second opinion.

The last column says what the product does where a target keeps something in part or not. `make probe` ends
with exit code 1 when something is missing that the product relies on and that nothing replaces.
"""


def write_documents(target: TargetName, findings: Findings) -> list[Path]:
    """Write docs/targets.md and the summary; of the other target, what was found last.

    Returns:
        What was written.
    """
    every = {each: findings if each == target else last_findings(each) for each in EMULATORS}
    DOCUMENT.write_text(document(CHECKS, every))
    known = {each: as_json(found) for each, found in every.items() if found}
    KNOWN.write_text(json.dumps(known, indent=2, ensure_ascii=False) + "\n")
    return [DOCUMENT, KNOWN]


def document(checks: Sequence[Check], every: Mapping[TargetName, Findings]) -> str:
    """Give the page: a summary line a target, then a table a service."""
    parts = [INTRODUCTION, "".join(f"- {summary(target, found)}\n" for target, found in every.items())]
    for group, of_group in itertools.groupby(checks, key=lambda check: check.group):
        titles = [group, *(column for target in every for column in (target, "seen")), "the product"]
        lines = [row(titles), row(["---"] * len(titles))]
        lines += [row(cells(check, every)) for check in of_group]
        parts.append("\n".join([f"## {group}", "", *lines]) + "\n")
    return "\n".join(parts)


def cells(check: Check, every: Mapping[TargetName, Findings]) -> list[str]:
    """Give one row: the claim, verdict and evidence a target, and what the product does."""
    found = [findings.get(check.name) for findings in every.values()]
    seen = [
        text for each in found for text in ((each.verdict.value, each.evidence) if each else (NOT_LOOKED, ""))
    ]
    lacking = any(each and each.verdict is not Verdict.KEPT for each in found)
    return [check.claim, *seen, check.consequence if lacking else ""]


def row(texts: Sequence[str]) -> str:
    """Give one line of a Markdown table."""
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"
