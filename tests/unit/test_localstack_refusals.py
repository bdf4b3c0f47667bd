"""`make up TARGET=localstack` where it cannot work: one line with the way out, and nothing half started.

The whole command runs, in a process of its own; scripts named docker and node stand on its PATH.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from harness.processes import unused_port
from harness.system import REPOSITORY, without_aws_account
from tests.processes import processes_about

pytestmark = pytest.mark.enable_socket

DOCKER_WITHOUT_LOCALSTACK = """
    test "$1" = compose || exit 0
    case "$*" in
        *" up "*) echo "{said}"; exit 55;;
        *" down "*) echo down >> "$0.asked";;
    esac
"""
Up = Callable[..., str]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """The folder that is the whole PATH of the command."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "sh").symlink_to("/bin/sh")
    return folder


def program(path: Path, lines: str) -> None:
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)


@pytest.fixture
def refused(tmp_path: Path, programs: Path) -> Up:
    """Run `up`, which has to fail and to leave nothing running; gives its line."""

    def up(**variables: str) -> str:
        inherited = without_aws_account(os.environ)
        ours = {
            **{"OFFERLOOP_STATE": str(tmp_path / "state"), "TARGET": "localstack", "COLUMNS": "400"},
            **{"PORT": str(unused_port()), "PATH": str(programs), "PYENV_ROOT": str(tmp_path)},
        }
        ended = subprocess.run(
            [sys.executable, "-m", "harness", "up"],
            env={name: inherited[name] for name in ("HOME", "LANG") if name in inherited} | ours | variables,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (ended.returncode, ended.stderr.count("\n")) == (1, 1), ended.stdout + ended.stderr
        assert processes_known(tmp_path / "state") == {}
        assert list(processes_about(tmp_path)) == []
        return ended.stderr.strip()

    return up


def processes_known(state: Path) -> object:
    """What state.json says is running."""
    file = state / "localstack/state.json"
    return json.loads(file.read_text())["processes"] if file.exists() else {}


@contextlib.contextmanager
def a_strangers_localstack() -> Iterator[int]:
    """Answer as LocalStack's health page does; gives the port."""

    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/_localstack/health"
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(b'{"services": {"s3": "running"}, "edition": "pro"}' if known else b"")

        def log_message(self, format: str, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def test_a_broken_engine_starts_nothing(refused: Up, programs: Path) -> None:
    program(programs / "docker", 'echo "Error response from daemon: no space left" >&2; exit 1')

    assert refused() == (
        "the Docker engine does not work (Error response from daemon: no space left): "
        "mend it, or go without Docker: DOCKER=0"
    )


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            "License activation failed! Reason: The credentials defined in your environment are invalid.",
            "LOCALSTACK_AUTH_TOKEN was not accepted: correct it, or unset it and run "
            "localstack/localstack:4.14.0, which needs none",
        ),
        (
            "Error response from daemon: failed to create task",
            "Docker refused (Error response from daemon: failed to create task): mend it, "
            "or go without Docker: DOCKER=0",
        ),
    ],
)
def test_a_container_that_does_not_start_is_taken_down(
    refused: Up, programs: Path, said: str, line: str
) -> None:
    program(programs / "docker", DOCKER_WITHOUT_LOCALSTACK.replace("{said}", said))

    assert refused(LOCALSTACK_AUTH_TOKEN="ls-made-up") == f"LocalStack ended while starting: {line}"
    # Before the start, and after it.
    assert (programs / "docker.asked").read_text().splitlines() == ["down", "down"]


def test_a_strangers_localstack_is_named_and_left_alone(refused: Up) -> None:
    with a_strangers_localstack() as port:
        line = refused(PORT=str(port))

    assert line == (
        f"port {port} is taken by another LocalStack, {psutil.Process().name()} (process {os.getpid()}): "
        "stop it, or give another with PORT="
    )


def test_no_node_starts_nothing(refused: Up) -> None:
    assert refused() == (
        "node is missing, which LocalStack's Kinesis runs on without Docker: "
        "install the Debian package nodejs (18 or newer), or start a Docker engine"
    )


def test_an_old_node_starts_nothing(refused: Up, programs: Path) -> None:
    program(programs / "node", "echo v16.20.0")

    assert refused() == (
        f"{programs / 'node'} (v16.20.0) is too old for LocalStack's Kinesis: "
        "install the Debian package nodejs (18 or newer), or start a Docker engine"
    )
