"""A deployment package with our code exchanged: the deployed dependencies, the files as they are saved."""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from harness.watch.sources import Files

READABLE_FILE = 0o644 << 16  # a container reads it as another user


class Package:
    """A deployed package, and what it becomes with other code.

    Ours is whatever lies below a name that the folder of code ever had at its top; the rest `sam build` put
    there.

    Attributes:
        archive: the deployed zip.
        deployed: our files in it.
    """

    def __init__(self, archive: bytes, files: Files) -> None:
        self.archive = archive
        self._top = top_names(files)
        with zipfile.ZipFile(io.BytesIO(archive)) as entries:
            self.deployed = {
                entry.filename: entries.read(entry)
                for entry in entries.infolist()
                if not entry.is_dir() and self.is_ours(entry.filename)
            }
        self._dependencies = self._without_ours()

    def is_ours(self, name: str) -> bool:
        """Tell our files from dependencies."""
        return bool(top_names({name: b""}) & self._top)

    def zipped(self, files: Files, mark: str = "") -> bytes:
        """Give the zip with *files* for the deployed ones; the deployed zip itself when they are the same.

        Args:
            mark: kept as the zip's comment: with another one it has another digest.
        """
        if files == self.deployed:
            return self.archive
        self._top |= top_names(files)
        fresh = io.BytesIO(self._dependencies)
        with zipfile.ZipFile(fresh, "a", zipfile.ZIP_DEFLATED) as entries:
            for name in sorted(files):
                entry = zipfile.ZipInfo(name)  # always of 1980: the same files make the same zip
                entry.external_attr, entry.compress_type = READABLE_FILE, zipfile.ZIP_DEFLATED
                entries.writestr(entry, files[name])
            entries.comment = mark.encode()
        return fresh.getvalue()

    def _without_ours(self) -> bytes:
        """Zip the dependencies alone: once, since what is edited is put behind them."""
        fresh = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(self.archive)) as deployed,
            zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as entries,
        ):
            for entry in deployed.infolist():
                if not self.is_ours(entry.filename):
                    entries.writestr(entry, deployed.read(entry))
        return fresh.getvalue()

    def unpack(self, folder: Path) -> None:
        """Unpack the deployed zip unless *folder* is there."""

        def fill(fresh: Path) -> None:
            with zipfile.ZipFile(io.BytesIO(self.archive)) as entries:
                entries.extractall(fresh)

        made_at_once(folder, fill)

    def exchange(self, previous: Path, folder: Path, files: Files) -> None:
        """Make *folder* unless it is there; it shares with *previous* what is the same, bytecode included.

        A function then compiles nothing at its start but what was edited.
        """
        self._top |= top_names(files)

        def fill(fresh: Path) -> None:
            for place, _, names in os.walk(previous):
                for name in names:
                    file = Path(place, name)
                    relative = file.relative_to(previous)
                    if self._is_kept(file, previous, files):
                        (fresh / relative).parent.mkdir(parents=True, exist_ok=True)
                        share(file, fresh / relative)
            for name, content in files.items():
                if not (fresh / name).exists():
                    (fresh / name).parent.mkdir(parents=True, exist_ok=True)
                    (fresh / name).write_bytes(content)

        made_at_once(folder, fill)

    def _is_kept(self, file: Path, previous: Path, files: Files) -> bool:
        """Tell whether a file of the previous package is in the next one as it is."""
        if file.parent.name == "__pycache__" and file.suffix == ".pyc":
            # Bytecode is valid for the second and the size of its source, so an edit must never come with it.
            file = Path(importlib.util.source_from_cache(str(file)))
            if not file.exists():
                return False
        name = file.relative_to(previous).as_posix()
        return not self.is_ours(name) or files.get(name) == file.read_bytes()


def top_names(files: Files) -> set[str]:
    """Give the names at the top of a package's files: ``handlers``, ``requirements.txt``."""
    return {PurePosixPath(name).parts[0] for name in files}


def made_at_once(folder: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder whole or not at all; one that is there stays."""
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unpacking-"))
    try:
        fill(fresh)
        fresh.chmod(0o755)
        fresh.rename(folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def share(file: Path, other: Path) -> None:
    """Let *other* be the same file, or a copy where a file has one name only."""
    try:
        os.link(file, other)
    except OSError:
        shutil.copy2(file, other)
