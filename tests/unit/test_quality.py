"""`make test`: what becomes of a test that failed beside others, and of lint beside the tests."""

import json
import re
import subprocess
import threading

import pytest
from typer.testing import CliRunner

from harness import cli, quality
from harness.system import REPOSITORY


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """Runs of pytest that do not happen: their command lines, and the exit codes that they are to have."""

    class Runs:
        def __init__(self):
            self.commands, self.codes, self.said, self.tests = [], [], [], ()

        def failed(self, *tests):
            self.tests = tests

        def __call__(self, command, **_):
            self.commands.append(command[1:])
            if (
                len(self.commands) == 1 and self.tests
            ):  # as pytest itself does, in the folder that it is given
                listed = tmp_path / "v/cache/lastfailed"
                listed.parent.mkdir(parents=True)
                listed.write_text(json.dumps(dict.fromkeys(self.tests, True)))
            return subprocess.CompletedProcess(command, self.codes.pop(0))

    found = Runs()
    monkeypatch.setattr(quality, "CACHE", tmp_path)
    monkeypatch.setattr(quality.subprocess, "run", found)
    return found


def test_a_run_without_a_failure_is_the_only_one(runs):
    runs.codes = [0]

    assert quality.run_tests(runs.said.append) == 0
    assert len(runs.commands) == 1


@pytest.mark.parametrize("alone", [0, 1])
def test_a_failure_counts_if_the_test_fails_alone_as_well_and_is_named_if_not(runs, alone):
    runs.codes = [1, alone]
    runs.failed("tests/a.py::test_a", "tests/b.py::test_b[1]")

    assert quality.run_tests(runs.said.append) == alone
    assert runs.commands[1] == ["--numprocesses", "0", "tests/a.py::test_a", "tests/b.py::test_b[1]"]
    unsteady = "UNSTEADY: failed beside others, passed alone: tests/a.py::test_a, tests/b.py::test_b[1]"
    assert (unsteady in runs.said) == (alone == 0)


def test_more_than_a_few_failures_are_no_accident(runs):
    runs.codes = [1]
    runs.failed(*(f"tests/a.py::test_{number}" for number in range(quality.AGAIN_AT_MOST + 1)))

    assert quality.run_tests(runs.said.append) == 1
    assert len(runs.commands) == 1


@pytest.mark.parametrize("code", [2, 3, 4, 5])
def test_a_run_that_was_broken_off_is_not_repeated(runs, code):
    runs.codes = [code]
    runs.failed("tests/a.py::test_a")

    assert quality.run_tests(runs.said.append) == code
    assert len(runs.commands) == 1


@pytest.mark.parametrize(
    ("found", "failed", "both"), [(0, 0, 0), (1, 0, 1), (0, 2, 2), (1, 2, 1)], ids=lambda code: str(code)
)
def test_what_lint_finds_counts_whatever_the_tests_say_and_is_said_while_they_run(
    monkeypatch, found, failed, both
):
    said = []
    looked = threading.Event()

    def lint(say, at_once):
        say("verdict on ruff")
        return found

    def say(line):
        said.append(line)
        if line:
            looked.set()

    def tests():
        if found:
            assert looked.wait(10)
        said.append("tests end")
        return failed

    monkeypatch.setattr(quality, "lint", lint)

    assert quality.lint_beside(tests, say) == both
    assert said == (["", "verdict on ruff", "tests end"] if found else ["tests end", "verdict on ruff"])


def test_every_file_with_slow_tests_is_on_their_page():
    files = {
        path.name for path in (REPOSITORY / "tests").rglob("test_*.py") if "mark.slow" in path.read_text()
    }
    page = (REPOSITORY / "docs/testing.md").read_text()
    table = page.partition("## What `make test` leaves")[2].partition("## ")[0]

    assert files - {"test_quality.py"} == set(re.findall(r"^\| `(test_\w+\.py)`", table, re.MULTILINE))


def test_only_make_test_leaves_the_slow_tests_out(monkeypatch):
    runs = []
    monkeypatch.setattr(quality, "refuse_without_localstack", lambda say: None)
    monkeypatch.setattr(quality, "run_tests", lambda say, *which: runs.append(which) or 0)
    monkeypatch.setattr(quality, "lint", lambda say, at_once: 0)

    quality.run_all_tests(print)
    everything = list(runs)
    CliRunner().invoke(cli.app, ["test"])

    assert not any(set(quality.QUICK) & set(which) for which in everything)
    assert runs[len(everything) :] == [("embedded", "-m", "not slow")]
