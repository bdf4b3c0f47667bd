"""Load tests of their own: generator processes against a small shop on this machine."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.load import load_on
from harness.system import RunningSystem
from tests.fake_shop_api import FakeShopApi, served
from tests.load_plans import SETTINGS

API_KEY = "a-key-that-nobody-may-see"
OFFERS = [("OFF001", "electronics", 10**6), ("OFF002", "fashion", 10**6), ("OFF003", "groceries", 10**6)]
LOOPBACK = ["127.0.0.1"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.allow_hosts(LOOPBACK))


@dataclass(frozen=True)
class Ended:
    """A load test that has ended: its exit code, its folder and what it printed."""

    code: int
    folder: Path
    output: str

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.folder / "run.json").read_text())
        return facts

    def requests(self, name: str) -> dict[str, float]:
        """The line of requests.csv on one kind of request, or on ``all``."""
        with (self.folder / "requests.csv").open(newline="") as file:
            [row] = [row for row in csv.DictReader(file) if row.pop("request") == name]
        return {column: float(value) for column, value in row.items() if value}

    @property
    def latency_ms(self) -> dict[str, float]:
        latencies: dict[str, float] = self.facts["latency_ms"]
        return latencies


LoadTest = Callable[..., Ended]


@pytest.fixture
def load_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoadTest:
    """Runs `make load` with settings on a shop; no warm-up, no thinking, no manager unless it says so."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RESULTS", str(tmp_path / "runs"))

    def run(api: FakeShopApi, **settings: str) -> Ended:
        for name, value in {"WARM_UP": "0", "THINK": "0", "MANAGER": "0", **settings}.items():
            monkeypatch.setenv(name, value)
        lines: list[str] = []
        printed = io.StringIO()
        with served(api) as address:
            code = load_on(system_at(address, tmp_path), lines.append, Console(file=printed, width=140))
        [folder] = Path(os.environ["RESULTS"]).iterdir()
        return Ended(code, folder, "\n".join([*lines, printed.getvalue()]))

    return run


def system_at(address: str, folder: Path) -> RunningSystem:
    """A running system whose API is at an address."""
    return RunningSystem(
        target="embedded",
        endpoint_url=address,
        region="us-east-1",
        prefix="",
        api_url=address,
        api_key=API_KEY,
        dashboard_url=None,
        outputs={},
        state_dir=folder / "state" / "embedded",
    )


def objectives(folder: Path, text: str) -> str:
    """A file of objectives; gives its path."""
    path = folder / "objectives.yaml"
    path.write_text(text)
    return os.fspath(path)
