"""Drive the genuine SAM CLI: a runner that is warm before it is needed, and builds kept by content."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.settings import Settings
from harness.system import REPOSITORY, emulator_environment, session_of, without_aws_account

BUILD_WITHIN_S = 600  # downloads the dependencies
DEPLOY_WITHIN_S = 180
KEPT_BUILDS = 6


class SamFailed(Exception):
    """A SAM CLI command ended with an error.

    Attributes:
        output: what it printed.
    """

    def __init__(self, command: str, output: str) -> None:
        super().__init__(f"sam {command} failed")
        self.output = output


class SamRunner:
    """A process that has imported the SAM CLI and runs one command after the other.

    It starts in the background when made; ``run`` waits for it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = settings.logs / "sam.log"
        self._process: subprocess.Popen[str] | None = None

    def begin(self) -> subprocess.Popen[str]:
        """Start the process if it does not run; returns at once."""
        if self._process is None:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [str(REPOSITORY / ".sam/bin/python"), str(REPOSITORY / "harness/sam_runner.py")],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    bufsize=1,
                    start_new_session=True,
                    env=sam_environment(),
                )
        return self._process

    def run(
        self,
        arguments: Sequence[str],
        endpoint_url: str | None,
        within_s: float,
        hangs: Callable[[], bool] = lambda: False,
    ) -> str:
        """Run ``sam <arguments>`` and give its output.

        Args:
            hangs: asked once a second whether the command waits for what will not come.
        Raises:
            SamFailed: it ended with an error, or not in time; then the runner is of no further use.
        """
        process = self.begin()
        assert process.stdin is not None
        assert process.stdout is not None
        start = self._log.stat().st_size
        # A build runs what dependencies bring along: it gets no credentials.
        around = {} if arguments[0] == "build" else network(self._settings, endpoint_url)
        request = {
            "arguments": list(arguments),
            "folder": str(self._settings.state_dir),
            "log": str(self._log),
            "environment": sam_environment() | around,
        }
        process.stdin.write(json.dumps(request) + "\n")
        until = time.monotonic() + within_s
        ready: list[Any] = []
        while not ready and time.monotonic() < until and not hangs():
            ready, _, _ = select.select([process.stdout], [], [], min(1.0, within_s))
        answer = process.stdout.readline() if ready else ""
        with self._log.open("rb") as log:
            log.seek(start)
            output = log.read().decode("utf-8", "replace")
        if not answer:
            why = "it did not end" if not ready else "the runner ended"
            raise SamFailed(arguments[0], f"{output}\nError: {why}")
        if json.loads(answer)["exit_code"] != 0:
            raise SamFailed(arguments[0], output)
        return output

    def close(self) -> None:
        """End the runner and whatever it still runs."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def __enter__(self) -> SamRunner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sam_environment() -> dict[str, str]:
    """Give the SAM CLI's settings: no telemetry, quick polling, and the very Python that functions run on."""
    tools = f"{REPOSITORY / '.offerloop/boot/bin'}{os.pathsep}{REPOSITORY / '.sam/bin'}"
    return {
        **without_aws_account(os.environ),
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.1",
        "PYTHONDONTWRITEBYTECODE": "",
    }


def network(settings: Settings, endpoint_url: str | None) -> dict[str, str]:
    """Give the variables that say where AWS is: at an emulator's address, or nowhere without one.

    On AWS they are the user's own with the very credentials that this process uses, so that the SAM CLI
    deploys to the account that was shown and need not ask for a second factor, for which it has no terminal.
    It polls as seldom as it would by itself: AWS counts.
    """
    if settings.target == "aws":
        account = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        return {**account, **own_credentials(settings), "SAM_CLI_POLL_DELAY": "0.5"}
    return emulator_environment(endpoint_url, settings.region) if endpoint_url else {}


