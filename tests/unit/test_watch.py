"""What `make watch` reads, refuses and packs; tests/emulated/test_watch.py runs it."""

from __future__ import annotations

import io
import os
import py_compile
import zipfile
from pathlib import Path

import pytest

from harness.settings import Refusal, Settings
from harness.system import REPOSITORY, NotRunning
from harness.watch.command import watch
from harness.watch.functions import FunctionGroup
from harness.watch.package import Package
from harness.watch.session import reload_line
from harness.watch.sources import (
    CodeFolder,
    Files,
    code_folders,
    differing,
    files_in,
    first_fault,
    watched_folders,
)

OURS = {"handlers/rest.py": b"ONE = 1\n", "handlers/old.py": b"OLD = 1\n", "requirements.txt": b"orjson\n"}
DEPENDENCIES = {"orjson/__init__.py": b"fast = True\n", "typing_extensions.py": b"\n"}


def zipped(files: Files) -> bytes:
    """Give a zip as a deployment has it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as entries:
        for name, content in files.items():
            entries.writestr(name, content)
    return packed.getvalue()


def unzipped(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as entries:
        assert len(set(entries.namelist())) == len(entries.namelist())
        return {name: entries.read(name) for name in entries.namelist()}


def contents(folder: Path) -> dict[str, bytes]:
    """Give the files of a folder, less bytecode."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.fixture
def package() -> Package:
    return Package(zipped({**OURS, **DEPENDENCIES}), OURS)


def settings(target: str, folder: Path) -> Settings:
    return Settings(target, REPOSITORY, folder, None, "", "us-east-1", False)  # type: ignore[arg-type]


# ── What is saved ──────────────────────────────────────────────────────────────────────────────────


def test_the_application_has_one_folder_of_code_and_its_links_are_watched() -> None:
    [folder] = code_folders(REPOSITORY)

    assert folder.path == REPOSITORY / "sam/bundle"
    assert {"RecommendOffers", "CountEngagement"} < set(folder.functions)
    assert set(watched_folders([folder])) == {
        REPOSITORY / "sam/bundle",
        REPOSITORY / "handlers",
        REPOSITORY / "offerloop",
    }


def test_functions_with_folders_of_their_own_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(
        "Globals: {Function: {CodeUri: all/}}\n"
        "Resources:\n"
        "  Near: {Type: AWS::Serverless::Function, Properties: {Handler: !Ref Any}}\n"
        "  Far: {Type: AWS::Serverless::Function, Properties: {CodeUri: own/}}\n"
        "  Log: {Type: AWS::Logs::LogGroup, Properties: {}}\n"
    )

    assert code_folders(tmp_path) == [
        CodeFolder(tmp_path / "all", ("Near",)),
        CodeFolder(tmp_path / "own", ("Far",)),
    ]


def test_editors_own_files_and_bytecode_are_no_code(tmp_path: Path) -> None:
    for name in ("rest.py", ".rest.py.swp", "rest.py~", "__pycache__/rest.cpython-311.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")

    assert list(files_in(tmp_path)) == ["rest.py"]


def test_added_changed_and_removed_files_are_named_in_order() -> None:
    assert differing({"gone": b"", "same": b"", "b": b"1"}, {"b": b"2", "same": b"", "a": b""}) == [
        "a",
        "b",
        "gone",
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"one = 1\ntwo = = 2\n", "handlers/rest.py:2: invalid syntax"),
        (b"def f(:\n", "handlers/rest.py:1: invalid syntax"),
        (b"if 1:\npass\n", "handlers/rest.py:2: expected an indented block after 'if' statement on line 1"),
        (b"one = '\xff'\n", "handlers/rest.py:1: "),
        (b"one = 1\0\n", "handlers/rest.py:1: "),
    ],
)
def test_a_file_that_is_no_python_is_named_with_its_line(content: bytes, fault: str) -> None:
    found = first_fault({"handlers/rest.py": content}, ["handlers/rest.py"])

    assert found is not None
    assert found.startswith(fault)
    assert "\n" not in found


def test_only_python_that_is_there_can_be_at_fault() -> None:
    assert first_fault({"a.json": b"{", "b.py": b"fine = 1"}, ["a.json", "b.py", "removed.py"]) is None


