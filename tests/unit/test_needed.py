"""What a test needs and has not: a failure in continuous integration, a skip elsewhere, one line in both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.quality import EMULATED_TESTS, refuse_without_localstack, run_all_tests
from harness.settings import Refusal
from harness.system import REPOSITORY
from tests import needed


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither PATH nor pyenv has anything."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.delenv("DOCKER", raising=False)


@pytest.mark.parametrize(
    ("look", "line"),
    [
        (needed.redis_server, "redis-server is missing: install the Debian package redis-server"),
        (needed.chromium, "Chromium is missing: install the Debian package chromium"),
        (lambda: needed.programs(ip="iproute2"), "ip is missing: install the Debian package iproute2"),
        (
            lambda: needed.other_python("3.10"),
            "Python 3.10 is missing: install the Debian package python3.10, or `pyenv install 3.10`",
        ),
    ],
)
@pytest.mark.parametrize("ci", ["true", ""])
def test_what_is_missing_fails_in_continuous_integration_alone(
    empty_path: None, monkeypatch: pytest.MonkeyPatch, look: Callable[[], object], line: str, ci: str
) -> None:
    monkeypatch.setenv("CI", ci)

    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception)) as outcome:
        look()

    assert (type(outcome.value) is pytest.fail.Exception, str(outcome.value)) == (ci == "true", line)


def test_without_node_no_test_begins_and_one_line_says_so(
    empty_path: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[object] = []
    monkeypatch.setattr("harness.quality.run_tests", lambda *which: began.append(which))

    with pytest.raises(
        Refusal, match=r"^node is missing, which LocalStack's Kinesis runs on without Docker: "
    ):
        run_all_tests(lambda _line: None)

    assert began == []


def test_without_an_interpreter_for_localstack_one_line_says_so(
    empty_path: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho v22.0.0\n")
    node.chmod(0o755)
    monkeypatch.setattr("harness.localstack.environment.FOLDER", tmp_path / "none")

    with pytest.raises(Refusal, match=r"needs Python 3\.12 or 3\.13, and none is on the PATH"):
        refuse_without_localstack(lambda _line: None)


def test_both_emulators_are_held_to_the_same_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[tuple[object, ...]] = []
    monkeypatch.setattr("harness.quality.refuse_without_localstack", lambda say: None)
    monkeypatch.setattr("harness.quality.run_tests", lambda say, *which: runs.append(which) or 0)
    monkeypatch.setattr("harness.quality.lint", lambda say, at_once: 0)

    assert run_all_tests(lambda _line: None) == 0
    assert runs == [(), ("localstack", *EMULATED_TESTS)]
    assert all((REPOSITORY / each).exists() for each in EMULATED_TESTS)


def test_continuous_integration_lets_nothing_be_missing() -> None:
    script = (REPOSITORY / ".ci/run").read_text()

    assert "export CI=true" in script
    assert script.strip().endswith("make test-all")
