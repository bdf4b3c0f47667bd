"""LocalStack in its container, where a Docker engine runs: compose brings it up in the foreground."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.check import Check
from harness.emulator import Emulator, Say
from harness.settings import Refusal, Settings, is_set
from harness.system import without_aws_account

COMPOSE_FILE = Path(__file__).with_name("compose.yaml")
FREE_IMAGE = "localstack/localstack:4.14.0"  # the last that needs no account
CURRENT_IMAGE = "localstack/localstack:latest"
TOKEN = "LOCALSTACK_AUTH_TOKEN"
OR_UNSET_IT = f"or unset it and run {FREE_IMAGE}, which needs none"
ENGINE_WITHIN_S = 15
PULL_WITHIN_S = 1800
STOP_WITHIN_S = 60
# What the docker client says when no engine is there at all, rather than one that does not work.
NO_ENGINE = (
    "cannot connect to the docker daemon",
    "is the docker daemon running",
    "no such file or directory",
)


@dataclass(frozen=True)
class Engine:
    """Whether LocalStack runs in Docker here.

    Attributes:
        usable: an engine answers, and compose is there.
        line: what was found, for the user.
    """

    usable: bool
    line: str


def engine_to_use() -> Engine:
    """Look for a Docker engine. DOCKER=0 does without one; DOCKER=1 insists on it.

    Raises:
        Refusal: an engine is there and does not work, or none is and DOCKER=1 wants it.
    """
    wanted = os.environ.get("DOCKER", "")
    if wanted and not is_set("DOCKER"):
        return Engine(False, process_because("DOCKER=0"))
    docker = shutil.which("docker")
    missing = "there is no docker command" if docker is None else why_no_engine(docker)
    if missing is None:
        refuse_a_token_that_is_none()
        return Engine(True, f"LocalStack in Docker, image {image()}")
    if wanted:
        raise Refusal(f"DOCKER=1, but {missing}: start Docker, or leave DOCKER out")
    return Engine(False, process_because(missing))


def process_because(reason: str) -> str:
    """Say that LocalStack runs as a process; who has an account learns that it is of no use there."""
    unused = "; LOCALSTACK_AUTH_TOKEN is for the container" if os.environ.get(TOKEN) else ""
    return f"LocalStack 4.14 as a process ({reason}{unused})"


def refuse_a_token_that_is_none() -> None:
    """Look at the form of the token, before an image of 1 GB is fetched for it.

    Raises:
        Refusal: it has a character that no token has.
    """
    token = os.environ.get(TOKEN, "")
    if token and not re.fullmatch(r"[A-Za-z0-9_-]+", token):
        raise Refusal(f"{TOKEN} has characters that no token has: copy it anew, {OR_UNSET_IT}")


def why_no_engine(docker: str) -> str | None:
    """Say that no engine runs; None when one does, with compose.

    Raises:
        Refusal: an engine is there and does not work.
    """
    instead = "mend it, or go without Docker: DOCKER=0"
    version, found = answer_of([docker, "version", "--format", "{{json .Server}}"], ENGINE_WITHIN_S)
    if version is None:
        raise Refusal(f"the Docker engine does not answer within {ENGINE_WITHIN_S} s: {instead}")
    if version != 0:
        if any(words in found.lower() for words in NO_ENGINE):
            return "no Docker engine runs"
        raise Refusal(f"the Docker engine does not work ({last_line(found)}): {instead}")
    if answer_of([docker, "compose", "version"], ENGINE_WITHIN_S)[0] != 0:
        raise Refusal(
            "Docker has no compose: install the Debian package docker-compose-plugin, "
            "or go without Docker: DOCKER=0"
        )
    return None


def image() -> str:
    """Give the image: the current one for those who have an account, else the last that needs none."""
    return CURRENT_IMAGE if os.environ.get(TOKEN) else FREE_IMAGE


class LocalStackContainer(Emulator):
    """Runs ``docker compose up`` as its process: SIGTERM to it stops the container in order."""

    name = "LocalStack"
    way = "container"
    start_within_s = 120
    stop_within_s = 60
    health = "/_localstack/health"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        # The image for account holders keeps its state in the volume; the free one has no persistence.
        self.keeps_data = bool(os.environ.get(TOKEN))

    def prepare(self, say: Say) -> None:
        """Remove what an earlier run left, and fetch the image unless it is there.

        Raises:
            Refusal: it cannot be fetched.
        """
        self.clear_away()
        docker = docker_command()
        if answer_of([docker, "image", "inspect", image()], ENGINE_WITHIN_S)[0] == 0:
            return
        say(f"fetching {image()} (once, 1 GB)")
        fetched, output = answer_of([docker, "pull", "--quiet", image()], PULL_WITHIN_S)
        if fetched != 0:
            raise Refusal(
                f"{image()} cannot be fetched ({last_line(output)}): look to the network, or DOCKER=0"
            )

    def command(self, port: int) -> Sequence[str]:
        """Give the command that runs it in the foreground."""
        return [*self.compose(), "up", "--no-color", "--remove-orphans", "--abort-on-container-exit"]

    def compose(self) -> list[str]:
        """Give ``docker compose`` with the project of this state folder, so that two never meet."""
        digest = hashlib.sha256(str(self.settings.state_dir).encode()).hexdigest()[:8]
        project = f"offerloop-{digest}"
        return [docker_command(), "compose", "--file", str(COMPOSE_FILE), "--project-name", project]

    def environment(self, port: int) -> Mapping[str, str]:
        """Give what compose.yaml asks for, beside the docker client's own settings."""
        token = os.environ.get(TOKEN, "")
        return {
            **without_aws_account(os.environ),
            "OFFERLOOP_IMAGE": image(),
            "OFFERLOOP_PORT": str(port),
            "OFFERLOOP_PERSISTENCE": "1" if token else "0",
            TOKEN: token,
        }

    def clear_away(self) -> None:
        """Remove containers and network; the volume stays."""
        self._take_down()

    def forget(self) -> None:
        """Remove the volume too."""
        self._take_down("--volumes")

    def _take_down(self, *options: str) -> None:
        answer_of([*self.compose(), "down", "--timeout", "10", *options], STOP_WITHIN_S, self.environment(0))

    def checks(self) -> Iterator[Check]:
        """Say which image it will be."""
        yield Check("ok", f"Docker answers; LocalStack will be {image()}")

    def explain(self, log: str) -> str | None:
        """Tell a refused token and a port that Docker could not bind from other reasons."""
        said = log.lower()
        if ("license activation failed" in said or "auth token" in said) and os.environ.get(TOKEN):
            return f"{TOKEN} was not accepted: correct it, {OR_UNSET_IT}"
        if "port is already allocated" in said:
            return "Docker has given its port to another container: stop that one, or give another with PORT="
        if "error response from daemon" in said:
            return f"Docker refused ({last_line(log)}): mend it, or go without Docker: DOCKER=0"
        return None


def docker_command() -> str:
    """Give the path of the docker client."""
    return shutil.which("docker") or "docker"


def answer_of(
    command: Sequence[str], within_s: float, environment: Mapping[str, str] | None = None
) -> tuple[int | None, str]:
    """Run a docker command.

    Returns:
        Its exit code, None when it did not end in time, and its output.
    """
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within_s,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, ""
    except OSError as error:
        return 127, str(error)
    return ended.returncode, ended.stdout + ended.stderr


def last_line(output: str) -> str:
    """Give the line in which a docker command says what was wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip() and line.strip() != "null"]
    return lines[-1] if lines else "it printed nothing"
