"""A burst of calls waits for the environments that there are instead of starting a process for each call.

AWS has machines enough to start an environment for every concurrent call; two cores have not.
Without it: 80 calls at once start 80 processes, take 4 GB and answer after many seconds.
Fails without it: test_target_lambda.py::test_a_burst_shares_a_few_environments.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from localstack.services.lambda_.invocation.assignment import AssignmentService

# Per function: enough to race on every core, and to go on while some wait for a table.
ENVIRONMENTS = max(4, 2 * (os.cpu_count() or 1))


def apply() -> None:
    """Let a call wait until fewer than ENVIRONMENTS calls of its function are being served."""
    AssignmentService.get_environment = bounded(AssignmentService.get_environment)


def bounded(get_environment: Callable[..., Any]) -> Callable[..., Any]:
    """Give ``get_environment`` with places; limits on concurrency were applied before it is called."""
    places: dict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(ENVIRONMENTS))
    making = threading.Lock()

    @contextlib.contextmanager
    def get(
        self: Any, version_manager_id: str, function_version: Any, provisioning_type: Any
    ) -> Iterator[Any]:
        with making:
            place = places[version_manager_id]
        with (
            place,
            get_environment(self, version_manager_id, function_version, provisioning_type) as environment,
        ):
            yield environment

    return get