def own_credentials(settings: Settings) -> dict[str, str]:
    """Give the credentials of this process as variables; refreshed if they were about to expire."""
    found = session_of("aws", settings.region).get_credentials()
    if found is None:
        return {}
    frozen = found.get_frozen_credentials()
    token = {"AWS_SESSION_TOKEN": frozen.token} if frozen.token else {}
    return {"AWS_ACCESS_KEY_ID": frozen.access_key, "AWS_SECRET_ACCESS_KEY": frozen.secret_key, **token}


def build_fingerprint(settings: Settings) -> str:
    """Give the digest of all that `sam build` reads: template, code, requirements, and the runtime."""
    digest = hashlib.sha256(settings.runtime.encode())
    template = settings.application / "template.yaml"
    for name, file in [("template.yaml", template), *bundled_files(settings.application / "sam/bundle")]:
        content = file.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:32]


def bundled_files(bundle: Path) -> Iterator[tuple[str, Path]]:
    """Give every file by its name in the zip, following links, in a fixed order; no bytecode."""
    for folder, folders, files in os.walk(bundle, followlinks=True):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(files):
            if not name.endswith(".pyc"):
                path = Path(folder, name)
                yield str(path.relative_to(bundle)), path


def builds_folder() -> Path:
    """Give the folder of finished builds, one a fingerprint; every state folder of this clone shares it."""
    return REPOSITORY / ".offerloop/builds"


def is_built(fingerprint: str) -> bool:
    """Tell whether a build of that content is there."""
    return (builds_folder() / fingerprint).is_dir()


def build(settings: Settings, sam: SamRunner, fingerprint: str) -> Path:
    """Run `sam build` unless a build of the same content is there.

    Returns:
        The built template, beside the built code.
    Raises:
        SamFailed: the build's own message is the output.
    """
    finished = builds_folder() / fingerprint
    if not is_built(fingerprint):
        finished.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=finished.parent, prefix=".building-"))
        try:
            sam.run(build_arguments(settings, fresh), None, BUILD_WITHIN_S)
            zip_code(fresh / "build")
            with contextlib.suppress(OSError):  # a command beside this one was quicker
                (fresh / "build").rename(finished)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        remove_old_builds()
    os.utime(finished)
    return finished / "template.yaml"


def zip_code(built: Path) -> None:
    """Zip each built folder of code, equal ones once, and let the built template name the zips.

    `sam deploy` would zip every function's folder at each deployment: 0.6 s a function.
    """
    template = (built / "template.yaml").read_text()
    archives: dict[str, str] = {}
    for folder in [path for path in sorted(built.iterdir()) if path.is_dir()]:
        digest = folder_digest(folder)
        if digest not in archives:
            archives[digest] = shutil.make_archive(str(built / digest), "zip", folder)
        code = re.compile(rf"^(\s+CodeUri: ){re.escape(folder.name)}$", re.MULTILINE)
        template = code.sub(rf"\g<1>{digest}.zip", template)
        shutil.rmtree(folder)
    (built / "template.yaml").write_text(template)


def folder_digest(folder: Path) -> str:
    """Give the digest of a folder's files and their names."""
    digest = hashlib.sha256()
    for name, file in bundled_files(folder):
        digest.update(f"{name}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def build_arguments(settings: Settings, folder: Path) -> list[str]:
    """Give the arguments of `sam build` into ``<folder>/build``."""
    template = settings.application / "template.yaml"
    parameters = f"ParameterKey=PythonRuntime,ParameterValue={settings.runtime}"
    return [
        *("build", "--template-file", str(template), "--base-dir", str(settings.application)),
        *("--build-dir", str(folder / "build"), "--cache-dir", str(folder / "cache")),
        *("--parameter-overrides", parameters, "--region", settings.region),
    ]


def remove_old_builds() -> None:
    """Keep the builds used last, and what another command may be building this hour."""
    builds = sorted(builds_folder().iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in builds[KEPT_BUILDS:]:
        if time.time() - path.stat().st_mtime > 3600:
            shutil.rmtree(path, ignore_errors=True)
