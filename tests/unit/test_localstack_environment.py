"""What LocalStack needs without Docker: found where it is, and named in one line where it is not."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from harness.localstack import environment
from harness.settings import Refusal


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH; pyenv has nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return folder


def program(path: Path, prints: str, exit_code: int = 0) -> Path:
    """Make a program that prints one line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{prints}'\nexit {exit_code}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_newest_python_that_localstack_runs_on_is_taken(bin_folder: Path) -> None:
    program(bin_folder / "python3", "3.11")
    program(bin_folder / "python3.12", "3.12")
    newest = program(bin_folder / "python3.13", "3.13")

    assert environment.python() == newest


def test_a_shim_that_does_not_run_is_passed_over_for_pyenvs_own(bin_folder: Path, tmp_path: Path) -> None:
    program(bin_folder / "python3.13", "pyenv: python3.13: command not found", exit_code=127)
    installed = program(tmp_path / "pyenv/versions/3.12.7/bin/python", "3.12")

    assert environment.python() == installed


def test_no_fitting_python_is_one_line_that_says_what_to_install(bin_folder: Path) -> None:
    program(bin_folder / "python3", "3.11")

    with pytest.raises(Refusal) as refusal:
        environment.python()

    assert str(refusal.value) == (
        "LocalStack 4.14 without Docker needs Python 3.12 or 3.13, and none is on the PATH or in ~/.pyenv: "
        "install one (Debian package python3.13, or `pyenv install 3.13`), or start a Docker engine"
    )


def test_no_node_is_one_line_that_says_what_to_install(bin_folder: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        environment.node()

    assert str(refusal.value) == (
        "node is missing, which LocalStack's Kinesis runs on without Docker: "
        "install the Debian package nodejs (18 or newer), or start a Docker engine"
    )


@pytest.mark.parametrize("version", ["v16.20.0", "segmentation fault"])
def test_a_node_that_is_too_old_or_does_not_run_is_refused(bin_folder: Path, version: str) -> None:
    program(bin_folder / "node", version)

    with pytest.raises(Refusal, match=rf"\({version}\) is too old for LocalStack's Kinesis"):
        environment.node()


def test_a_failed_installation_gives_the_installers_last_line(bin_folder: Path) -> None:
    installer = bin_folder / "uv"
    program(installer, "nothing of interest")
    installer.write_text("#!/bin/sh\necho first >&2\necho 'error: no such package' >&2\nexit 2\n")

    with pytest.raises(Refusal, match=r"^making \.localstack: uv pip failed: error: no such package$"):
        environment.run([str(installer), "pip"])


def test_another_lock_means_another_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("python.txt", "package-lock.json"):
        (tmp_path / name).write_text("one")
    monkeypatch.setattr(environment, "LOCKS", tmp_path)
    before = environment.stamp()

    (tmp_path / "package-lock.json").write_text("two")

    assert environment.stamp() != before
