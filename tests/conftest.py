"""Rules for every test: only emulated and browser tests open sockets, and only to this machine."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guard import watch_this_process

TESTS = Path(__file__).parent
LOOPBACK = ["127.0.0.1", "::1", "localhost"]


def pytest_configure() -> None:
    """Take Ctrl-C as from a terminal: a shell starts what it puts in the background with Ctrl-C ignored, and
    everything started from there would ignore it as well."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder, and let those that need it talk to this machine."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""
        if folder in ("emulated", "browser"):
            item.add_marker(getattr(pytest.mark, folder))
        if item.get_closest_marker("emulated") or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.allow_hosts(LOOPBACK))


@pytest.fixture(autouse=True)
def _keep_the_main_module() -> Iterator[None]:
    """Streamlit's page tests leave their script as this process's main module, which processes that a later
    test starts would then run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Systems that this test process starts end with it, also when it is killed."""
    watch_this_process(tmp_path_factory.getbasetemp())
