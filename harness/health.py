"""What a server on this machine says of itself."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException

ANSWERS_WITHIN_S = 2.0


def health(port: int, path: str = "/health") -> object:
    """Give the JSON that a server of the loopback interface shows; None when none answers with any.

    Asked many times while servers start: httpx would read the certificates of all authorities each time, and
    take more time than the start itself.
    """
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWERS_WITHIN_S)
    try:
        connection.request("GET", path)
        said: object = json.loads(connection.getresponse().read())
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return said
