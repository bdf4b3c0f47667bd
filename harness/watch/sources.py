"""The code as it is saved: which folders the template names, what is in them, and whether it compiles."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from watchfiles import Change, DefaultFilter

from harness.sam import bundled_files
from harness.stacks import STACKS, TemplateLoader

Files = Mapping[str, bytes]
"""Contents by name in the zip: ``handlers/rest.py``."""

REQUIREMENTS = "requirements.txt"
# Left out of a watched package, and not worth a reload: editors' own files, bytecode, version control.
IGNORED = DefaultFilter()


@dataclass(frozen=True)
class CodeFolder:
    """A folder of code that functions of the application's template share.

    Attributes:
        path: the ``CodeUri``; may hold links, as sam/bundle does.
        functions: their logical ids.
    """

    path: Path
    functions: tuple[str, ...]


def code_folders(application: Path) -> list[CodeFolder]:
    """Read from the application's template which function has its code where."""
    template = yaml.load((application / "template.yaml").read_text(), TemplateLoader)
    default = ((template.get("Globals") or {}).get("Function") or {}).get("CodeUri")
    functions: dict[str, list[str]] = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            folder = resource["Properties"].get("CodeUri") or default
            if isinstance(folder, str):
                functions.setdefault(folder, []).append(name)
    return [CodeFolder(application / folder, tuple(names)) for folder, names in functions.items()]


def files_in(folder: Path) -> dict[str, bytes]:
    """Read a folder of code; a file that goes away meanwhile is left out."""
    return read({name: path for name, path in bundled_files(folder) if IGNORED(Change.modified, name)})


def watched_folders(folders: Iterable[CodeFolder]) -> list[Path]:
    """Give the folders to watch: those of the template, and those that links in them lead to."""
    found: dict[Path, None] = {}
    for folder in folders:
        if not folder.path.is_dir():
            continue  # another branch may have none
        found[folder.path.resolve()] = None
        for link in sorted(folder.path.iterdir()):
            if link.is_symlink() and link.exists():
                target = link.resolve()
                found[target if target.is_dir() else target.parent] = None
    return list(found)


def definitions(application: Path) -> dict[str, bytes]:
    """Read the three templates, those that are there."""
    return read({stack.template: application / stack.template for stack in STACKS})


def read(paths: Mapping[str, Path]) -> dict[str, bytes]:
    """Read files by their names; one that is not there, as in the middle of a checkout, is left out."""
    files = {}
    for name, path in paths.items():
        with contextlib.suppress(FileNotFoundError):
            files[name] = path.read_bytes()
    return files


def differing(before: Files, after: Files) -> list[str]:
    """Give the names of files that were added, changed or removed, in order."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def first_fault(files: Files, names: Sequence[str]) -> str | None:
    """Say where and why one of the named files is no Python, as ``handlers/rest.py:12: invalid syntax``."""
    return next(faults(files, names), None)


def faults(files: Files, names: Iterable[str]) -> Iterator[str]:
    """Compile each of the named files that is there and Python."""
    for name in names:
        if not name.endswith(".py") or name not in files:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(files[name], name, "exec", dont_inherit=True)
        except SyntaxError as error:  # bytes that are no text are one too
            yield f"{name}:{error.lineno or 1}: {error.msg}"
        except ValueError as error:
            yield f"{name}:1: {error}"
