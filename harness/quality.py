"""The checks behind `make lint` and `make test`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from harness.lifecycle import Say
from harness.sam import sam_environment
from harness.settings import Refusal, Settings
from harness.stacks import STACKS
from harness.system import REPOSITORY, TargetName, state_dir, without_aws_account
from harness.targets import emulator_to_start

# What holds a deployed system to its rules, whichever emulator it runs on.
EMULATED_TESTS = ("tests/emulated", "tests/twin/test_twin_deployed.py")
BIN = REPOSITORY / ".venv/bin"
TESTS_FAILED = 1  # pytest's exit code; others mean that it could not do its work
CACHE = REPOSITORY / ".pytest_cache/whole"  # of a whole run: what failed in earlier ones is not in it
AGAIN_AT_MOST = 3
QUICK = ("-m", "not slow")  # what `make test` leaves to `make test-all`: docs/testing.md


def linters() -> dict[str, list[str]]:
    """Give every check by its name."""
    templates = [stack.template for stack in STACKS]
    validate = [str(REPOSITORY / ".sam/bin/sam"), "validate", "--lint", "--region", "us-east-1", "--template"]
    return {
        "ruff": [str(BIN / "ruff"), "check", "--quiet", "."],
        "ruff format": [str(BIN / "ruff"), "format", "--check", "--quiet", "."],
        "mypy": [str(BIN / "mypy")],
        "import-linter": [str(BIN / "lint-imports")],
        "cfn-lint": [str(BIN / "cfn-lint"), *templates],
        **{f"sam validate {template}": [*validate, template] for template in templates},
    }


def lint(say: Say, at_once: int = 2) -> int:
    """Run every check, *at_once* of them at a time, and print what each finds.

    Returns:
        0, or 1 when one found something.
    """
    checks = linters()
    with ThreadPoolExecutor(at_once) as threads:
        return max(threads.map(lambda name: run_check(name, checks[name], say), checks))


def lint_beside(tests: Callable[[], int], say: Say) -> int:
    """Run every check while *tests* run, which wait for emulators often enough.

    What a check has found is said at once, so that nobody need wait for the tests; else all comes last.

    Returns:
        0, or the exit code of what failed: the checks before the tests.
    """
    said: list[str] = []

    def look() -> int:
        found = lint(said.append, at_once=1)
        if found:
            for line in ("", *said):  # on lines of their own among pytest's dots
                say(line)
        return found

    with ThreadPoolExecutor(1) as beside:
        looking = beside.submit(look)
        failed = tests()
        found = looking.result()
    if not found:
        for line in said:
            say(line)
    return found or failed


def run_check(name: str, command: list[str], say: Say) -> int:
    """Run one check.

    Returns:
        0 or 1.
    """
    began = time.monotonic()
    ended = subprocess.run(
        command, cwd=REPOSITORY, env=sam_environment(), capture_output=True, text=True, check=False
    )
    verdict = "ok" if ended.returncode == 0 else "FAILED"
    say(f"{verdict:<7}{name} ({time.monotonic() - began:.1f} s)")
    if ended.returncode:
        say((ended.stdout + ended.stderr).strip())
    return int(ended.returncode != 0)


def run_tests(say: Say, target: TargetName = "embedded", *only: str) -> int:
    """Run the test suite on a few processes, at most four.

    Args:
        target: what the emulated tests run on.
        only: files or folders of tests, or other arguments of pytest; every test when none is given.
    Returns:
        pytest's exit code.
    """
    workers = min(4, processes_for(target))
    say(f"pytest on {workers} processes, emulated tests on {target}")
    # In the order of tests/emulated/conftest.py: xdist's own begins with the files of the most tests.
    order = ["--dist", "loadfile", "--no-loadscope-reorder"]
    shutil.rmtree(CACHE, ignore_errors=True)
    cache = ["--override-ini", f"cache_dir={CACHE}"]
    command = [str(BIN / "pytest"), "-n", str(workers), *order, *cache, *only]
    # The tests start systems of their own: what this shell says about another must not reach them.
    ours = ("TARGET", "PORT", "RESET", "HEADLESS", "MINUTES", "PREFIX", "OFFERLOOP_STATE", "OFFERLOOP_TARGET")
    environment = {name: value for name, value in without_aws_account(os.environ).items() if name not in ours}
    environment["OFFERLOOP_TEST_TARGET"] = target
    ended = subprocess.run(command, cwd=REPOSITORY, env=environment, check=False).returncode
    return again_alone(environment, say) if ended == TESTS_FAILED else ended


def processes_for(target: TargetName) -> int:
    """Give how many test processes keep this machine's cores busy.

    Tests on the embedded emulator wait for it often. A LocalStack, of which each process has one, never stops
    working: one more of them would make all slower.
    """
    return (os.cpu_count() or 1) + (target == "embedded")


def again_alone(environment: Mapping[str, str], say: Say) -> int:
    """Run the few tests that failed once more, with nothing beside them, and name those that pass then.

    Tests start systems and processes of their own; on a crowded machine one may miss a deadline. What fails
    alone as well has failed, and so have more than a few at once.

    Returns:
        pytest's exit code.
    """
    listed = CACHE / "v/cache/lastfailed"
    failed = list(json.loads(listed.read_text())) if listed.exists() else []
    if not 0 < len(failed) <= AGAIN_AT_MOST:
        return TESTS_FAILED
    say(f"once more, alone: {', '.join(failed)}")
    command = [str(BIN / "pytest"), "--numprocesses", "0", *failed]
    ended = subprocess.run(command, cwd=REPOSITORY, env=environment, check=False).returncode
    if ended == 0:
        say(f"UNSTEADY: failed beside others, passed alone: {', '.join(failed)}")
    return ended


def run_all_tests(say: Say) -> int:
    """Lint beside the test suite, then run the emulated tests once more on LocalStack.

    Returns:
        The exit code of the first that failed.

    Raises:
        Refusal: LocalStack cannot run here; says what to install, before the first test.
    """
    refuse_without_localstack(say)
    return lint_beside(lambda: run_tests(say), say) or run_tests(say, "localstack", *EMULATED_TESTS)


def refuse_without_localstack(say: Say) -> None:
    """Look for what LocalStack needs: Docker, or else an interpreter and node.

    Raises:
        Refusal: something is missing.
    """
    settings = Settings("localstack", REPOSITORY, state_dir("localstack"), None, "", "us-east-1", False)
    for check in emulator_to_start(settings, say).checks():
        if check.verdict == "fail":
            raise Refusal(check.line)
