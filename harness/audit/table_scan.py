"""Read a whole DynamoDB table fast: parallel segments, and pages that botocore's parser never sees.

botocore walks every attribute of every item through its service model, about ten microseconds each; for
half a million rows that is most of a minute. Signing, retries and errors stay botocore's: only the body
of a successful page is taken out of the response before it is parsed, and read as plain JSON.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from harness.system import RunningSystem

Item = dict[str, dict[str, Any]]  # attribute name -> {type letter: value}, as on the wire

# A scan of an emulator reads the whole table for each page and serves one request at a time, so segments
# only multiply its work; on AWS each segment has a throughput of its own.
SEGMENTS_ON_AWS = 8


def scan_table(system: RunningSystem, table: str) -> Iterator[list[Item]]:
    """Give every item of a table, page by page, strongly consistent, in no particular order.

    Args:
        table: the deployed name, prefix included.
    Raises:
        botocore.exceptions.ClientError, botocore.exceptions.EndpointConnectionError
    """
    segments = SEGMENTS_ON_AWS if system.endpoint_url is None else 1
    if segments == 1:
        yield from _pages(system, table, {})
        return
    with ThreadPoolExecutor(segments, thread_name_prefix="scan") as pool:
        parts = [{"Segment": number, "TotalSegments": segments} for number in range(segments)]
        for pages in pool.map(lambda part: list(_pages(system, table, part)), parts):
            yield from pages


def _pages(system: RunningSystem, table: str, segment: dict[str, int]) -> Iterator[list[Item]]:
    client = system.client("dynamodb")
    # A client of its own, so that the pages of two scans cannot mix.
    pages: list[list[Item]] = []
    client.meta.events.register("before-parse.dynamodb.Scan", _item_taker(pages))
    request: dict[str, Any] = {"TableName": table, "ConsistentRead": True, **segment}
    while True:
        answer = client.scan(**request)
        yield from pages
        pages.clear()
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _item_taker(pages: list[list[Item]]) -> Callable[..., None]:
    """Give a hook that takes the items out of a successful answer before botocore parses it."""

    def take(response_dict: dict[str, Any], **_: object) -> None:
        if response_dict["status_code"] == 200:
            body = orjson.loads(response_dict["body"])
            pages.append(body.pop("Items"))
            response_dict["body"] = orjson.dumps(body)

    return take
