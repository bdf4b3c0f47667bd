"""The demonstration without a screen, as the README has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulated.target import Target


@pytest.mark.slow
def test_a_minute_of_shoppers_leaves_a_clean_system_and_nothing_running(tmp_path: Path) -> None:
    with Target(tmp_path) as target:
        ended = target.run("demo", HEADLESS="1", MINUTES="1")

        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "laws hold" in ended.stdout
        for wanted in ("RECOMMEND", "ORDER_STATUS", "placed", "COMPLETED"):
            assert wanted in ended.stdout
        assert "breach" not in ended.stdout
        assert target.run("status").returncode == 1
