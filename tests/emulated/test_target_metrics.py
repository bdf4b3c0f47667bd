"""Metrics that functions log become CloudWatch metrics on a target that makes none of them itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from harness.metrics import metric_data
from harness.system import RunningSystem
from tests.emulated.storefront import wait_for
from tests.emulated.target import Target

WITHIN_S = 20


def answers(system: RunningSystem) -> float:
    """Sum of the metric that trial-answer logs."""
    now = datetime.now(UTC)
    points = system.client("cloudwatch").get_metric_statistics(
        Namespace="Trial",
        MetricName="Answers",
        Dimensions=[{"Name": "Page", "Value": "home"}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


def log_metric(system: RunningSystem, count: int) -> None:
    payload = json.dumps({"do": "metric", "count": count})
    system.client("lambda").invoke(FunctionName="trial-answer", Payload=payload)


def test_each_logged_value_is_counted_once(trial: RunningSystem) -> None:
    before = answers(trial)

    for count in (1, 2, 4):
        log_metric(trial, count)

    wait_for("the sum to be 7 more", lambda: answers(trial) == before + 7, WITHIN_S)
    log_metric(trial, 8)
    wait_for("the sum to be 15 more", lambda: answers(trial) == before + 15, WITHIN_S)


def test_up_starts_the_bridge_again_after_it_ended(trial: RunningSystem, trial_target: Target) -> None:
    trial_target.process("metrics").kill()
    before = answers(trial)

    trial_target.up()

    log_metric(trial, 16)
    wait_for("the sum to be 16 more", lambda: answers(trial) == before + 16, WITHIN_S)


def test_a_line_may_carry_several_sets_of_dimensions_and_lists_of_values() -> None:
    directive = {"Namespace": "N", "Dimensions": [["a"], []], "Metrics": [{"Name": "M", "Unit": "Count"}]}
    line = {"_aws": {"Timestamp": 1_000, "CloudWatchMetrics": [directive]}, "a": "x", "M": [1, 2]}
    at = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    common = {"MetricName": "M", "Timestamp": at, "Values": [1.0, 2.0], "Unit": "Count"}

    assert list(metric_data(json.dumps(line))) == [
        ("N", {**common, "Dimensions": [{"Name": "a", "Value": "x"}]}),
        ("N", {**common, "Dimensions": []}),
    ]
    assert [list(metric_data(other)) for other in ("text", "7", "{}", '{"_aws": 1}')] == [[], [], [], []]
