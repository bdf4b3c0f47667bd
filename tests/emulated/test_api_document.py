"""The OpenAPI document against the deployed API, and against the template that deploys it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.system import REPOSITORY, RunningSystem

DOCUMENT = REPOSITORY / "docs" / "api" / "openapi.yaml"

pytestmark = pytest.mark.emulated


def test_no_generated_request_breaks_the_deployed_api(pristine_system: RunningSystem, tmp_path: Path) -> None:
    """On a system of its own, because the requests change the sample offers too.

    Schemathesis reads the document and sends what it allows and what it forbids; each answer must be
    one that the document names, in the form that it names, and never a 5xx.

    positive_data_acceptance is left out: a document cannot say that weights sum to 10,000, that an
    offer exists, or that stock is left.

    The CRM's routes are left out: they answer 503 where no CRM is named, and where its minute is used up.
    """
    run = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            *("run", str(DOCUMENT), "--url", pristine_system.api_url),
            *("--header", f"X-API-Key: {pristine_system.api_key}"),
            *("--request-timeout", "30"),  # its own 10 s are too few for a first call on a crowded machine
            *("--max-examples", "8", "--generation-deterministic", "--no-color"),
            *("--exclude-checks", "positive_data_acceptance"),
            *("--exclude-path-regex", "^/crm/"),
            *("--phases", "examples,coverage,fuzzing"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-6_000:] + run.stderr[-2_000:]
