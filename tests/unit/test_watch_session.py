"""What `make watch` does with what is saved: on an emulator that only remembers what it was told."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness import lifecycle, state
from harness.processes import Process
from harness.settings import Settings
from harness.state import State
from harness.system import NotRunning
from harness.watch import functions
from harness.watch.functions import put_back
from harness.watch.session import Session
from harness.watch.sources import Files

TEMPLATE = "Resources: {Answer: {Type: AWS::Serverless::Function, Properties: {CodeUri: code/}}}\n"
DEPLOYED = {"app.py": b"ANSWER = 1\n", "requirements.txt": b"orjson\n"}
DEPENDENCY = {"orjson.py": b"\n"}


@dataclass
class FakeEmulator:
    """Stacks, objects and functions of one emulator.

    Attributes:
        code: the zip that the function has.
        updates: how often it was given one.
        refuses: the next update fails.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    code: bytes = b""
    updates: int = 0
    refuses: bool = False

    def client(self, service: str) -> Any:
        return self

    def get_template(self, **_: Any) -> Any:
        code = {"S3Bucket": "artifacts", "S3Key": "deployed"}
        properties = {"Code": code, "Handler": "app.answer"}
        return {
            "TemplateBody": {
                "Resources": {"Answer": {"Type": "AWS::Lambda::Function", "Properties": properties}}
            }
        }

    def get_paginator(self, operation: str) -> Any:
        found = {
            "LogicalResourceId": "Answer",
            "PhysicalResourceId": "answer",
            "ResourceType": "AWS::Lambda::Function",
        }
        return SimpleNamespace(paginate=lambda **_: [{"StackResourceSummaries": [found]}])

    def get_object(self, Key: str, **_: Any) -> Any:
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_object(self, Key: str, Body: bytes, **_: Any) -> None:
        self.objects[Key] = Body

    def update_function_code(self, S3Key: str, **_: Any) -> None:
        if self.refuses:
            self.refuses = False
            raise ClientError({"Error": {"Code": "Busy", "Message": "not now"}}, "UpdateFunctionCode")
        self.code = self.objects[S3Key]
        self.updates += 1

    def get_function_configuration(self, **_: Any) -> Any:
        return {"CodeSha256": functions.code_sha256(self.code), "LastUpdateStatus": "Successful"}

    def deploy(self, files: Files) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as entries:
            for name, content in {**files, **DEPENDENCY}.items():
                entries.writestr(name, content)
        self.objects["deployed"] = self.code = packed.getvalue()

    def runs(self) -> dict[str, bytes]:
        """Give the files of the package that the function runs, less dependencies."""
        with zipfile.ZipFile(io.BytesIO(self.code)) as entries:
            return {name: entries.read(name) for name in entries.namelist() if name not in DEPENDENCY}


@dataclass
class Place:
    """A checkout, an emulator that has it deployed, and what was said."""

    settings: Settings
    emulator: FakeEmulator
    said: list[str] = field(default_factory=list)

    def save(self, **files: str) -> None:
        for name, content in files.items():
            (self.settings.application / "code" / f"{name}.py").write_text(content)

    def session(self) -> Session:
        return Session(self.settings, self.said.append)

    def change_state(self, change: Callable[[State], object]) -> None:
        with state.changed(self.settings.state_dir, "embedded") as known:
            change(known)

    def watched(self) -> bool:
        return state.load(self.settings.state_dir, "embedded").watched

    def new(self) -> list[str]:
        """Give what was said since the last question."""
        said = [re.sub(r"in \d+\.\d s", "in - s", line) for line in self.said]
        self.said.clear()
        return said


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    application = tmp_path / "application"
    for name, content in DEPLOYED.items():
        (application / "code").mkdir(parents=True, exist_ok=True)
        (application / "code" / name).write_bytes(content)
    (application / "sam").mkdir()
    for template in ("template.yaml", "sam/data.yaml", "sam/observability.yaml"):
        (application / template).write_text(TEMPLATE)
    place = Place(
        Settings("embedded", application, tmp_path / "state/embedded", None, "", "us-east-1", False),
        FakeEmulator(),
    )
    place.emulator.deploy(DEPLOYED)
    known = State("embedded", processes={"emulator": Process.of_this_program()}, system={})
    state.save(place.settings.state_dir, known)
    monkeypatch.setattr(lifecycle, "running", lambda _: place.emulator)
    monkeypatch.setattr(functions, "packages_folder", lambda _: tmp_path / "packages")
    return place


