"""`make hunt`: search for a script that breaks a conservation law, or perform one that was saved."""

from __future__ import annotations

import json
import math
import os
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from harness.replications import INTERRUPTED, interruptible
from harness.settings import Refusal, whole_number
from harness.system import state_root
from simulator.files import read_at_most
from simulator.hunt.script import Script, in_words, steps_as_data, steps_from_json
from simulator.hunt.search import Breach, Round, WorkerEnded, hunt, perform
from simulator.hunt.weather import ALL_WEATHER, Weather, weather_of
from simulator.runs.replicate import cores

DEFAULT_MINUTES = 1.0
MOST_MINUTES = 24 * 60.0
MOST_SEED = 2**31
MOST_SCRIPT_BYTES = 10**7  # some hundred times what a breach takes


def hunt_or_replay(console: Console) -> int:
    """Do what MINUTES, SEED, WEATHER, WORKERS, RESULTS and SCRIPT ask for.

    Returns:
        1 when a law broke, INTERRUPTED after Ctrl-C or SIGTERM, else 0.
    Raises:
        Refusal: a setting or the script's file is wrong, a worker ended, or a breach cannot be saved.
    """
    path = os.environ.get("SCRIPT")
    if path:
        return replay_script(console, load_script(Path(path)))
    given = whole_number("SEED", least=0, most=MOST_SEED)
    seed = secrets.randbelow(MOST_SEED) if given is None else given
    try:
        weather = weather_of(os.environ.get("WEATHER", ""))
    except ValueError as wrong:
        raise Refusal(str(wrong)) from None
    workers = whole_number("WORKERS", most=256) or cores()
    results = Path(os.environ.get("RESULTS") or state_root() / "hunt")
    return search_until(console, seed, weather, minutes(), workers, results)


def minutes() -> float:
    """MINUTES, with decimals if need be.

    Raises:
        Refusal: no number > 0 and <= MOST_MINUTES.
    """
    text = os.environ.get("MINUTES", "")
    try:
        value = float(text) if text else DEFAULT_MINUTES
    except ValueError:
        value = math.nan
    if not 0 < value <= MOST_MINUTES:
        raise Refusal(f"MINUTES={text} is not a number above 0 and up to {MOST_MINUTES:g}")
    return value


@dataclass
class Effort:
    """What was tried so far."""

    rounds: int = 0
    scripts: int = 0
    steps: int = 0
    began: float = field(default_factory=time.monotonic)

    def add(self, round_: Round) -> None:
        self.rounds += 1
        self.scripts += round_.scripts
        self.steps += round_.steps

    def in_words(self) -> str:
        took_s = time.monotonic() - self.began
        pace = self.scripts / took_s if took_s else 0.0
        return f"{self.scripts:,} scripts, {self.steps:,} steps, {pace:,.0f} scripts/s"


def search_until(
    console: Console, seed: int, weather: Collection[Weather], minutes: float, workers: int, results: Path
) -> int:
    """Search, print and save what was found; gives the exit code.

    Raises:
        Refusal: a worker ended, or the breach, which has been printed, cannot be saved.
    """
    kinds = weather_in_words(weather)
    console.print(f"  seed {seed}, weather {kinds}, {workers} processes, {minutes:g} min")
    effort = Effort()
    try:
        with interruptible():
            breach = _searched(console, effort, seed, weather, minutes, workers)
    except KeyboardInterrupt:
        console.print(f"  interrupted, no law broke until then: {effort.in_words()}")
        return INTERRUPTED
    except WorkerEnded as problem:
        raise Refusal(f"{problem}\nno law broke until then: {effort.in_words()}") from None
    if breach is None:
        console.print(f"  no law broke: {effort.in_words()}, seeds {seed} to {seed + effort.rounds - 1}")
        return 0
    show_breach(console, breach)
    console.print(f"  again: make hunt SEED={breach.seed} WEATHER={kinds}", soft_wrap=True)
    path = save_breach(breach, weather, results)
    console.print(f"     or: make hunt SCRIPT={path}", soft_wrap=True)
    return 1


def _searched(
    console: Console,
    effort: Effort,
    seed: int,
    weather: Collection[Weather],
    minutes: float,
    workers: int,
) -> Breach | None:
    """Search with a progress bar, and count the effort."""
    columns = (TextColumn("  hunting"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=console) as progress:
        bar = progress.add_task("", total=minutes * 60)

        def report(round_: Round) -> None:
            effort.add(round_)
            progress.update(bar, completed=time.monotonic() - effort.began, description=effort.in_words())

        return hunt(seed, weather, seconds=minutes * 60, workers=workers, report=report)


def weather_in_words(weather: Collection[Weather]) -> str:
    """As WEATHER= takes it."""
    if set(weather) == ALL_WEATHER:
        return "all"
    return ",".join(sorted(weather)) or "calm"


def show_breach(console: Console, breach: Breach) -> None:
    """The law, what is wrong, and the shortest script."""
    law, detail = breach.violation
    console.print(f"  [red]BREACH[/red]  {escape(law)}\n  {escape(detail)}", soft_wrap=True)
    show_steps(console, breach.script)


def show_steps(console: Console, script: Script) -> None:
    for number, step in enumerate(script, start=1):
        console.print(f"  {number:>4}  {escape(in_words(step))}", soft_wrap=True)


def save_breach(breach: Breach, weather: Collection[Weather], results: Path) -> Path:
    """Write a breach so that SCRIPT= performs it again; gives the file's path.

    Raises:
        Refusal: it cannot be written.
    """
    path = results / f"breach-{breach.seed}.json"
    document = {
        "law": breach.violation.law,
        "detail": breach.violation.detail,
        "seed": breach.seed,
        "weather": weather_in_words(weather),
        "script": steps_as_data(breach.script),
    }
    try:
        results.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=1) + "\n")
    except OSError as problem:
        raise Refusal(f"the breach cannot be saved to {path}: {problem.strerror or problem}") from None
    return path


def load_script(path: Path) -> Script:
    """The script of a saved breach.

    Raises:
        Refusal: no such file, or no such script; names the step and the field.
    """
    try:
        document = json.loads(read_at_most(path, MOST_SCRIPT_BYTES))
    except OSError as missing:
        raise Refusal(f"SCRIPT={path}: {missing.strerror}") from None
    except ValueError as wrong:
        raise Refusal(f"SCRIPT={path} is not JSON: {wrong}") from None
    if not isinstance(document, dict) or "script" not in document:
        raise Refusal(f"SCRIPT={path} has no `script`, a list of steps")
    try:
        return steps_from_json(json.dumps(document["script"]))
    except ValidationError as wrong:
        error = wrong.errors()[0]
        where = ".".join(map(str, error["loc"]))
        raise Refusal(f"SCRIPT={path}: step {where} (from 0): {error['msg']}") from None


def replay_script(console: Console, script: Script) -> int:
    """Perform one script and say at which step a law breaks, if it does."""
    performance = perform(script)
    show_steps(console, script[: performance.steps])
    if performance.broken is None:
        console.print("  no law broke")
        return 0
    law, detail = performance.broken
    when = "at rest" if performance.at_rest else f"after step {performance.steps}"
    console.print(f"  [red]BREACH[/red] {when}  {escape(law)}\n  {escape(detail)}", soft_wrap=True)
    return 1
