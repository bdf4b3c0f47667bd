"""CloudWatch, CloudWatch Logs, X-Ray: what operators see."""

from __future__ import annotations

import json
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from harness.probe.finding import Finding, Group, judged, kept, missing
from harness.probe.place import PREFIX, Place
from harness.probe.resources import make_queue, make_topic, take

CLOUDWATCH = Group("CloudWatch")
LOGS = Group("CloudWatch Logs")
XRAY = Group("X-Ray")
LINES = [{"level": "INFO", "who": "bob"}, {"level": "ERROR", "who": "ann"}]
SOON_S = 6.0
SORTED_OUT = "what reads logs here (`make logs`, harness/metrics.py) sorts the lines out itself"


def metric_sum(place: Place, namespace: str, **dimensions: str) -> float:
    """Give the sum of the metric ``Answers`` over the last hour."""
    now = datetime.now(UTC)
    points = place.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName="Answers",
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=5),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


def put_metric(place: Place, namespace: str, *values: float, **dimensions: str) -> None:
    """Put values of the metric ``Answers``."""
    datum = {
        "MetricName": "Answers",
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        "Values": list(values),
        "Unit": "Count",
    }
    place.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])


@CLOUDWATCH.check()
def metrics_that_were_put_can_be_read(place: Place) -> Finding:
    """Three values with a dimension."""
    namespace = place.name("metrics")
    put_metric(place, namespace, 1.0, 2.0, 4.0, Page="home")
    put_metric(place, namespace, 8.0, Page="other")
    place.seen(lambda: metric_sum(place, namespace, Page="home"), SOON_S)
    total = metric_sum(place, namespace, Page="home")
    return judged(total == 7, f"the sum of 1, 2 and 4 is {total:g}; another dimension stays apart")


def alarm(place: Place, namespace: str) -> tuple[str, str]:
    """Make an alarm on the metric that tells a topic with a queue; give the alarm's name and the queue."""
    queue, arn = make_queue(place)
    topic, name = make_topic(place, arn), place.name("alarm")
    cloudwatch = place.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=namespace,
        MetricName="Answers",
        Statistic="Sum",
        Period=10,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
    )
    place.remove(cloudwatch.delete_alarms, AlarmNames=[name])
    return name, queue


@CLOUDWATCH.check()
def the_state_of_an_alarm_reaches_its_topic(place: Place) -> Finding:
    """The state is set by hand."""
    name, queue = alarm(place, place.name("metrics"))
    place.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="the probe")
    (message, *_) = place.wait_for("the message", lambda: take(place, queue))
    body = json.loads(message["Body"])
    right = (body["AlarmName"], body["NewStateValue"]) == (name, "ALARM")
    return judged(right, f"a message with {body['NewStateValue']} and the alarm's name")


@CLOUDWATCH.check(within_s=40)
def a_metric_over_its_threshold_raises_its_alarm(place: Place) -> Finding:
    """A metric is put until the alarm, of one period of ten seconds, tells its topic."""
    namespace = place.name("metrics")
    _, queue = alarm(place, namespace)

    def told() -> list[dict[str, Any]]:
        put_metric(place, namespace, 5.0)
        return take(place, queue, WaitTimeSeconds=1)

    body = json.loads(place.wait_for("the message", told)[0]["Body"])
    return judged(body["NewStateValue"] == "ALARM", f"a message with {body['NewStateValue']}")


class LogGroup:
    """A log group with one stream."""

    def __init__(self, place: Place, name: str) -> None:
        self.name, self.logs = name, place.client("logs")
        self.logs.create_log_group(logGroupName=name)
        place.remove(self.logs.delete_log_group, logGroupName=name)
        self.logs.create_log_stream(logGroupName=name, logStreamName="one")

    def write(self, *lines: Any) -> None:
        """Write lines as JSON."""
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": json.dumps(line)} for line in lines]
        self.logs.put_log_events(logGroupName=self.name, logStreamName="one", logEvents=events)

    def search(self, pattern: str) -> list[str]:
        """Give who stands in the lines that match."""
        events = self.logs.filter_log_events(logGroupName=self.name, filterPattern=pattern)["events"]
        return [json.loads(event["message"])["who"] for event in events]


def emf(namespace: str) -> dict[str, Any]:
    """Give a log line that carries a metric in the embedded metric format."""
    metric = {"Namespace": namespace, "Dimensions": [["Page"]], "Metrics": [{"Name": "Answers"}]}
    about = {"CloudWatchMetrics": [metric], "Timestamp": int(time.time() * 1000)}
    return {"_aws": about, "Page": "home", "Answers": 3}


