"""Each check of the doctor gives one line that says what to do."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from harness import browser, doctor
from harness.processes import Process
from harness.settings import Refusal, Settings, settings_from_environment, whole_number
from harness.state import State, load, locked, save

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("OFFERLOOP_STATE", str(tmp_path))
    for name in ("TARGET", "OFFERLOOP_TARGET", "PORT", "OFFERLOOP_APPLICATION"):
        monkeypatch.delenv(name, raising=False)
    return settings_from_environment()


def test_a_full_disk_fails_and_names_the_room_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12, 499 * 2**20))

    check = doctor.free_disk(tmp_path / "not there yet")

    assert check == doctor.Check("fail", f"only 499 MB free on the disk of {tmp_path}: free 500 MB")


def test_a_missing_tool_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "REPOSITORY", tmp_path)

    assert {check.verdict for check in doctor.tools()} == {"fail"}
    assert all("make setup" in check.line for check in doctor.tools())


def test_links_that_did_not_survive_the_checkout_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Settings
) -> None:
    bundle = tmp_path / "sam/bundle"
    bundle.mkdir(parents=True)
    for name in ("handlers", "offerloop", "requirements.txt"):
        (bundle / name).write_text("../../" + name)  # what git writes without symbolic links
    monkeypatch.setattr(doctor, "REPOSITORY", tmp_path)

    check = doctor.links(Settings(**{**vars(settings), "application": tmp_path}))

    assert check.verdict == "fail"
    assert "git config core.symlinks true" in check.line


def test_what_is_optional_only_warns_and_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)

    checks = [doctor.redis_server(), browser.check()]

    assert [check.verdict for check in checks] == ["warn", "warn"]
    assert ["Debian package redis-server" in checks[0].line, "Debian package chromium" in checks[1].line] == [
        True,
        True,
    ]


def test_a_process_that_has_gone_is_reported(settings: Settings) -> None:
    gone = State("localstack", processes={"emulator": Process(2**22 + 1, 0.0)})

    (check,) = doctor.processes(settings, gone)

    assert check.verdict == "warn"
    assert check.line.endswith("has ended: `make up TARGET=localstack` starts it again")


def test_a_number_used_again_is_not_taken_for_our_process() -> None:
    ours = Process.of_this_program()

    assert ours.alive()
    assert not Process(ours.pid, ours.started - 60).alive()


def test_state_is_read_back_as_it_was_and_broken_state_is_empty(tmp_path: Path) -> None:
    state = State(
        "embedded", 4567, {"emulator": Process(1, 2.0)}, {"data": {"fingerprint": "f", "changed": "t"}}
    )

    save(tmp_path, state)

    assert load(tmp_path, "embedded") == state
    assert (tmp_path / "state.json").stat().st_mode & 0o077 == 0
    (tmp_path / "state.json").write_text("{")
    assert load(tmp_path, "embedded") == State("embedded")


def test_two_commands_cannot_change_a_target_at_once(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(Refusal, match="another command"), locked(tmp_path):
        pass


@pytest.mark.parametrize("text", ["0", "65536", "4566.5", "-1", "http", "٤"])
def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PORT", text)

    with pytest.raises(Refusal, match=r"^PORT="):
        whole_number("PORT")
