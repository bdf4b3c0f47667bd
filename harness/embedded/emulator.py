"""The embedded emulator: MiniStack with this project's patches, in one process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence

from harness.emulator import Emulator, Say
from harness.function_packages import packages_folder, remove_old_packages
from harness.system import REPOSITORY, without_aws_account


class EmbeddedEmulator(Emulator):
    """Starts the launcher under the interpreter of ``.emulator``."""

    name = "the emulator"
    way = "embedded"
    keeps_data = True
    start_within_s = 20
    stop_within_s = 20  # it writes its state meanwhile
    health = "/_ministack/health"

    def prepare(self, say: Say) -> None:
        """Make room for new packages."""
        remove_old_packages(packages_folder("embedded"))

    def command(self, port: int) -> Sequence[str]:
        """Give the command that runs it in the foreground."""
        return [str(REPOSITORY / ".emulator/bin/python"), str(REPOSITORY / "harness/embedded/launcher.py")]

    def environment(self, port: int) -> Mapping[str, str]:
        """Give its settings: loopback only, no extra ports, state kept in the target's folder."""
        data = self.settings.state_dir / "emulator"
        temporary = data / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        return {
            **without_aws_account(os.environ),
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": self.settings.region,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(data / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(data / "s3"),
            "TMPDIR": str(temporary),
            "LAMBDA_EXECUTOR": "local",
            "LAMBDA_WARM_TTL_SECONDS": "120",
            "LAMBDA_PYTHON": str(REPOSITORY / ".lambda/bin/python"),
            "LAMBDA_PACKAGES": str(packages_folder("embedded")),
            "PYTHONDONTWRITEBYTECODE": "",
            "DOCKER_HOST": "unix:///nonexistent",  # never look for, nor remove, anyone's containers
        }

    def forget(self) -> None:
        """Remove the kept state of an emulator that does not run."""
        shutil.rmtree(self.settings.state_dir / "emulator", ignore_errors=True)