# ── What is packed ─────────────────────────────────────────────────────────────────────────────────


def test_a_package_has_the_saved_files_and_the_deployed_dependencies(package: Package) -> None:
    files = {"handlers/rest.py": b"TWO = 2\n", "handlers/new.py": b"", "requirements.txt": b"orjson\n"}

    assert unzipped(package.zipped(files)) == {**files, **DEPENDENCIES}
    assert package.zipped(files) == package.zipped(dict(reversed(files.items())))
    assert unzipped(package.zipped(files, "another")) == unzipped(package.zipped(files))
    assert package.zipped(files, "another") != package.zipped(files)


def test_the_deployed_files_make_the_deployed_zip(package: Package) -> None:
    assert package.zipped(dict(OURS)) is package.archive


def test_an_unpacked_package_shares_what_is_the_same(package: Package, tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    package.unpack(before)
    for name in ("orjson/__init__.py", "handlers/rest.py", "handlers/old.py"):
        py_compile.compile(str(before / name))
    files = {**OURS, "handlers/rest.py": b"TWO = 2\n", "handlers/new/deep.py": b""}

    package.exchange(before, after, files)

    assert contents(after) == {**files, **DEPENDENCIES}
    compiled = {path.name.partition(".")[0] for path in after.rglob("*.pyc")}
    assert compiled == {"__init__", "old"}  # the bytecode of an edited file is not that of the edit
    assert os.path.samefile(before / "orjson/__init__.py", after / "orjson/__init__.py")
    assert contents(before) == {**OURS, **DEPENDENCIES}


def test_bytecode_of_an_edited_file_at_the_top_is_left_out(tmp_path: Path) -> None:
    """Its folder of bytecode is shared with dependencies."""
    package = Package(zipped({"app.py": b"ONE = 1\n", **DEPENDENCIES}), {"app.py": b""})
    package.unpack(tmp_path / "before")
    for name in ("app.py", "typing_extensions.py"):
        py_compile.compile(str(tmp_path / "before" / name))

    package.exchange(tmp_path / "before", tmp_path / "after", {"app.py": b"TWO = 2\n"})

    assert [path.name.partition(".")[0] for path in (tmp_path / "after").rglob("*.pyc")] == [
        "typing_extensions"
    ]


def test_a_file_removed_again_is_gone_from_the_next_package(package: Package, tmp_path: Path) -> None:
    package.unpack(tmp_path / "deployed")
    package.exchange(tmp_path / "deployed", tmp_path / "one", {**OURS, "extra.py": b""})

    package.exchange(tmp_path / "one", tmp_path / "two", OURS)

    assert contents(tmp_path / "two") == {**OURS, **DEPENDENCIES}


def test_a_package_is_there_whole_or_not_at_all(package: Package, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        package.exchange(tmp_path / "none", tmp_path / "packages/one", {"a": b"a file", "a/b.py": b""})

    assert list((tmp_path / "packages").iterdir()) == []


def test_the_functions_whose_own_file_was_edited_come_first(package: Package, tmp_path: Path) -> None:
    entries = {"first": "handlers/a.py", "second": "handlers/rest.py", "third": "handlers/c.py"}
    group = FunctionGroup(CodeFolder(tmp_path, ()), entries, package, package.deployed, tmp_path)

    assert group.in_order({**OURS, "handlers/rest.py": b""}) == ["second", "first", "third"]
    assert group.in_order(OURS) == ["first", "second", "third"]


# ── What is said ───────────────────────────────────────────────────────────────────────────────────


def test_a_reload_names_few_things_and_counts_many() -> None:
    assert reload_line(["a.py"], ["two", "one"], 0.44) == "live in 0.4 s: a.py → one, two"
    assert reload_line(list("abcd"), list("abcde"), 1) == "live in 1.0 s: 4 files → 5 functions"


def test_watching_is_for_emulators(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="watching is for emulators: use `make deploy TARGET=aws`"):
        watch(settings("aws", tmp_path), print)


def test_without_a_system_there_is_nothing_to_watch(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="run `make up TARGET=localstack` first"):
        watch(settings("localstack", tmp_path), print)
