"""From YAML to a `Scenario`: a file or a shipped name, with overrides from the command line.

Every fault names file, line and key; nothing is repaired silently, and a scenario with a fault does not run.
"""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from simulator.scenario import document
from simulator.scenario.document import Document, Key
from simulator.scenario.model import Scenario
from simulator.scenario.wording import allowed_instead, follows, in_words

SHIPPED = Path(__file__).parent / "shipped"
_EMPTY: Mapping[str, object] = {}


class Problem(NamedTuple):
    """One fault: its line (None = not in a file), its dotted key ('' = the whole) and what is allowed."""

    line: int | None
    key: str
    message: str


class ScenarioError(ValueError):
    """A scenario that cannot be used; ``str()`` has one line per problem, ``file:line: key: message``.

    Attributes:
        path: the file, or the name that was asked for.
        problems: at least one.
    """

    def __init__(self, path: Path | str, problems: list[Problem]) -> None:
        self.path, self.problems = path, problems
        super().__init__("\n".join(self._line(problem) for problem in problems))

    def _line(self, problem: Problem) -> str:
        where = f"{self.path}: " if problem.line is None else f"{self.path}:{problem.line}: "
        if problem.key.startswith("override "):
            where = ""
        return f"{where}{problem.key}: {problem.message}" if problem.key else f"{where}{problem.message}"


def shipped_names() -> list[str]:
    """The scenarios that come with the system."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load_scenario(path_or_name: str | Path, overrides: Mapping[str, object] = _EMPTY) -> Scenario:
    """Read and check a scenario.

    Args:
        path_or_name: a file (``.yaml``, ``.yml`` or with a folder), or the name of a shipped scenario.
        overrides: values by dotted key (``policies.pivot_boost``), put in place of the file's.
    Raises:
        ScenarioError: with everything that is wrong.
    """
    path = _path_of(path_or_name)
    try:
        source = document.read(path)
    except document.Unreadable as unreadable:
        raise ScenarioError(path, [Problem(unreadable.line, unreadable.key, unreadable.reason)]) from None
    try:
        scenario = Scenario.model_validate(document.frozen(source.values))
    except ValidationError as faults:
        raise ScenarioError(path, _problems(source, faults)) from None
    return _overridden(path, source.values, overrides) if overrides else scenario


def parse_scenario_argument(text: str) -> Scenario:
    """Read a command line's ``NAME`` or ``NAME:key=value[,key=value]``, NAME a shipped scenario or a file.

    Values are YAML: ``stock.restock=null``, ``stock.units={low: 5, high: 9}``.

    Raises:
        ScenarioError
    """
    if os.path.isfile(text):  # not Path.is_file, which raises where overrides are longer than a file's name
        return load_scenario(text)
    name, _, rest = text.partition(":")
    overrides: dict[str, object] = {}
    for part in _split(rest):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not re.fullmatch(r"\w[\w &/-]*(\.\w[\w &/-]*)*", key):
            message = "write key=value, several with commas between, as in policies.pivot_boost=0"
            raise ScenarioError(name, [Problem(None, f"override {part.strip()}", message)])
        if key in overrides:
            raise ScenarioError(name, [Problem(None, f"override {key}", "given twice")])
        try:
            overrides[key] = document.parse_value(value)
        except document.Unreadable as unreadable:
            raise ScenarioError(name, [Problem(None, f"override {key}", unreadable.reason)]) from None
    return load_scenario(name, overrides)


def to_yaml(scenario: Scenario) -> str:
    """The scenario as a file that `load_scenario` reads back as an equal one."""
    return yaml.safe_dump(scenario.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=110)


def _path_of(path_or_name: str | Path) -> Path:
    text = str(path_or_name)
    if isinstance(path_or_name, Path) or "/" in text or text.endswith((".yaml", ".yml")):
        return Path(path_or_name)
    names = shipped_names()
    if text not in names:
        nearest = get_close_matches(text, names, 1)
        hint = f"did you mean {nearest[0]}? " if nearest else ""
        message = f"no such scenario; {hint}Shipped are {', '.join(names)}; a file's name ends with .yaml"
        raise ScenarioError(text, [Problem(None, "", message)])
    return SHIPPED / f"{text}.yaml"


def _problems(source: Document, faults: ValidationError) -> list[Problem]:
    problems: list[Problem] = []
    for fault in faults.errors(include_url=False):
        if follows(fault):
            continue
        key = _key_of(fault)
        is_key = fault["type"] in ("extra_forbidden", "invalid_key")
        problems.append(Problem(source.line_of(key, of_key=is_key), ".".join(map(str, key)), _message(fault)))
    return sorted(set(problems), key=lambda problem: (problem.line or 0, problem.key))


def _key_of(fault: Any) -> Key:
    """Where a fault lies: pydantic's location, and the key that a check between keys blames."""
    location: Key = tuple(part for part in fault["loc"] if part != "[key]")
    blamed = fault.get("ctx", {}).get("key", "") if fault["type"] == "between_keys" else ""
    return (*location, *blamed.split(".")) if blamed else location


def _message(fault: Any) -> str:
    return f"{in_words(fault)}{allowed_instead(Scenario, fault)}"


def _overridden(path: Path, values: Any, overrides: Mapping[str, object]) -> Scenario:
    """The scenario with the overrides in place; the file alone is valid, so all faults are theirs."""
    changed = document.thawed(values)
    problems = []
    for key, value in overrides.items():
        reason = document.put(changed, key.split("."), document.thawed(value))
        if reason:
            problems.append(Problem(None, f"override {key}", reason))
    if problems:
        raise ScenarioError(path, problems)
    try:
        return Scenario.model_validate(document.frozen(changed))
    except ValidationError as faults:
        for fault in faults.errors(include_url=False):
            if not follows(fault):
                problems.append(_override_problem(_key_of(fault), _message(fault), list(overrides)))
        raise ScenarioError(path, list(dict.fromkeys(problems))) from None


def _override_problem(key: Key, message: str, overrides: list[str]) -> Problem:
    """The fault put down to the override that lies on the way to it, or to all where none does."""
    dotted = ".".join(map(str, key))
    guilty = [
        name
        for name in overrides
        if f"{dotted}.".startswith(f"{name}.") or f"{name}.".startswith(f"{dotted}.")
    ]
    names = guilty or overrides
    text = message if dotted in names else f"{dotted}: {message}" if dotted else message
    return Problem(None, f"override {', '.join(names)}", text)


def _split(text: str) -> list[str]:
    """Split at the commas that stand outside of brackets and quotation marks."""
    parts, depth, quote, begun = list[str](), 0, "", 0
    for place, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign in "[{":
            depth += 1
        elif sign in "]}":
            depth -= 1
        elif sign == "," and depth == 0:
            parts.append(text[begun:place])
            begun = place + 1
    parts.append(text[begun:])
    return [part for part in parts if part.strip()]
