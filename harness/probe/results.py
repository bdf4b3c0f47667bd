"""What probes found, as files: one in each state folder, and the committed summary of all targets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from harness.probe.checks import CHECKS
from harness.probe.finding import Finding, Verdict
from harness.system import TargetName, of_target, state_dir

Findings = Mapping[str, Finding]  # by the name of the check

FILE = "probe.json"
KNOWN = Path(__file__).resolve().parent / "known.json"
NAMED_IN_A_WARNING = 3


def as_json(findings: Findings) -> dict[str, dict[str, str]]:
    """Give findings as JSON: ``{check: {verdict, evidence}}``."""
    return {
        name: {"verdict": finding.verdict.value, "evidence": finding.evidence}
        for name, finding in findings.items()
    }


def from_json(fields: Mapping[str, Mapping[str, str]]) -> dict[str, Finding]:
    """Read what ``as_json`` gave."""
    return {name: Finding(Verdict(each["verdict"]), each["evidence"]) for name, each in fields.items()}


def write(folder: Path, findings: Findings) -> Path:
    """Keep a target's findings in its state folder."""
    path = folder / FILE
    path.write_text(json.dumps(as_json(findings), indent=2, ensure_ascii=False) + "\n")
    return path


def last_findings(target: TargetName) -> dict[str, Finding]:
    """Give what the last probe here found on a target; else what is committed; else nothing."""
    for path, keys in ((state_dir(target) / FILE, ()), (KNOWN, (target,))):
        try:
            fields = json.loads(path.read_text())
            for key in keys:
                fields = fields[key]
            return from_json(fields)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return {}


def warning(target: TargetName) -> str | None:
    """Say in one line what a target does not keep, None when nothing is known to lack.

    Named are the missing ones first, and those that the product relies on before others; docs/targets.md has
    them all.
    """
    findings = last_findings(target)
    lacking = [name for name, each in findings.items() if each.verdict is Verdict.MISSING]
    in_part = [name for name, each in findings.items() if each.verdict is Verdict.PARTLY]
    if not lacking and not in_part:
        return None
    unused = {check.name for check in CHECKS if not check.relied_on}
    by_weight = sorted((*lacking, *in_part), key=lambda name: name in unused)
    named = [f"“{name.replace('_', ' ')}”" for name in by_weight[:NAMED_IN_A_WARNING]]
    rest = len(lacking) + len(in_part) - len(named)
    more = f" and {rest} more" if rest else ""
    how_many = f"{len(lacking)} of {len(findings)} guarantees are missing here, {len(in_part)} kept in part"
    return f"{how_many}: {', '.join(named)}{more}; `make probe{of_target(target)}`, docs/targets.md"
