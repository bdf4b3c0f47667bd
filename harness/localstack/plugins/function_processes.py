"""A Lambda executor for Python functions: each execution environment is a process with AWS's runtime client.

Without it: LocalStack runs functions in containers, so nothing of them works where no Docker engine is.
Fails without it: every test that calls a function.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import time
from concurrent.futures import TimeoutError as NotInTime
from pathlib import Path
from typing import Any

import psutil
from localstack import config
from localstack.services.lambda_.invocation import runtime_executor
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor
from plugins.children import inherited
from plugins.dynamodb import address_of_dynamodb
from plugins.output import Output
from plugins.packages import unpacked
from plugins.runtime_api import Invocation, RuntimeApi
from plux import PluginFinder, PluginManager, PluginSpec

INIT_WITHIN_S = 20  # LocalStack's own bound on a start; AWS gives 10 s before it starts anew
WORKER = Path(__file__).resolve().parent.parent / "worker.py"
# What LocalStack tells its containers' own supervisor; no function on AWS has it.
NOT_ON_AWS = ("LOCALSTACK_", "EDGE_PORT")


def apply() -> None:
    """Offer the executor under the name ``process``, which LAMBDA_RUNTIME_EXECUTOR asks for."""
    runtime_executor.EXECUTOR_PLUGIN_MANAGER = PluginManager(
        RuntimeExecutorPlugin.namespace, finder=OnlyProcesses()
    )


class OnlyProcesses(PluginFinder):
    """Finds the one executor."""

    def find_plugins(self) -> list[PluginSpec]:
        """Give the executor's plug-in."""
        return [PluginSpec(ProcessPlugin.namespace, ProcessPlugin.name, ProcessPlugin)]


class ProcessPlugin(RuntimeExecutorPlugin):
    """Names the executor for LocalStack."""

    name = "process"

    def load(self, *_: Any, **__: Any) -> type[RuntimeExecutor]:
        """Give the executor's class."""
        return ProcessExecutor


class ProcessExecutor(RuntimeExecutor):
    """One execution environment; its process is replaced after a timeout or a crash, as on AWS."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id, function_version)
        self._variables: dict[str, str] = {}
        self._worker: Worker | None = None

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpack the code.

        Raises:
            LambdaRuntimeException: not a Python function in a zip.
        """
        runtime = function_version.config.runtime or "an image"
        if not runtime.startswith("python") or function_version.config.code is None:
            raise LambdaRuntimeException(f"without Docker only zipped Python functions run, not {runtime}")
        unpacked(function_version.config.code)

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Leave the code: versions with the same content share it."""

    def start(self, env_vars: dict[str, str]) -> None:
        """Start a process and wait until it has imported the function; the first call tells a failure."""
        self._variables = worker_environment(self.function_version, env_vars)
        self._worker = self._fresh_worker()

    def _fresh_worker(self) -> Worker:
        worker = Worker(self.function_version, self._variables)
        worker.wait_until_initialised()
        return worker

    def stop(self) -> None:
        """End the process."""
        if self._worker is not None:
            self._worker.close()

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Call the function once.

        Args:
            payload: ``invoke-id``, ``invoked-function-arn``, ``payload`` (JSON text) and ``trace-id``.
        """
        if self._worker is None or not self._worker.alive():
            self.stop()
            self._worker = self._fresh_worker()
        invocation = Invocation(
            request_id=payload["invoke-id"],
            function_arn=payload["invoked-function-arn"],
            payload=payload["payload"].encode(),
            trace_id=payload.get("trace-id") or "",
            timeout_s=int(self.function_version.config.timeout),
        )
        return self._worker.invoke(invocation)

    def get_logs(self) -> str:
        """Give what the process printed outside of calls."""
        return "" if self._worker is None else "\n".join(self._worker.output.take())

    def get_address(self) -> str:
        """Give the address of the process, which is this machine's."""
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        """Give LocalStack's address as functions see it."""
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        """Give an address that LocalStack asks for and only containers use."""
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}/_localstack_lambda/{self.id}"


