"""Deployment packages, unpacked once by content into a folder that outlives LocalStack, bytecode included."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any


def unpacked(code: Any) -> Path:
    """Give the folder with the files of *code* (LocalStack's ``ArchiveCode``), unpacking them if need be.

    `make watch` gives a folder that it has made, in the way that LocalStack has for hot reloading.
    """
    if code.is_hot_reloading():
        folder = Path(code.get_unzipped_code_location())
        os.utime(folder)
        return folder
    digest = code.code_sha256.replace("/", "_").replace("+", "-").rstrip("=")
    folder = Path(os.environ["LAMBDA_PACKAGES"]) / digest
    if not folder.is_dir():
        unpack(code, folder)
    os.utime(folder)  # the harness removes those unused for longest
    return folder


def unpack(code: Any, folder: Path) -> None:
    """Unpack beside *folder* and move it there, so that a broken-off attempt is never taken for one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unpacking-"))
    with tempfile.TemporaryFile() as archive:
        code._download_archive_to_file(archive)
        with zipfile.ZipFile(archive) as files:
            files.extractall(fresh)
    try:
        fresh.rename(folder)
    except OSError:  # another LocalStack was quicker
        shutil.rmtree(fresh, ignore_errors=True)
