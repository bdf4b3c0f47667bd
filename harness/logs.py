"""Print the functions' log lines as they come."""

from __future__ import annotations

import time
from typing import Any

from harness.system import RunningSystem

POLL_S = 1.0
# On AWS every look is a call for each log group, and what was logged reaches back for weeks.
POLL_ON_AWS_S = 5.0
BACK_ON_AWS_S = 600
LOG_GROUPS = "/aws/lambda/"


def follow(system: RunningSystem, function: str, keep_following: bool) -> None:
    """Print log lines with the function's name, oldest first, until interrupted.

    Args:
        function: only of this function; empty for all.
        keep_following: False prints what is there, on AWS of the last ten minutes, and returns.
    """
    client = system.client("logs")
    on_aws = system.target == "aws"
    since_ms, printed = int((time.time() - BACK_ON_AWS_S) * 1000) if on_aws else 0, set[str]()
    while True:
        events = new_events(client, f"{LOG_GROUPS}{system.prefix}{function}", since_ms)
        for event in sorted(events, key=lambda each: (each["timestamp"], each["eventId"])):
            if event["eventId"] not in printed:
                print(f"{event['function']:<24} {event['message'].rstrip()}", flush=True)
        if not keep_following:
            return
        # Lines of the last seconds are read again, for those written a moment after their time stamp.
        since_ms = max((event["timestamp"] for event in events), default=since_ms + 5_000) - 5_000
        printed = {event["eventId"] for event in events}
        time.sleep(POLL_ON_AWS_S if on_aws else POLL_S)


def new_events(client: Any, prefix: str, since_ms: int) -> list[dict[str, Any]]:
    """Give the events since then of every log group of that prefix, each with its function's name."""
    events = []
    groups = client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
    for group in (group["logGroupName"] for page in groups for group in page["logGroups"]):
        pages = client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since_ms)
        name = group.removeprefix(LOG_GROUPS)
        events += [{**event, "function": name} for page in pages for event in page["events"]]
    return events
