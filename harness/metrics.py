"""Put the metrics that functions log into CloudWatch, where AWS would; runs beside an emulator.

On AWS a log line in the embedded metric format becomes metrics; no emulator does that. This process reads
the functions' log groups every two seconds and puts what it finds, so that alarms and dashboards have data.

Format: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ (Embedded metric format specification)
"""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from harness.system import NotRunning, RunningSystem, running_system

POLL_S = 2.0
LOOK_FOR_GROUPS_EVERY_S = 20.0
LOG_GROUPS = "/aws/lambda/"
MAX_DATA_PER_PUT = 500  # PutMetricData takes 1,000; half keeps the request well under 1 MB
log = logging.getLogger("harness.metrics")


def main() -> None:
    """Follow the log groups until SIGTERM, or until the emulator has gone."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    parent_system = running_system()
    bridge = MetricsBridge(parent_system)
    failures = 0
    while not stopping.wait(POLL_S):
        try:
            bridge.poll()
            failures = 0
        except (BotoCoreError, ClientError) as error:
            failures += 1
            log.warning("poll failed: %s", error)
            if failures >= 5 and not still_running(parent_system):
                return


def still_running(system: RunningSystem) -> bool:
    """Tell whether the emulator that this process was started for is still the running one."""
    try:
        os.kill(json.loads((system.state_dir / "state.json").read_text())["processes"]["emulator"]["pid"], 0)
        return running_system(system.target).endpoint_url == system.endpoint_url
    except (OSError, KeyError, ValueError, NotRunning):
        return False


class MetricsBridge:
    """Reads each log event once and puts its metrics."""

    def __init__(self, system: RunningSystem, since_ms: int | None = None) -> None:
        self._logs = system.client("logs")
        self._cloudwatch = system.client("cloudwatch")
        self._prefix = f"{LOG_GROUPS}{system.prefix}"
        # An event may be written a moment after its time stamp: read a little again, and know what was read.
        self._since_ms = int(time.time() * 1000) if since_ms is None else since_ms
        self._read: dict[str, set[str]] = {}
        self._known_groups: list[str] = []
        self._groups_until = 0.0

    def poll(self) -> int:
        """Read what is new and put it; gives the number of values put."""
        now_ms = int(time.time() * 1000)
        by_namespace: dict[str, list[dict[str, Any]]] = {}
        for group in self._groups():
            for message in self._new_messages(group):
                for namespace, datum in metric_data(message):
                    by_namespace.setdefault(namespace, []).append(datum)
        for namespace, data in by_namespace.items():
            for start in range(0, len(data), MAX_DATA_PER_PUT):
                self._cloudwatch.put_metric_data(
                    Namespace=namespace, MetricData=data[start : start + MAX_DATA_PER_PUT]
                )
        self._since_ms = now_ms - 5_000
        return sum(map(len, by_namespace.values()))

    def _groups(self) -> list[str]:
        """Names of the log groups; asked for seldom, because emulators add up all their bytes to answer."""
        if time.monotonic() >= self._groups_until:
            pages = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self._prefix)
            self._known_groups = [group["logGroupName"] for page in pages for group in page["logGroups"]]
            self._groups_until = time.monotonic() + LOOK_FOR_GROUPS_EVERY_S
        return self._known_groups

    def _new_messages(self, group: str) -> Iterator[str]:
        known, seen = self._read.get(group, set()), set()
        pages = self._logs.get_paginator("filter_log_events")
        for page in pages.paginate(
            logGroupName=group, startTime=self._since_ms, filterPattern="CloudWatchMetrics"
        ):
            for event in page["events"]:
                seen.add(event["eventId"])
                if event["eventId"] not in known:
                    yield event["message"]
        self._read[group] = seen


def metric_data(message: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the namespaces and data of one log line; nothing for a line that carries no metrics."""
    try:
        line = json.loads(message)
        directives, at_ms = line["_aws"]["CloudWatchMetrics"], line["_aws"]["Timestamp"]
    except (ValueError, KeyError, TypeError):
        return
    for directive in directives:
        for dimensions in directive.get("Dimensions") or [[]]:
            for metric in directive["Metrics"]:
                if metric["Name"] in line:
                    yield directive["Namespace"], datum(line, metric, dimensions, at_ms)


def datum(
    line: dict[str, Any], metric: dict[str, Any], dimensions: Iterable[str], at_ms: int
) -> dict[str, Any]:
    """Give one entry of PutMetricData."""
    value = line[metric["Name"]]
    values = [float(each) for each in value] if isinstance(value, list) else [float(value)]
    return {
        "MetricName": metric["Name"],
        "Dimensions": [{"Name": name, "Value": str(line[name])} for name in dimensions],
        "Timestamp": datetime.fromtimestamp(at_ms / 1000, UTC),
        "Values": values,
        "Unit": metric.get("Unit", "None"),
    }


if __name__ == "__main__":
    main()
