"""Python functions run through AWS's own runtime client, in an interpreter of their own.

Without it: functions run in a wrapper script under the emulator's interpreter, where every package of the
emulator can be imported, so a dependency missing from the zip goes unnoticed; errors lose type and trace.
Fails without it: test_target_lambda.py::test_a_function_sees_only_its_own_packages,
::test_an_error_keeps_its_type_and_trace, ::test_a_function_inherits_nothing_from_the_developers_shell.
"""

import hashlib
import io
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

# What a worker may inherit; everything else of the developer's shell stays out, as on AWS.
INHERITED = {"PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}

BOOTSTRAP = """#!/bin/sh
exec "{python}" -m awslambdaric "$_HANDLER"
"""


def apply() -> None:
    """Route ``python3.x`` functions through the worker for custom runtimes, started as awslambdaric."""
    worker_class_for = lambda_runtime._worker_class_for
    worker_env = lambda_svc._provided_worker_env

    def class_for(config):
        return PythonWorker if is_python(config) else worker_class_for(config)

    def environment(config, code_dir, port):
        variables = worker_env(config, code_dir, port)
        return python_environment(config, variables) if is_python(config) else variables

    lambda_runtime._worker_class_for = class_for
    lambda_svc._provided_worker_env = environment
    lambda_svc._execute_function_warm = execute_warm(lambda_svc._execute_function_warm)


def is_python(config):
    return str(config.get("Runtime", "")).startswith("python")


def execute_warm(execute_other):
    """Give the executor of pooled functions: Python goes where custom runtimes go."""

    def execute(func, event, request_id):
        config = func.get("config") or func
        if is_python(config) and func.get("code_zip"):
            return lambda_svc._execute_function_provided_warm(func, event, request_id)
        return execute_other(func, event, request_id)

    return execute


def python_environment(config, variables):
    """Give the variables of a worker: those of AWS and of the function, none of the emulator's own."""
    own = set(lambda_svc._runtime_env_vars(config))
    kept = {
        name: value
        for name, value in variables.items()
        if name in own or name in INHERITED or os.environ.get(name) != value
    }
    name = config.get("FunctionName", "")
    region = kept.get("AWS_REGION") or variables["AWS_REGION"]
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        **kept,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": variables["AWS_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": variables["AWS_SECRET_ACCESS_KEY"],
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime')}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": (config.get("LoggingConfig") or {}).get("LogGroup")
        or f"/aws/lambda/{name}",
        "PYTHONUNBUFFERED": "1",
        "TZ": ":UTC",
    }


class PythonWorker(lambda_runtime.ProvidedWorker):
    """One execution environment of a Python function."""

    def _spawn(self, init_timeout=None):
        unpack_once(self.code_zip)
        super()._spawn(init_timeout)

    def _build_handler_class(self, generation, pending):
        handler = super()._build_handler_class(generation, pending)
        # Headers and body are separate writes: with Nagle's algorithm each invocation stalls for 40 ms.
        handler.disable_nagle_algorithm = True
        return handler


def unpack_once(code_zip):
    """Unpack a deployment package into the folder that outlives the emulator, so its bytecode is kept."""
    digest = hashlib.sha256(code_zip).hexdigest()
    # No process may be started meanwhile: it would hold `bootstrap` open for writing (ETXTBSY).
    with lambda_svc._provided_code_lock:
        folder = Path(os.environ["LAMBDA_PACKAGES"]) / digest
        if digest not in lambda_svc._provided_code_dirs or not folder.is_dir():
            if not folder.is_dir():
                unpack(code_zip, folder)
            os.utime(folder)  # the harness removes those unused for longest
            lambda_svc._provided_code_dirs[digest] = str(folder)


def unpack(code_zip, folder):
    """Unpack beside *folder* and move it there, so that a broken-off attempt is never taken for one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unpacking-"))
    with zipfile.ZipFile(io.BytesIO(code_zip)) as archive:
        lambda_svc._extract_zip_preserving_mode(archive, str(fresh))
    bootstrap = fresh / "bootstrap"
    bootstrap.write_text(BOOTSTRAP.format(python=os.environ["LAMBDA_PYTHON"]))
    bootstrap.chmod(0o755)
    try:
        fresh.rename(folder)
    except OSError:  # another emulator was quicker
        shutil.rmtree(fresh, ignore_errors=True)
