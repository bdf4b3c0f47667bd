"""The figures of a day as metrics, without a dimension; read them with the Maximum statistic."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from offerloop.rewards.day_files import decimal


class CloudWatchRewardMetrics:
    """`RewardMetrics`, in whole units of the currency as the files are.

    Put directly, not logged: a value in a log counts as of when it was logged, and these are of a day's end.

    Args:
        cloudwatch: a boto3 client.
    """

    def __init__(self, cloudwatch: Any, namespace: str) -> None:
        self._cloudwatch = cloudwatch
        self._namespace = namespace

    def publish(self, amounts: Mapping[str, int], at_ms: int) -> None:
        at = datetime.fromtimestamp(at_ms // 1_000, UTC)
        data = [
            {"MetricName": name, "Timestamp": at, "Value": decimal(amount), "Unit": "None"}
            for name, amount in amounts.items()
        ]
        self._cloudwatch.put_metric_data(Namespace=self._namespace, MetricData=data)