@CLOUDWATCH.check(instead="the harness puts the metrics that functions log (harness/metrics.py)")
def the_target_itself_turns_log_lines_into_metrics(place: Place) -> Finding:
    """A line in the embedded metric format, in a group that no function has."""
    namespace = place.name("metrics")
    LogGroup(place, place.name("logs")).write(emf(namespace))
    found = place.seen(lambda: metric_sum(place, namespace, Page="home"), SOON_S)
    return kept("a metric of the line") if found else missing(f"no metric within {SOON_S:g} s")


@CLOUDWATCH.check(within_s=45)
def metrics_that_functions_log_can_be_read(place: Place) -> Finding:
    """The same in a function's log group, with the process that the harness runs beside an emulator."""
    namespace = place.name("metrics")
    group = LogGroup(place, f"/aws/lambda/{place.system.prefix}{place.name('function')}")

    def logged() -> float:
        group.write(emf(namespace))
        return metric_sum(place, namespace, Page="home")

    total = place.wait_for("the metric", logged)
    return judged(total % 3 == 0, "a metric of the line")


@LOGS.check(instead=SORTED_OUT)
def a_search_for_words_finds_their_lines_alone(place: Place) -> Finding:
    """A quoted word, of two lines."""
    return finds_ann_alone(place, '"ann"')


@LOGS.check(relied_on=False)
def a_search_by_field_finds_its_lines_alone(place: Place) -> Finding:
    """A JSON pattern, of two lines."""
    return finds_ann_alone(place, '{ $.level = "ERROR" }')


def finds_ann_alone(place: Place, pattern: str) -> Finding:
    """Search the two lines once they can be read."""
    group = LogGroup(place, place.name("logs"))
    group.write(*LINES)
    place.wait_for("both lines", lambda: len(group.search("")) == len(LINES))
    found = group.search(pattern)
    return judged(found == ["ann"], f"{len(found)} of two lines; wanted: 1")


@LOGS.check(relied_on=False)
def an_insights_query_filters(place: Place) -> Finding:
    """A query on a field, of two lines."""
    group = LogGroup(place, place.name("logs"))
    group.write(*LINES)
    now = int(time.time())
    query = group.logs.start_query(
        logGroupName=group.name,
        startTime=now - 3600,
        endTime=now + 60,
        queryString='fields @message | filter level = "ERROR"',
    )["queryId"]

    def ended() -> dict[str, Any] | None:
        answer = group.logs.get_query_results(queryId=query)
        return answer if answer["status"] not in ("Scheduled", "Running") else None

    answer = place.wait_for("the answer", ended)
    number = len(answer["results"]) if answer else 0
    return judged(number == 1, f"{number} of two lines; wanted: 1")


@LOGS.check(relied_on=False)
def a_metric_filter_counts_lines(place: Place) -> Finding:
    """A filter on a word and its metric."""
    group, namespace = LogGroup(place, place.name("logs")), place.name("metrics")
    value = [{"metricName": "Answers", "metricNamespace": namespace, "metricValue": "1"}]
    group.logs.put_metric_filter(
        logGroupName=group.name, filterName="one", filterPattern='"ERROR"', metricTransformations=value
    )
    group.write(*LINES)
    place.seen(lambda: metric_sum(place, namespace), SOON_S)
    total = metric_sum(place, namespace)
    counted = {0: "none of two lines counted", 1: "one of two lines counted"}
    return judged(total == 1, f"{counted.get(int(total), 'more than one counted')}; wanted: 1")


@LOGS.check(relied_on=False)
def a_log_group_keeps_its_retention(place: Place) -> Finding:
    """Seven days are set and read; that lines go after them is not looked at."""
    group = LogGroup(place, place.name("logs"))
    group.logs.put_retention_policy(logGroupName=group.name, retentionInDays=7)
    described = group.logs.describe_log_groups(logGroupNamePrefix=group.name)["logGroups"][0]
    return judged(described.get("retentionInDays") == 7, f"{described.get('retentionInDays')} days")


@XRAY.check(instead="every log line of a call carries its request id")
def traces_can_be_read(place: Place) -> Finding:
    """A segment is sent and its trace asked for."""
    xray, now = place.client("xray"), time.time()
    trace = f"1-{int(now):08x}-{secrets.token_hex(12)}"
    segment = {
        "name": f"{PREFIX}trace",
        "id": secrets.token_hex(8),
        "trace_id": trace,
        "start_time": now,
        "end_time": now,
    }
    xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(segment)])
    found = place.seen(lambda: xray.batch_get_traces(TraceIds=[trace])["Traces"], SOON_S)
    return kept("the segment") if found else missing(f"the segment is taken; no trace within {SOON_S:g} s")