class Worker:
    """One process, its runtime API, and what it prints."""

    def __init__(self, function_version: FunctionVersion, variables: dict[str, str]) -> None:
        self._version = function_version
        self._api = RuntimeApi()
        self._began = time.monotonic()
        self._init_ms: float | None = None
        self._init_failure: bytes | None = None
        self._process = subprocess.Popen(
            [os.environ["LAMBDA_PYTHON"], str(WORKER), function_version.config.handler],
            cwd=variables["LAMBDA_TASK_ROOT"],
            env={**variables, "AWS_LAMBDA_RUNTIME_API": self._api.address},
            stdin=subprocess.PIPE,  # see worker.py: the worker ends when this end closes
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdout is not None
        self.output = Output(self._process.stdout)
        threading.Thread(target=self._watch, daemon=True, name=f"lambda-{self._process.pid}").start()

    def _watch(self) -> None:
        """Keep the output flowing; when the process ends, whatever waits for it has failed."""
        self.output.follow()
        exit_code = self._process.wait()
        self._api.failed(error("Runtime.ExitError", f"Runtime exited with error: exit status {exit_code}"))

    def wait_until_initialised(self) -> None:
        """Wait until the function is imported, has failed to be, or has taken too long."""
        try:
            self._init_failure = self._api.initialised.result(INIT_WITHIN_S)
        except NotInTime:
            self._init_failure = error("Sandbox.Timedout", f"Init did not end within {INIT_WITHIN_S} s")
        self._init_ms = (time.monotonic() - self._began) * 1000

    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self._process.poll() is None and self._init_failure is None

    def invoke(self, invocation: Invocation) -> InvocationResult:
        """Call the function, and give its answer with the lines that AWS would log.

        After a timeout or a failed start the process is gone.
        """
        began = time.monotonic()
        answer, remark = self._answer(invocation)
        duration_ms = (time.monotonic() - began) * 1000
        lines = [
            f"START RequestId: {invocation.request_id} Version: {self._version.id.qualifier}",
            *self.output.take(),
            *remark,
            f"END RequestId: {invocation.request_id}",
            self._report(invocation.request_id, duration_ms),
        ]
        body, is_error = answer
        return InvocationResult(invocation.request_id, body, is_error=is_error, logs="\n".join(lines))

    def _answer(self, invocation: Invocation) -> tuple[tuple[bytes, bool], list[str]]:
        """Give the answer, with a line to log about it where AWS logs one."""
        if self._init_failure is not None:
            self.close()
            return (self._init_failure, True), []
        self._api.submit(invocation)
        try:
            return invocation.answer.result(invocation.timeout_s), []
        except NotInTime:
            self.close()
            took = f"Task timed out after {invocation.timeout_s}.00 seconds"
            why = f"RequestId: {invocation.request_id} Error: {took}"
            return (error("Sandbox.Timedout", why), True), [why]

    def _report(self, request_id: str, duration_ms: float) -> str:
        """Give the line with which AWS ends the log of an invocation."""
        fields = {
            "REPORT RequestId": request_id,
            "Duration": f"{duration_ms:.2f} ms",
            "Billed Duration": f"{int(duration_ms) + 1} ms",
            "Memory Size": f"{self._version.config.memory_size} MB",
            "Max Memory Used": f"{self._memory_mb()} MB",
        }
        if self._init_ms is not None:
            fields["Init Duration"], self._init_ms = f"{self._init_ms:.2f} ms", None
        return "\t".join(f"{name}: {value}" for name, value in fields.items())

    def _memory_mb(self) -> int:
        """Give the memory that the process holds; 0 once it is gone."""
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss / 2**20)
        except psutil.Error:
            return 0

    def close(self) -> None:
        """End the process with all that it started; AWS warns no function of its end either."""
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(self._process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    process.kill()
        self._process.kill()
        self._process.wait()
        self._api.close()


def error(kind: str, message: str) -> bytes:
    """Give the document of an error that the function did not raise itself."""
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


def worker_environment(function_version: FunctionVersion, variables: dict[str, str]) -> dict[str, str]:
    """Give a worker's variables: those of AWS and of the function, none of LocalStack's or of the shell."""
    settings = function_version.config
    task_root = str(unpacked(settings.code))
    layers = [unpacked(layer.code) / "python" for layer in settings.layers or []]
    own = dict(settings.environment or {})
    aws = {name: str(value) for name, value in variables.items() if not name.startswith(NOT_ON_AWS)}
    return {
        **inherited(),
        "AWS_ENDPOINT_URL_DYNAMODB": address_of_dynamodb(),
        **aws,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{settings.runtime}",
        "LAMBDA_TASK_ROOT": task_root,
        "PYTHONPATH": os.pathsep.join([*map(str, layers), *filter(None, [own.get("PYTHONPATH")])]),
        "PYTHONUNBUFFERED": "1",
    }
