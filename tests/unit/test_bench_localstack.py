"""The bench's row on LocalStack: what it measures, and that it stops what it started."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.bench import localstack
from harness.bench.figures import Figure, Verdict
from harness.bench.own_system import SystemFailed
from harness.bench.row import Bench


class System:
    """Stands in for a system of the bench's own: comes up in so many seconds, or not at all."""

    up_s: float | None = 29.0
    running_now = 0

    def __init__(self, state: Path, target: str) -> None:
        assert target == "localstack"
        self.state = state

    def up(self) -> float:
        if System.up_s is None:
            raise SystemFailed("node is missing")
        System.running_now += 1
        return System.up_s

    def running(self) -> str:
        return "the system"

    def down(self) -> None:
        System.running_now = 0


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(System, "up_s", 29.0)
    monkeypatch.setattr(System, "running_now", 0)
    monkeypatch.setattr(localstack, "OwnSystem", System)
    ratio = Figure("localstack.ratio", "recommend against hello", "×", (1.4,))
    monkeypatch.setattr(localstack, "against_hello", lambda system, rounds, row: [ratio])
    return Bench(tmp_path, quick=False, say=print)


@pytest.mark.parametrize(("up_s", "verdict"), [(29.0, Verdict.HELD), (31.0, Verdict.MISSED)])
def test_a_start_holds_thirty_seconds_or_misses_them(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, up_s: float, verdict: Verdict
) -> None:
    monkeypatch.setattr(System, "up_s", up_s)

    figures = {figure.name: figure for figure in localstack.measure(bench)}

    assert list(figures) == ["localstack.ratio", "localstack.up_s"]
    assert figures["localstack.up_s"].samples == (up_s,) * 3
    assert (figures["localstack.up_s"].verdict, System.running_now) == (verdict, 0)


def test_where_localstack_cannot_run_the_row_says_why(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(System, "up_s", None)

    with pytest.raises(SystemFailed, match="node is missing"):
        list(localstack.measure(bench))
