"""The counts on the health page, each read as cheaply as it can be."""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dashboard.data import MetricSeries
from handlers.aws.attributes import number, s
from handlers.aws.keys import COUNTER_KEY, METADATA, OUTBOX_PREFIX, OUTBOX_SHARDS
from handlers.aws.table_access import Tables
from harness.system import RunningSystem

METRICS_SPAN = timedelta(hours=1)
MAX_METRICS = 9
MAX_QUERIES = 100  # of 500 that one call takes
NAMESPACE = "Offerloop"
MAX_COUNTING_PAGES = 5  # a page is 1 MB; a table beyond that is not counted for a page's sake
RECOUNT_AFTER_S = 30.0
RECOUNT_PATIENCE = 50  # counting may take a fiftieth of the time


class HealthChecks:
    """Reads counts of one running system."""

    def __init__(self, system: RunningSystem, dynamodb: Any, client_options: Mapping[str, Any]) -> None:
        self._tables = Tables.with_prefix(system.prefix)
        self._dynamodb = dynamodb
        self._sqs = system.client("sqs", **client_options)
        self._cloudwatch = system.client("cloudwatch", **client_options)
        self._queues = {
            name.removesuffix("Url"): url
            for name, url in system.outputs.items()
            if name.endswith(("FailuresUrl", "DlqUrl"))
        }
        self._counted: int | None = None
        self._count_again_at = 0.0

    def offers(self) -> int | None:
        """All offers, counted now and then; None for a table that is too large to count for this."""
        started = time.monotonic()
        if started >= self._count_again_at:
            self._counted = self._count_offers()
            took = time.monotonic() - started
            self._count_again_at = started + max(RECOUNT_AFTER_S, took * RECOUNT_PATIENCE)
        return self._counted

    def _count_offers(self) -> int | None:
        request: dict[str, Any] = {
            "TableName": self._tables.offers,
            "Select": "COUNT",
            "FilterExpression": "SK = :offer",
            "ExpressionAttributeValues": {":offer": s(METADATA)},
        }
        counted = 0
        for _ in range(MAX_COUNTING_PAGES):
            answer = self._dynamodb.scan(**request)
            counted += answer["Count"]
            if "LastEvaluatedKey" not in answer:
                return counted
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return None

    def available(self) -> int:
        """Offers in stock, as the maintained counter says."""
        row = self._dynamodb.get_item(TableName=self._tables.offers, Key=COUNTER_KEY).get("Item", {})
        return number(row, "available")

    def outbox_waiting(self) -> int:
        """Messages in both tables' outboxes."""
        waiting = 0
        for table in (self._tables.offers, self._tables.user_activity):
            for shard in range(OUTBOX_SHARDS):
                answer = self._dynamodb.query(
                    TableName=table,
                    Select="COUNT",
                    KeyConditionExpression="PK = :shard",
                    ExpressionAttributeValues={":shard": s(f"{OUTBOX_PREFIX}{shard}")},
                )
                waiting += answer["Count"]
        return waiting

    def dead_letters(self) -> dict[str, int]:
        """Messages per queue that collects what no consumer could handle."""
        wanted = "ApproximateNumberOfMessages"
        return {
            name: int(
                self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[wanted])["Attributes"][wanted]
            )
            for name, url in self._queues.items()
        }

    def metrics(self, now: int) -> Sequence[MetricSeries]:
        """The system's own metrics over the last hour, per minute; those that are not all zero."""
        chosen = self._cloudwatch.list_metrics(Namespace=NAMESPACE)["Metrics"][:MAX_QUERIES]
        if not chosen:
            return ()
        end = datetime.fromtimestamp(now // 60 * 60 + 60, UTC)
        answer = self._cloudwatch.get_metric_data(
            MetricDataQueries=[
                {
                    "Id": f"m{position}",
                    "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"},
                }
                for position, metric in enumerate(chosen)
            ],
            StartTime=end - METRICS_SPAN,
            EndTime=end,
            ScanBy="TimestampAscending",
        )
        # A metric with further dimensions (an event's type) comes once per value: they are added up.
        sums: dict[str, Counter[int]] = defaultdict(Counter)
        for result in answer["MetricDataResults"]:
            name = chosen[int(result["Id"][1:])]["MetricName"]
            for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                sums[name][int(at.timestamp())] += value
        series = [
            MetricSeries(name, "a minute", sorted(points.items())) for name, points in sorted(sums.items())
        ]
        return [shown for shown in series if any(value for _, value in shown.points)][:MAX_METRICS]
