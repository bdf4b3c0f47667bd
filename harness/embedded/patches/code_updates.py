"""A call that is being answered while its function changes is answered by the code that it began with.

Without it: new code ends the environments that are at work too, so every change under traffic fails the calls
in flight; and a call that waited for an environment may make one of old code, which then answers others too.
Fails without it: test_embedded_patches.py::test_calls_in_flight_outlive_a_change_of_their_function.
"""

import contextlib
import contextvars

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

_changing = contextvars.ContextVar("changing", default=False)


def apply() -> None:
    """Let environments at work end with their call when their function changes, the idle ones at once."""
    kill, release = lambda_runtime.kill_workers, lambda_svc.release_worker

    def kill_idle(workers):
        workers = list(workers)
        at_work = [worker for worker in workers if _changing.get() and worker is not None and worker.in_use]
        for worker in at_work:
            worker.outdated = True
        kill([worker for worker in workers if worker not in at_work])

    def release_or_end(worker):
        release(worker)
        if worker is not None and is_outdated(worker):
            leave_pool(worker)
            kill([worker])

    def sparing(change):
        def change_and_spare(name, data):
            _changing.set(True)
            try:
                return change(name, data)
            finally:
                _changing.set(False)

        return change_and_spare

    lambda_runtime.kill_workers = kill_idle
    lambda_svc.release_worker = release_or_end
    lambda_svc._update_code = sparing(lambda_svc._update_code)
    lambda_svc._update_config = sparing(lambda_svc._update_config)


def is_outdated(worker):
    """Tell whether a worker has other settings or code than its function has by now."""
    if getattr(worker, "outdated", False):
        return True
    function = lambda_svc._functions.get(worker.func_name) or {}
    code = function.get("code_zip")
    latest = worker.config.get("Version", "$LATEST") == "$LATEST"
    return latest and isinstance(code, bytes) and code != worker.code_zip


def leave_pool(worker):
    """Take a worker out of whatever pool it is in, so that nobody is given it."""
    with lambda_runtime._lock:
        for pool in lambda_runtime._workers.values():
            with contextlib.suppress(ValueError):
                pool.remove(worker)
