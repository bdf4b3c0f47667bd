"""LocalStack listens to this machine alone, and asks no name server.

Without it: it listens on all interfaces whatever GATEWAY_LISTEN says, so the whole network reaches the stack;
and it looks up a name under LOCALSTACK_HOST for its own calls to S3, which a name server gets to see.
Fails without it: test_target_api.py::test_only_this_machine_reaches_the_emulator,
test_localstack_process.py::test_it_runs_where_there_is_no_network_and_asks_for_none.
"""

from __future__ import annotations

import functools
from types import SimpleNamespace

from localstack.aws import connect
from localstack.runtime.server import twisted as server
from twisted.internet import endpoints

LOOPBACK = "127.0.0.1"


def apply() -> None:
    """Name the interface where LocalStack names none, and give the address that it would look up."""
    server.endpoints = SimpleNamespace(
        TCP4ServerEndpoint=functools.partial(endpoints.TCP4ServerEndpoint, interface=LOOPBACK),
        TCP6ServerEndpoint=endpoints.TCP6ServerEndpoint,
    )
    connect.get_s3_hostname = lambda: LOOPBACK
