"""Deployed systems for tests: every one on a free port with its own state, stopped at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.system import RunningSystem
from tests.emulated.differences import expected_failures
from tests.emulated.target import TARGET_NAME, TRIAL, Target


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On LocalStack, what is known to differ has to."""
    if TARGET_NAME != "localstack":
        return
    reasons = expected_failures()
    for item in items:
        name = f"{item.path.name}::{getattr(item, 'originalname', item.name)}"
        if name in reasons:
            item.add_marker(pytest.mark.xfail(strict=True, reason=reasons[name]))


@pytest.fixture(scope="session", autouse=True)
def _guarded(guarded: None) -> None:
    """Whatever a test here starts ends with the test process."""


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """This repository's application, started once for all tests of a test process."""
    with Target(tmp_path_factory.mktemp("system")) as target:
        yield target


@pytest.fixture(scope="session")
def system(target: Target) -> RunningSystem:
    """The application, deployed and seeded; tests share it, so each makes offers and users of its own."""
    return target.up()


@pytest.fixture
def pristine_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """The application as it is straight after seeding, for one test alone."""
    with Target(tmp_path_factory.mktemp("pristine")) as target:
        yield target.up()


@pytest.fixture(scope="session")
def trial_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The trial application's place; the canary must never reach a function."""
    canary = {"SHELL_CANARY": "of the developer"}
    with Target(tmp_path_factory.mktemp("trial"), TRIAL, variables=canary) as target:
        yield target


@pytest.fixture(scope="session")
def trial(trial_target: Target) -> RunningSystem:
    """The trial application, deployed; for tests of the target itself."""
    return trial_target.up()


@pytest.fixture
def own_trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A place for the trial application that one test may start, stop and break."""
    with Target(tmp_path_factory.mktemp("own"), TRIAL) as target:
        yield target
