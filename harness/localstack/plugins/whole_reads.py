"""An event source reads what its stream has, not as much as one call of its function takes.

LocalStack asks for BatchSize records, filters them, and asks again after its poll interval: a source that
wants one record of a thousand, one at a time, reads ten a second and stays minutes behind. What was read
still goes to the function in batches of BatchSize.
Without it: an experiment that is started after some traffic is prepared minutes later.
Fails without it: test_localstack_process.py::test_a_source_reads_past_what_its_filter_leaves_out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from localstack.services.lambda_.event_source_mapping.pollers.stream_poller import StreamPoller

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html
MOST_RECORDS = 1_000


def apply() -> None:
    """Give every poller of a stream a client that asks for as much as it may."""
    StreamPoller.__init__ = reading_whole(StreamPoller.__init__)


def reading_whole(make: Callable[..., None]) -> Callable[..., None]:
    """Give ``StreamPoller.__init__``, with the poller's client wrapped."""

    @functools.wraps(make)
    def made(self: Any, *arguments: Any, **options: Any) -> None:
        make(self, *arguments, **options)
        self.source_client = WholeReads(self.source_client)

    return made


class WholeReads:
    """A client of a stream's service that asks for as many records as there may be at once."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_records(self, **asked: Any) -> Any:
        """Read on from a place in a shard, whatever number of records is asked for."""
        return self._client.get_records(**{**asked, "Limit": MOST_RECORDS})
