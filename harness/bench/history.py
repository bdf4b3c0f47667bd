"""Earlier runs, one JSON line each, in a file outside of the repository; and what got worse since.

A line carries everything that was measured, so that a regression can be looked into long after.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.bench.figures import Figure, Spread, shown, spread
from harness.bench.machine import Machine
from harness.settings import Refusal

WORSE_BY = 0.20  # beyond the quartile of earlier runs
FEWEST_EARLIER = 4  # below that quartiles mean nothing
MOST_EARLIER = 20


@dataclass(frozen=True)
class PastRun:
    """One run of the bench, as it is kept.

    Attributes:
        at: when it began, ISO 8601 with offset.
        code: what `git describe` said.
        load: load average at its begin, None where unknown.
        figures: by name the fields `value`, `low`, `high`, `rounds`, `unit`, `bar`, `verdict`.
        failed: rows that could not be measured, with the reason.
    """

    at: str
    code: str
    machine: Machine
    load: float | None
    quick: bool
    figures: Mapping[str, Mapping[str, Any]]
    failed: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str) -> float | None:
        """Give a figure's value; None when it was not measured."""
        known = self.figures.get(name)
        return None if known is None else float(known["value"])


def past_run(
    at: datetime,
    code: str,
    machine: Machine,
    load: float | None,
    quick: bool,
    figures: Sequence[Figure],
    failed: Mapping[str, str],
) -> PastRun:
    """Put a run into the form in which it is kept."""
    return PastRun(
        at.isoformat(timespec="seconds"),
        code,
        machine,
        load,
        quick,
        {figure.name: _kept(figure) for figure in figures},
        dict(failed),
    )


def _kept(figure: Figure) -> dict[str, Any]:
    return {
        "value": figure.value,
        "low": figure.spread.low,
        "high": figure.spread.high,
        "rounds": figure.spread.rounds,
        "unit": figure.unit,
        "bar": None if figure.bar is None else str(figure.bar),
        "verdict": figure.verdict.value,
    }


def history_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Give the file: ``BENCH_HISTORY``, or ``offerloop/bench.jsonl`` where the user's programs keep state."""
    asked = environment.get("BENCH_HISTORY")
    if asked:
        return Path(asked).expanduser().resolve()
    state = environment.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local/state") / "offerloop/bench.jsonl"


def append(path: Path, run: PastRun) -> None:
    """Add a run to the file, in one write, so that two benches at a time do not mix their lines.

    Raises:
        Refusal: the file cannot be written.
    """
    line = json.dumps(asdict(run), ensure_ascii=False, allow_nan=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as file:
            file.write(line.encode())
    except OSError as error:
        raise Refusal(f"cannot write {path}: {error.strerror}; BENCH_HISTORY= names another file") from error


def read(path: Path) -> list[PastRun]:
    """Read all runs, oldest first; a line that is no run, as a full disk leaves it, is passed over.

    Raises:
        Refusal: the file is there and cannot be read.
    """
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"cannot read {path}: {error}; BENCH_HISTORY= names another file") from error
    return [run for run in map(_parsed, lines) if run is not None]


def _parsed(line: str) -> PastRun | None:
    try:
        fields = json.loads(line)
        return PastRun(**{**fields, "machine": Machine(**fields["machine"])})
    except (ValueError, TypeError, KeyError):
        return None


def on_machine(runs: Sequence[PastRun], machine: Machine) -> list[PastRun]:
    """Give those runs that were measured on that machine, oldest first."""
    return [run for run in runs if run.machine == machine]


def regression(figure: Figure, earlier: Sequence[PastRun]) -> str | None:
    """Say how much worse a figure is than the worse quartile of the last runs; None when it is not.

    Args:
        earlier: runs on the same machine, oldest first.
    """
    values = [value for run in earlier if (value := run.value(figure.name)) is not None][-MOST_EARLIER:]
    if len(values) < FEWEST_EARLIER:
        return None
    known = spread(values)
    if not _is_worse(figure, known):
        return None
    return (
        f"{figure.name} got worse: {shown(figure.value)} {figure.unit}".rstrip()
        + f", the last {len(values)} runs had {shown(known.low)} to {shown(known.high)}"
    )


def _is_worse(figure: Figure, known: Spread) -> bool:
    if figure.higher_is_better:
        return figure.value < known.low * (1 - WORSE_BY)
    return figure.value > known.high * (1 + WORSE_BY)
