"""Calls to a REST API over one kept connection, as cheap for the caller as they can be.

A convenient client costs half a millisecond a call, which would make any two functions look more alike.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from types import TracebackType
from urllib.parse import urlsplit

TIMEOUT_S = 60.0


class ApiCalls:
    """One connection to one API; for one thread.

    Args:
        api_url: base of the API; paths are appended to it.
        headers: sent with every call.
    """

    def __init__(self, api_url: str, headers: Mapping[str, str] | None = None) -> None:
        parts = urlsplit(api_url)
        self._base = parts.path
        self._headers = {"Content-Type": "application/json", **(headers or {})}
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = kind(parts.netloc, timeout=TIMEOUT_S)

    def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Give the status and the body of the answer.

        Args:
            headers: sent besides those of every call.
        """
        text = None if body is None else json.dumps(body)
        self._connection.request(method, self._base + path, text, {**self._headers, **(headers or {})})
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def timed_post(
        self, path: str, body: object, headers: Mapping[str, str] | None = None, *, expected: int = 200
    ) -> float:
        """Give the seconds that a call takes which must answer *expected*.

        Raises:
            RuntimeError: it did not.
        """
        began = time.perf_counter()
        status, answer = self.call("POST", path, body, headers)
        seconds = time.perf_counter() - began
        if status != expected:
            raise RuntimeError(f"POST {path} answered {status}: {answer[:200]!r}")
        return seconds

    def __enter__(self) -> ApiCalls:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
