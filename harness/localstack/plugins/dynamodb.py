"""DynamoDB and its streams are served by a MiniStack of LocalStack's own, in place of a Java program.

Without it: LocalStack downloads DynamoDB Local and a Java runtime at the first call, and ends offline.
Fails without it: every test that reads a table.

LocalStack's provider for DynamoDB (``v2``) passes calls on to its server, streams included. DynamoDB Local
tells accounts and regions apart by made-up access keys and calls every region ``ddblocal``; MiniStack knows
both, so what translates for the former is switched off here.
"""

from __future__ import annotations

import functools
import os
from typing import Any

from localstack.services.dynamodb.server import DynamodbServer
from localstack.services.dynamodb.v2 import provider
from localstack.services.dynamodbstreams.v2.provider import DynamoDBStreamsProvider
from plugins.children import ChildThread, start_child


def apply() -> None:
    """Put MiniStack where DynamoDB Local would be."""
    DynamodbServer.do_start_thread = start
    provider.get_ddb_access_key = lambda account_id, region_name: account_id
    DynamoDBStreamsProvider.modify_stream_arn_for_ddb_local = lambda self, stream_arn: stream_arn
    provider.DynamoDBProvider.update_time_to_live = passed_on(provider.DynamoDBProvider.update_time_to_live)


def start(server: DynamodbServer) -> ChildThread:
    """Start the server on the port that LocalStack has chosen; on the loopback interface alone."""
    return start_child(
        "dynamodb",
        [os.environ["DYNAMODB_PYTHON"], os.environ["DYNAMODB_SERVER"]],
        {
            "GATEWAY_PORT": str(server.port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "AWS_EC2_METADATA_DISABLED": "true",
            "DOCKER_HOST": "unix:///nonexistent",
        },
    )


def address_of_dynamodb() -> str:
    """Give the address at which functions reach the server itself.

    LocalStack's gateway adds 5 ms to each call, in the one interpreter that has all else to do as well: with
    every read of every function through it, ten recommendations a second would be too many.
    """
    server = DynamodbServer.get()
    server.start_dynamodb()
    return f"http://127.0.0.1:{server.port}"


def passed_on(update_time_to_live: Any) -> Any:
    """Give ``update_time_to_live`` that tells the server too, which deletes expired items once a minute."""

    @functools.wraps(update_time_to_live)  # LocalStack finds an operation by its function's attributes
    def update(self: Any, context: Any, *arguments: Any, **options: Any) -> Any:
        answer = update_time_to_live(self, context, *arguments, **options)
        self.prepare_request_headers(
            context.request.headers, account_id=context.account_id, region_name=context.region
        )
        self.server.proxy(context)
        return answer

    return update
