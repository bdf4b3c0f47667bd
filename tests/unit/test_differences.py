"""An expected difference between the emulators rests on a row of the probe and is about existing tests."""

from __future__ import annotations

import ast
import json

import pytest

from harness.probe.checks import CHECKS
from harness.probe.finding import Verdict
from harness.probe.results import KNOWN, from_json
from harness.system import REPOSITORY
from tests.emulated.differences import LOCALSTACK_DIFFERS, Difference, expected_failures

EMULATED = REPOSITORY / "tests/emulated"


@pytest.mark.parametrize("difference", LOCALSTACK_DIFFERS, ids=lambda each: each.row)
def test_the_probe_saw_it_on_localstack_and_not_on_the_embedded_target(difference: Difference) -> None:
    known = json.loads(KNOWN.read_text())

    assert difference.row in {check.name for check in CHECKS}
    assert from_json(known["localstack"])[difference.row].verdict is not Verdict.KEPT
    assert from_json(known["embedded"])[difference.row].verdict is Verdict.KEPT


def test_the_tests_that_differ_exist_and_are_named_once() -> None:
    named = [test for each in LOCALSTACK_DIFFERS for test in each.tests]
    written = {
        f"{file.name}::{node.name}"
        for file in EMULATED.glob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef)
    }

    assert len(named) == len(set(named)) == len(expected_failures())
    assert set(named) - written == set()