def test_what_is_deployed_is_left_alone(place: Place) -> None:
    place.session().look()

    assert (place.said, place.emulator.updates, place.watched()) == ([], 0, False)


def test_an_edit_runs_and_is_remembered_as_no_deployment(place: Place) -> None:
    session = place.session()
    place.save(app="ANSWER = 2\n", more="")
    session.look()

    assert place.emulator.runs() == {**DEPLOYED, "app.py": b"ANSWER = 2\n", "more.py": b""}
    assert place.new() == ["live in - s: app.py, more.py → answer"]
    assert place.watched()
    assert session.is_live()


def test_a_revert_brings_the_deployed_zip_itself(place: Place) -> None:
    session = place.session()
    for answer in (2, 1):
        place.save(app=f"ANSWER = {answer}\n")
        session.look()

    assert place.emulator.code == place.emulator.objects["deployed"]
    assert not session.is_live()


def test_a_fault_is_said_once_and_mended_by_any_way(place: Place) -> None:
    session = place.session()
    place.save(app="ANSWER = = 2\n")
    session.look()
    session.look()
    place.save(app="ANSWER = 1\n")
    session.look()

    assert place.said == [
        "app.py:1: invalid syntax; the last good code stays live",
        "saved as it is live already",
    ]
    assert place.emulator.updates == 0


def test_an_edit_that_the_emulator_refuses_is_tried_again_when_saved_again(place: Place) -> None:
    session = place.session()
    place.emulator.refuses = True
    place.save(app="ANSWER = 2\n")
    session.look()
    session.look()
    assert len(place.new()) == 1  # it is not tried for ever

    place.save(app="ANSWER = 3\n")
    session.look()
    assert place.emulator.runs()["app.py"] == b"ANSWER = 3\n"


def test_a_revert_after_a_refusal_is_given_to_all_functions_again(place: Place) -> None:
    """Some may have taken the refused edit."""
    session = place.session()
    place.emulator.refuses = True
    place.save(app="ANSWER = 2\n")
    session.look()
    place.save(app="ANSWER = 1\n")
    session.look()

    assert (place.emulator.updates, place.emulator.code) == (1, place.emulator.objects["deployed"])


def test_new_requirements_hold_back_every_edit_until_they_are_deployed(place: Place) -> None:
    session = place.session()
    requirements = place.settings.application / "code/requirements.txt"
    requirements.write_text("orjson\nredis\n")
    place.save(app="ANSWER = 2\n")
    session.look()
    assert place.new() == [
        "requirements.txt changed: `make deploy` installs what it names; until then the last code stays live"
    ]
    assert place.emulator.updates == 0

    place.emulator.deploy({"app.py": b"ANSWER = 2\n", "requirements.txt": requirements.read_bytes()})
    place.change_state(
        lambda known: known.deployed.update(application={"fingerprint": "new", "changed": "now"})
    )
    session.look_at_system()

    assert place.new() == ["deployed by another command: going on from there"]
    place.save(app="ANSWER = 3\n")
    session.look()
    assert place.emulator.runs()["app.py"] == b"ANSWER = 3\n"


def test_a_template_is_left_to_a_deployment_but_code_is_not(place: Place) -> None:
    session = place.session()
    (place.settings.application / "sam/data.yaml").write_text(TEMPLATE + "# more\n")
    place.save(app="ANSWER = 2\n")
    session.look()
    session.look_at_system()

    assert place.new() == [
        "sam/data.yaml changed: `make deploy` brings it live",
        "live in - s: app.py → answer",
    ]


def test_what_an_earlier_watch_left_is_replaced_at_once(place: Place) -> None:
    place.emulator.code = b"something else"
    place.change_state(lambda known: setattr(known, "watched", True))

    place.session().look()

    assert place.emulator.code == place.emulator.objects["deployed"]


def test_a_deployment_puts_back_what_the_stack_names_and_nothing_else(place: Place) -> None:
    assert put_back(place.settings, place.emulator.client) == []

    place.emulator.code = b"something else"

    assert put_back(place.settings, place.emulator.client) == ["answer"]
    assert place.emulator.code == place.emulator.objects["deployed"]


def test_a_system_that_was_stopped_is_told(place: Place) -> None:
    session = place.session()
    place.change_state(lambda known: setattr(known, "system", None))

    with pytest.raises(NotRunning, match="the system was stopped"):
        session.look_at_system()


def test_a_branch_without_the_code_is_no_empty_function(place: Place) -> None:
    session = place.session()
    shutil.rmtree(place.settings.application / "code")
    session.look()

    assert place.emulator.updates == 0
