"""LocalStack in Docker: which way is chosen, the command lines, and what a broken engine says.

No Docker engine is needed: a script named docker stands on the PATH and answers as the client does.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from harness.localstack import container
from harness.localstack.container import COMPOSE_FILE, Engine, LocalStackContainer, engine_to_use
from harness.processes import stop, unused_port
from harness.settings import Refusal, Settings

WORKS = 'case "$1" in version) echo \'{"Version":"28.2.2"}\';; compose) echo "compose $*";; esac'
FakeDocker = Callable[[str], Path]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings("localstack", tmp_path, tmp_path / "state", None, "", "us-east-1", False)


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """Put a docker on the PATH that runs the given lines of sh."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    for name in ("DOCKER", "LOCALSTACK_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def stand_in(lines: str) -> Path:
        script = folder / "docker"
        script.write_text(f"#!/bin/sh\n{lines}\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return script

    return stand_in


def test_a_working_engine_is_used_with_the_image_that_needs_no_account(docker: FakeDocker) -> None:
    docker(WORKS)

    assert engine_to_use() == Engine(True, "LocalStack in Docker, image localstack/localstack:4.14.0")


def test_an_account_gets_the_current_image(docker: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(WORKS)
    monkeypatch.setenv("LOCALSTACK_AUTH_TOKEN", "ls-made-up")

    assert engine_to_use() == Engine(True, "LocalStack in Docker, image localstack/localstack:latest")


def test_without_an_engine_localstack_runs_as_a_process(docker: FakeDocker) -> None:
    """The client says this where it is installed and no engine is."""
    docker('echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock." >&2; exit 1')

    assert engine_to_use() == Engine(False, "LocalStack 4.14 as a process (no Docker engine runs)")


def test_without_a_client_localstack_runs_as_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("DOCKER", "LOCALSTACK_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    assert engine_to_use() == Engine(False, "LocalStack 4.14 as a process (there is no docker command)")


def test_docker_can_be_declined_and_demanded(docker: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(WORKS)
    monkeypatch.setenv("DOCKER", "0")
    assert engine_to_use() == Engine(False, "LocalStack 4.14 as a process (DOCKER=0)")

    docker('echo "Is the docker daemon running?" >&2; exit 1')
    monkeypatch.setenv("DOCKER", "1")
    with pytest.raises(
        Refusal, match=r"^DOCKER=1, but no Docker engine runs: start Docker, or leave DOCKER out$"
    ):
        engine_to_use()


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (
            'echo "permission denied while trying to connect to the Docker daemon socket" >&2; exit 1',
            "the Docker engine does not work (permission denied while trying to connect to the Docker daemon "
            "socket): mend it, or go without Docker: DOCKER=0",
        ),
        (
            'echo "Error response from daemon: no space left" >&2; exit 1',
            "the Docker engine does not work (Error response from daemon: no space left): "
            "mend it, or go without Docker: DOCKER=0",
        ),
        (
            "exec sleep 30",
            "the Docker engine does not answer within 0.5 s: mend it, or go without Docker: DOCKER=0",
        ),
        (
            'test "$1" = version || exit 1',
            "Docker has no compose: install the Debian package docker-compose-plugin, "
            "or go without Docker: DOCKER=0",
        ),
    ],
)
def test_a_broken_engine_is_one_line_with_the_way_out(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch, lines: str, line: str
) -> None:
    docker(lines)
    monkeypatch.setattr(container, "ENGINE_WITHIN_S", 0.5)

    with pytest.raises(Refusal) as refusal:
        engine_to_use()

    assert str(refusal.value) == line


@pytest.mark.parametrize("token", ["ls-cut off", "ls-abc\n", "„ls-abc“"])
def test_a_token_that_is_none_is_refused_before_anything_is_fetched(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    docker(WORKS)
    monkeypatch.setenv("LOCALSTACK_AUTH_TOKEN", token)

    with pytest.raises(Refusal) as refusal:
        engine_to_use()

    assert str(refusal.value) == (
        "LOCALSTACK_AUTH_TOKEN has characters that no token has: copy it anew, or unset it and run "
        "localstack/localstack:4.14.0, which needs none"
    )


def test_who_has_an_account_and_no_engine_learns_that_the_token_is_not_used(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALSTACK_AUTH_TOKEN", "ls-made-up")
    monkeypatch.setenv("DOCKER", "0")

    line = "LocalStack 4.14 as a process (DOCKER=0; LOCALSTACK_AUTH_TOKEN is for the container)"
    assert engine_to_use() == Engine(False, line)


def test_compose_gets_every_variable_that_its_file_asks_for(settings: Settings, docker: FakeDocker) -> None:
    docker(WORKS)
    asked = set(re.findall(r"\$\{(\w+)", COMPOSE_FILE.read_text()))

    assert asked <= set(LocalStackContainer(settings).environment(4567))


def test_the_container_is_reached_through_loopback_alone_and_reports_to_nobody() -> None:
    (service,) = yaml.safe_load(COMPOSE_FILE.read_text())["services"].values()

    assert service["ports"] == ["127.0.0.1:${OFFERLOOP_PORT:?}:${OFFERLOOP_PORT}"]
    assert service["environment"]["DISABLE_EVENTS"] == "1"


def test_each_state_folder_has_a_compose_project_of_its_own(settings: Settings, docker: FakeDocker) -> None:
    client = docker(WORKS)
    other = Settings(**{**vars(settings), "state_dir": settings.state_dir / "other"})

    command = LocalStackContainer(settings).command(4567)

    assert [*command[:4], *command[6:]] == [
        *(str(client), "compose", "--file", str(COMPOSE_FILE)),
        *("up", "--no-color", "--remove-orphans", "--abort-on-container-exit"),
    ]
    assert command[4] == "--project-name"
    assert re.fullmatch(r"offerloop-[0-9a-f]{8}", command[5])
    assert LocalStackContainer(other).command(4567)[5] != command[5]


def test_a_stop_keeps_the_volume_and_a_reset_removes_it(
    settings: Settings, docker: FakeDocker, tmp_path: Path
) -> None:
    docker(f'echo "$*" >> {tmp_path}/asked')
    localstack = LocalStackContainer(settings)

    localstack.clear_away()
    localstack.forget()

    ends = [line.split(" down ")[1] for line in (tmp_path / "asked").read_text().splitlines()]
    assert ends == ["--timeout 10", "--timeout 10 --volumes"]


@pytest.mark.parametrize(
    ("printed", "line"),
    [
        (
            "localstack-1 | License activation failed! Reason: invalid auth token",
            "LOCALSTACK_AUTH_TOKEN was not accepted: correct it, or unset it and run "
            "localstack/localstack:4.14.0, which needs none",
        ),
        (
            "Error response from daemon: no space left on device",
            "Docker refused (Error response from daemon: no space left on device): mend it, or go without "
            "Docker: DOCKER=0",
        ),
        (
            "Error response from daemon: Bind for 127.0.0.1:4566 failed: port is already allocated",
            "Docker has given its port to another container: stop that one, or give another with PORT=",
        ),
    ],
)
@pytest.mark.enable_socket
def test_a_container_that_does_not_start_says_why(
    settings: Settings, docker: FakeDocker, monkeypatch: pytest.MonkeyPatch, printed: str, line: str
) -> None:
    monkeypatch.setenv("LOCALSTACK_AUTH_TOKEN", "ls-made-up")
    docker(f'case "$*" in *" up "*) echo "{printed}"; exit 1;; esac')
    localstack = LocalStackContainer(settings)
    settings.state_dir.mkdir()
    process = localstack.start(unused_port())
    try:
        with pytest.raises(Refusal) as refusal:
            localstack.wait_until_ready(process, 1)
    finally:
        stop(process)

    assert str(refusal.value) == f"LocalStack ended while starting: {line}"


def test_an_image_that_cannot_be_fetched_is_refused_in_one_line(
    settings: Settings, docker: FakeDocker
) -> None:
    docker('case "$1" in image) exit 1;; pull) echo "no such host" >&2; exit 1;; esac')
    said: list[str] = []

    with pytest.raises(Refusal) as refusal:
        LocalStackContainer(settings).prepare(said.append)

    assert said == ["fetching localstack/localstack:4.14.0 (once, 1 GB)"]
    assert str(refusal.value) == (
        "localstack/localstack:4.14.0 cannot be fetched (no such host): look to the network, or DOCKER=0"
    )
