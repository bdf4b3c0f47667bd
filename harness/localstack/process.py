"""LocalStack as a process: the environment ``.localstack``, plug-ins, and settings that keep it here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.check import Check
from harness.emulator import Emulator, Say
from harness.function_packages import packages_folder, remove_old_packages
from harness.localstack import environment
from harness.settings import Refusal
from harness.system import REPOSITORY

HERE = Path(__file__).resolve().parent
# All that LocalStack inherits: it reads some two hundred variables, none of them is to come from the shell.
INHERITED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class LocalStackProcess(Emulator):
    """Starts the launcher under the interpreter of ``.localstack``."""

    name = "LocalStack"
    way = "process"
    keeps_data = False  # the free LocalStack has no persistence
    start_within_s = 60
    stop_within_s = (
        0  # it has nothing to keep, takes longer than any wait for it, and its children end with it
    )
    health = "/_localstack/health"

    def prepare(self, say: Say) -> None:
        """Make the environment if it is not there, and clear what an earlier run left in its folder."""
        environment.prepare(say)
        remove_old_packages(packages_folder("localstack"))
        self.forget()

    def command(self, port: int) -> Sequence[str]:
        """Give the command that runs it in the foreground."""
        return [str(environment.FOLDER / "bin/python"), str(HERE / "launcher.py")]

    def environment(self, port: int) -> Mapping[str, str]:
        """Give its settings; see docs/localstack.md for what each group is for."""
        kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
        return {**kept, **self._place(port), **stays_on_this_machine(), **behaves_as_aws(), **parts()}

    def _place(self, port: int) -> dict[str, str]:
        """Give where it listens and writes: one port of the loopback interface, one folder."""
        folder = self._folder()
        temporary = folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        static = folder / "root/usr/lib/localstack"
        static.parent.mkdir(parents=True, exist_ok=True)
        if not static.is_symlink():
            static.symlink_to(environment.STATIC)
        return {
            "GATEWAY_LISTEN": f"127.0.0.1:{port}",
            "LOCALSTACK_HOST": f"127.0.0.1:{port}",
            "OVERRIDE_IN_DOCKER": "0",  # inside any container it would else use global folders
            "FILESYSTEM_ROOT": str(folder / "root"),
            "TMPDIR": str(temporary),
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(environment.FOLDER / "cache"),  # its index of plug-ins, made once
            "AWS_DEFAULT_REGION": self.settings.region,
            "LS_LOG": "warn",
        }

    def _folder(self) -> Path:
        return self.settings.state_dir / "localstack"

    def forget(self) -> None:
        """Remove its folder."""
        shutil.rmtree(self._folder(), ignore_errors=True)

    def checks(self) -> Iterator[Check]:
        """Look for node, and for the environment or what it can be made of."""
        try:
            yield Check("ok", f"LocalStack's Kinesis runs on {environment.node()}")
            if environment.matches():
                yield Check("ok", "LocalStack 4.14 is in .localstack")
            else:
                yield Check("ok", f"`make up` will make .localstack with {environment.python()}")
        except Refusal as refusal:
            yield Check("fail", str(refusal))


def stays_on_this_machine() -> dict[str, str]:
    """Give the settings without which LocalStack would call other machines or listen to them."""
    return {
        "DISABLE_EVENTS": "1",  # its usage statistics
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",  # no DNS server on all interfaces
        "DOCKER_HOST": "unix:///nonexistent",  # never look for, nor remove, anyone's containers
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def behaves_as_aws() -> dict[str, str]:
    """Give the settings that bring its times nearer to those of AWS, or of the other targets."""
    return {
        "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.1",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "1",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC": "1",
        "LAMBDA_RETRY_BASE_DELAY": "1",
        "LAMBDA_KEEPALIVE_MS": "120000",
        "SQS_ENDPOINT_STRATEGY": "path",  # queue addresses that need no DNS
    }


def parts() -> dict[str, str]:
    """Give the settings that the plug-ins read, and those that choose them."""
    return {
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "LAMBDA_PYTHON": str(REPOSITORY / ".lambda/bin/python"),
        "LAMBDA_PACKAGES": str(packages_folder("localstack")),
        "PROVIDER_OVERRIDE_DYNAMODB": "v2",
        "PROVIDER_OVERRIDE_DYNAMODBSTREAMS": "v2",
        "DYNAMODB_IN_MEMORY": "1",
        "DYNAMODB_PYTHON": str(REPOSITORY / ".emulator/bin/python"),
        "DYNAMODB_SERVER": str(HERE / "dynamodb_server.py"),
        "KINESIS_NODE": str(environment.node()),
        "KINESIS_PROGRAM": str(environment.FOLDER / "node_modules/kinesis-local/main.js"),
    }
