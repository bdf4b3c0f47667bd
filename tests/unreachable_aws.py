"""Clients for answers that a test makes up: credentials are made up too, and nothing leaves this machine."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config


def a_session() -> boto3.session.Session:
    """Give a session with made-up credentials."""
    return boto3.session.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
    )


def a_client(service: str) -> Any:
    """Give a client that tries once, at a port where nobody listens."""
    once = Config(retries={"total_max_attempts": 1})
    return a_session().client(service, endpoint_url="http://127.0.0.1:1", config=once)
