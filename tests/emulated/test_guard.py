"""A test run that is interrupted, ended or killed leaves no emulator behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from harness import state
from harness.system import REPOSITORY
from tests.emulated.storefront import wait_for
from tests.emulated.target import TARGET_NAME
from tests.processes import processes_about

# Any test that needs a system; it is never let come to its end.
A_TEST = "tests/emulated/test_target_api.py::test_the_generated_api_key_is_plain_letters_and_digits"
STARTS_WITHIN_S = 60
ENDS_WITHIN_S = 90  # the `up` that was under way ends first


@pytest.fixture
def tests_at_work(tmp_path: Path) -> psutil.Popen:
    """A pytest with one worker, whose system is being deployed; all its files are in *tmp_path*/all."""
    # The variables of this pytest are not for that one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = psutil.Popen(
        [
            *(sys.executable, "-m", "pytest", "-n", "1", "-p", "no:cacheprovider"),
            *("--basetemp", f"{tmp_path}/all", A_TEST),
        ],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for("an emulator", lambda: emulator_runs(tmp_path / "all"), STARTS_WITHIN_S)
    return run


def emulator_runs(folder: Path) -> bool:
    files = folder.rglob(f"{TARGET_NAME}/state.json")
    return any(state.load(file.parent, TARGET_NAME).running("emulator") for file in files)


def test_a_killed_worker_takes_its_system_with_it(tests_at_work: psutil.Popen, tmp_path: Path) -> None:
    [worker] = tests_at_work.children()
    assert len(list(processes_about(tmp_path))) > 3

    worker.kill()

    wait_for("the end of all of it", lambda: not list(processes_about(tmp_path)), ENDS_WITHIN_S)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_tests_that_are_stopped_take_their_systems_with_them(
    tests_at_work: psutil.Popen, tmp_path: Path, number: signal.Signals
) -> None:
    """To the whole group, as a terminal sends them."""
    os.killpg(tests_at_work.pid, number)

    wait_for("the end of all of it", lambda: not list(processes_about(tmp_path)), ENDS_WITHIN_S)
