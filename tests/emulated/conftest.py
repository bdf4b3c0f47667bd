"""Deployed systems for tests: every one on a free port with its own state, stopped at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.system import RunningSystem
from tests.emulated.differences import expected_failures
from tests.emulated.target import TARGET_NAME, TRIAL, Target

TRIAL_AT_WORK = pytest.StashKey[Target]()
LONGEST = "test_twin_deployed.py"  # a third of a run on LocalStack: at the end one process would wait for it
FILES_ON_TRIAL = pytest.StashKey[set[Path]]()  # those of which a test uses the trial application


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files on the trial application come first; and on LocalStack the longest test, which nothing can share,
    and what is known to differ has to."""
    on_trial = {item.path for item in items if "trial_target" in getattr(item, "fixturenames", ())}
    config.stash[FILES_ON_TRIAL] = on_trial
    items.sort(key=lambda item: item.path not in on_trial)
    if TARGET_NAME != "localstack":
        return
    items.sort(key=lambda item: item.path.name != LONGEST)
    reasons = expected_failures()
    for item in items:
        name = f"{item.path.name}::{getattr(item, 'originalname', item.name)}"
        if name in reasons:
            item.add_marker(pytest.mark.xfail(strict=True, reason=reasons[name]))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop the trial application after the last file on it: an idle LocalStack takes a tenth of a core."""
    goes_on = nextitem is not None and nextitem.path in item.config.stash[FILES_ON_TRIAL]
    if TRIAL_AT_WORK in item.session.stash and not goes_on:
        item.session.stash[TRIAL_AT_WORK].down()
        del item.session.stash[TRIAL_AT_WORK]


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
def trial_target(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Target]:
    """The trial application's place; the canary must never reach a function."""
    canary = {"SHELL_CANARY": "of the developer"}
    with Target(tmp_path_factory.mktemp("trial"), TRIAL, variables=canary) as target:
        request.session.stash[TRIAL_AT_WORK] = target
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
