"""Kinesis is served by the installed kinesis-local, with the node at hand.

Without it: LocalStack runs npm at the first call to Kinesis, which needs the network and ten seconds.
Fails without it: test_localstack_process.py::test_it_runs_where_there_is_no_network_and_asks_for_none.
"""

from __future__ import annotations

import os
from pathlib import Path

from localstack.services.kinesis.kinesis_mock_server import KinesisMockNodeServer, KinesisServerManager
from localstack.utils.net import get_free_tcp_port
from plugins.children import ChildThread, start_child

# Without persistence it has nothing to write; a new stream is there after that many milliseconds.
STREAM_MADE_WITHIN_MS = 50


def apply() -> None:
    """Start the installed program, as a child that ends with LocalStack."""
    KinesisServerManager._create_kinesis_mock_server = server_for
    KinesisMockNodeServer.do_start_thread = start


def server_for(manager: KinesisServerManager, account_id: str) -> KinesisMockNodeServer:
    """Give the server of one account."""
    return KinesisMockNodeServer(
        port=get_free_tcp_port(),
        exe_path=Path(os.environ["KINESIS_PROGRAM"]),
        latency=f"{STREAM_MADE_WITHIN_MS}ms",
        account_id=account_id,
        host="127.0.0.1",
        log_level="WARN",
    )


def start(server: KinesisMockNodeServer) -> ChildThread:
    """Start node: on the loopback interface alone, and ending when LocalStack does."""
    preload = str(Path(__file__).with_name("child.cjs"))
    variables = {name: str(value) for name, value in server._environment_variables.items()}
    command = [os.environ["KINESIS_NODE"], "--require", preload, str(server._exe_path)]
    return start_child("kinesis", command, variables)
