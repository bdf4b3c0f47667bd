"""A YAML document whose values know their lines, read with suspicion.

PyYAML keeps the last of two equal keys, builds objects that contain themselves and expands aliases without
limit; each of these is refused here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.reader import ReaderError

from simulator.files import read_at_most

MAX_BYTES = 256 * 1024
MAX_NODES = 50_000  # aliases counted as often as they are used
Key = tuple[int | str, ...]


class Unreadable(ValueError):
    """A text that cannot be used as a whole.

    Attributes:
        line: from 1, or None where no line is to blame.
        key: dotted, '' for the whole document.
    """

    def __init__(self, reason: str, line: int | None = None, key: str = "") -> None:
        super().__init__(reason)
        self.reason, self.line, self.key = reason, line, key


@dataclass(frozen=True)
class Document:
    """A file's values and the nodes that they came from."""

    values: Any
    root: yaml.Node

    def line_of(self, key: Key, *, of_key: bool = False) -> int:
        """The line of the value at *key*, or of the nearest that exists above it.

        Args:
            of_key: the line of the key itself, which may stand above its value.
        """
        node, line = self.root, self.root.start_mark.line
        for place, part in enumerate(key):
            found = _child(node, part)
            if found is None:
                break
            at, node = found
            of_scalar = isinstance(node, yaml.ScalarNode) and not (of_key and place == len(key) - 1)
            line = node.start_mark.line if of_scalar and node.start_mark.line > at else at
        return int(line) + 1


def _child(node: yaml.Node, part: int | str) -> tuple[int, yaml.Node] | None:
    """The line at which an entry begins, and its value."""
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):  # a merged key stands before the mapping's own
            if getattr(key, "value", None) == str(part):
                return key.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and str(part).isdecimal() and int(part) < len(node.value):
        item = node.value[int(part)]
        return item.start_mark.line, item
    return None


def read(path: Path) -> Document:
    """Read a file.

    Raises:
        Unreadable: no file, too large, not UTF-8, not YAML, a key twice, a value that contains itself.
    """
    try:
        content = read_at_most(path, MAX_BYTES + 1)
    except OSError as problem:
        raise Unreadable(f"cannot be read: {problem.strerror or problem}") from None
    except ValueError as problem:  # a name with a null byte
        raise Unreadable(f"cannot be read: {problem}") from None
    if len(content) > MAX_BYTES:
        raise Unreadable(f"larger than {MAX_BYTES // 1024} KB, which no scenario needs")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise Unreadable("not UTF-8 text", content[: problem.start].count(b"\n") + 1) from None
    return parse(text)


def parse(text: str) -> Document:
    """Parse a document that must be a mapping.

    Raises:
        Unreadable
    """
    root = _composed(text)
    if not isinstance(root, yaml.MappingNode):
        raise Unreadable("must be a mapping: keys and values", 1)
    return Document(_constructed(root), root)


def parse_value(text: str) -> Any:
    """Parse one value, null when there is none.

    Raises:
        Unreadable
    """
    root = _composed(text)
    return None if root is None else _constructed(root)


def _composed(text: str) -> yaml.Node | None:
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None:
            _check(root)
    except yaml.YAMLError as problem:
        raise _not_yaml(problem, text) from None
    except RecursionError:
        raise Unreadable("nested too deeply", 1) from None
    return root


def _not_yaml(problem: yaml.YAMLError, text: str = "") -> Unreadable:
    if isinstance(problem, ReaderError):
        line = text[: problem.position].count("\n") + 1
        return Unreadable(f"not YAML: unacceptable character {problem.character!r}", line)
    mark = getattr(problem, "problem_mark", None)
    reason = getattr(problem, "problem", None) or str(problem).partition("\n")[0]
    return Unreadable(f"not YAML: {reason}", mark.line + 1 if mark is not None else None)


def _constructed(root: yaml.Node) -> Any:
    try:
        return SafeConstructor().construct_document(root)
    except yaml.YAMLError as problem:
        raise _not_yaml(problem) from None
    except (ValueError, OverflowError, TypeError) as problem:  # such as the date 2024-13-99
        raise Unreadable(f"not YAML: {problem}", root.start_mark.line + 1) from None


def _check(root: yaml.Node) -> None:
    """Walk over all nodes, aliases included, as often as they are used.

    Raises:
        Unreadable: a cycle, a key twice, or too many nodes.
    """
    above: set[int] = set()
    seen = 0

    def walk(node: yaml.Node, key: str, line: int) -> None:
        nonlocal seen
        seen += 1
        if id(node) in above:
            raise Unreadable("an anchor that contains itself (a cycle); write the values out", line, key)
        if seen > MAX_NODES:
            raise Unreadable(f"more than {MAX_NODES:,} values, aliases counted each time", line, key)
        above.add(id(node))
        for name, at, below in _entries(node, key):
            walk(below, f"{key}.{name}" if key else name, at)
        above.remove(id(node))

    walk(root, "", root.start_mark.line + 1)


def _entries(node: yaml.Node, key: str) -> Iterator[tuple[str, int, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        names: set[str] = set()
        for name_node, value in node.value:
            name, line = name_node.value, name_node.start_mark.line + 1
            if not isinstance(name_node, yaml.ScalarNode):
                raise Unreadable("a key must be plain text", line, key)
            if name in names:
                raise Unreadable("given twice", line, f"{key}.{name}" if key else name)
            names.add(name)
            yield name, line, value
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            yield str(place), value.start_mark.line + 1, value


def frozen(value: Any) -> Any:
    """The value with tuples for lists, sharing nothing with the original."""
    if isinstance(value, dict):
        return {key: frozen(below) for key, below in value.items()}
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def thawed(value: Any) -> Any:
    """The value with lists for tuples, sharing nothing with the original."""
    if isinstance(value, dict):
        return {key: thawed(below) for key, below in value.items()}
    return list(map(thawed, value)) if isinstance(value, list | tuple) else value


def put(values: Any, names: list[str], value: Any) -> str | None:
    """Put *value* in place at the path *names*, making sections that are missing or null.

    Returns:
        Why it is not possible, or None.
    """
    here = values
    for place, name in enumerate(names):
        last = place == len(names) - 1
        if isinstance(here, list):
            if not name.isdecimal() or int(name) >= len(here):
                return f"{'.'.join(names[:place])} is a list of {len(here)}: use 0 to {len(here) - 1}"
            position: Any = int(name)
        elif isinstance(here, dict):
            position = name
        else:
            return f"{'.'.join(names[:place])} is a single value and has no {name}"
        if last:
            here[position] = value
        else:
            if (here.get(position) if isinstance(here, dict) else here[position]) is None:
                here[position] = {}
            here = here[position]
    return None
