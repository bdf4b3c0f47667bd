"""What must hold of every function, table, stream, queue and log on AWS, read from the expanded templates."""

from __future__ import annotations

from typing import Any

import pytest

from offerloop.codes.replenish_pool import ATTEMPT_S
from offerloop.codes.runs import DEADLINE_S, MAX_ATTEMPTS
from tests.expanded_template import application, data, observability, of_type

FUNCTIONS = of_type(application(), "AWS::Lambda::Function")
TABLES = of_type(data(), "AWS::DynamoDB::Table")
ALARMS = [each["Properties"] for each in of_type(observability(), "AWS::CloudWatch::Alarm").values()]
FAILURES = {"Fn::GetAtt": ["StreamFailures", "Arn"]}
NOTHING = {"Ref": "AWS::NoValue"}

Properties = dict[str, Any]


def alarms_on(metric: str, dimension: str, value: Any) -> list[Properties]:
    """Give the alarms on one metric of one thing."""
    return [
        alarm
        for alarm in ALARMS
        if alarm["MetricName"] == metric and {"Name": dimension, "Value": value} in alarm["Dimensions"]
    ]


def mappings(of_streams: bool) -> dict[str, Properties]:
    """Give the event source mappings of streams, or those of queues, by their logical ids."""
    found = of_type(application(), "AWS::Lambda::EventSourceMapping")
    properties = {name: each["Properties"] for name, each in found.items()}
    return {name: each for name, each in properties.items() if ("StartingPosition" in each) == of_streams}


def queue(name: str) -> Properties:
    """Give the properties of a queue."""
    properties: Properties = application()["Resources"][name]["Properties"]
    return properties


def started_by_rules() -> set[str]:
    """Give the functions that rules start, and so nobody waits for."""
    return {
        target["Arn"]["Fn::GetAtt"][0]
        for rule in of_type(application(), "AWS::Events::Rule").values()
        for target in rule["Properties"]["Targets"]
    }


# ── Functions ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_logs_into_a_group_that_forgets(function: str) -> None:
    properties = FUNCTIONS[function]["Properties"]
    group = application()["Resources"][properties["LoggingConfig"]["LogGroup"]["Ref"]]

    name = properties["FunctionName"]["Fn::Sub"]
    assert group["Properties"] == {
        "LogGroupName": {"Fn::Sub": f"/aws/lambda/{name}"},
        "RetentionInDays": {"Ref": "LogRetentionDays"},
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_one_error_of_a_function_is_an_alarm(function: str) -> None:
    name = FUNCTIONS[function]["Properties"]["FunctionName"]

    found = alarms_on("Errors", "FunctionName", name)

    assert [(each["Threshold"], each["ComparisonOperator"]) for each in found] == [
        (0, "GreaterThanThreshold")
    ]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_traced(function: str) -> None:
    assert FUNCTIONS[function]["Properties"]["TracingConfig"] == {"Mode": "Active"}


ACCRUALS = "AccrueBonusesEndedOrders"
RETRIED_FOR_A_DAY = 10_000  # nothing else would account for the order: a fault of ours holds it up, not away


@pytest.mark.parametrize("mapping", mappings(of_streams=True))
def test_what_a_stream_consumer_gives_up_on_is_kept(mapping: str) -> None:
    """A batch is tried a bounded number of times and halved between, and good records count as done."""
    found = mappings(of_streams=True)[mapping]
    named = (
        "MaximumRetryAttempts",
        "BisectBatchOnFunctionError",
        "FunctionResponseTypes",
        "DestinationConfig",
    )

    assert {name: found.get(name) for name in named} == {
        "MaximumRetryAttempts": RETRIED_FOR_A_DAY if mapping == ACCRUALS else 10,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {"OnFailure": {"Destination": FAILURES}},
    }


@pytest.mark.parametrize(
    "function", sorted({each["FunctionName"]["Ref"] for each in mappings(of_streams=True).values()})
)
def test_a_stream_consumer_that_falls_behind_is_an_alarm(function: str) -> None:
    """Long before the stream forgets, which it does after a day."""
    found = alarms_on("IteratorAge", "FunctionName", FUNCTIONS[function]["Properties"]["FunctionName"])

    assert [(each["Statistic"], each["ComparisonOperator"]) for each in found] == [
        ("Maximum", "GreaterThanThreshold")
    ]
    assert 10_000 <= found[0]["Threshold"] <= 300_000  # ms


@pytest.mark.parametrize("mapping", mappings(of_streams=False))
def test_a_queue_keeps_a_message_that_one_of_its_batch_failed_with(mapping: str) -> None:
    """Each message is judged alone, and no second consumer takes it while the first is still at work."""
    found = mappings(of_streams=False)[mapping]
    function = FUNCTIONS[found["FunctionName"]["Ref"]]["Properties"]

    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    source = queue(found["EventSourceArn"]["Fn::GetAtt"][0])
    assert source["VisibilityTimeout"] == 6 * function["Timeout"]


def test_what_a_queue_gives_up_on_waits_in_another_that_raises_an_alarm() -> None:
    fed = {each["EventSourceArn"]["Fn::GetAtt"][0] for each in mappings(of_streams=False).values()}
    given_up_to = {
        name: queue(name)["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for name in fed
        if "RedrivePolicy" in queue(name)
    }

    # The reconciler takes what the processor gave up, and gives nothing up itself.
    assert given_up_to == {
        "OrderQueue": "OrderFailures",
        "OrderFollowups": "FollowupFailures",
        "ReplenishmentQueue": "ReplenishmentFailures",
        "CrmQueue": "CrmFailures",
    }
    assert fed - set(given_up_to) == {"OrderFailures"}
    for name in given_up_to.values():
        exported = {"Fn::ImportValue": {"Fn::Sub": f"${{Prefix}}offerloop:{name}Name"}}
        found = alarms_on("ApproximateNumberOfMessagesVisible", "QueueName", exported)
        assert [each["Threshold"] for each in found] == [0]


def test_what_a_rule_started_in_vain_is_kept() -> None:
    kept = {
        each["Properties"]["FunctionName"]["Ref"]: each["Properties"]["DestinationConfig"]
        for each in of_type(application(), "AWS::Lambda::EventInvokeConfig").values()
    }

    assert started_by_rules() != set()
    assert kept == {name: {"OnFailure": {"Destination": FAILURES}} for name in started_by_rules()}


def test_a_failure_that_waits_is_an_alarm() -> None:
    queue = {"Fn::ImportValue": {"Fn::Sub": "${Prefix}offerloop:StreamFailuresName"}}

    found = alarms_on("ApproximateNumberOfMessagesVisible", "QueueName", queue)

    assert application()["Outputs"]["StreamFailuresName"]["Value"] == {
        "Fn::GetAtt": ["StreamFailures", "QueueName"]
    }
    assert [each["Threshold"] for each in found] == [0]


@pytest.mark.parametrize("alarm", [each["AlarmName"]["Fn::Sub"] for each in ALARMS])
def test_somebody_is_told_of_an_alarm(alarm: str) -> None:
    [found] = [each for each in ALARMS if each["AlarmName"]["Fn::Sub"] == alarm]

    assert (found["AlarmActions"], found["OKActions"]) == ([{"Ref": "AlarmTopic"}], [{"Ref": "AlarmTopic"}])


def test_no_concurrency_is_reserved_unless_asked_for() -> None:
    reserved = {
        name: each["Properties"]["ReservedConcurrentExecutions"]
        for name, each in FUNCTIONS.items()
        if "ReservedConcurrentExecutions" in each["Properties"]
    }

    serving = {"Fn::If": ["ReservesServing", {"Ref": "ServingConcurrency"}, NOTHING]}
    consuming = {"Fn::If": ["ReservesConsumers", {"Ref": "ConsumerConcurrency"}, NOTHING]}
    consumers = {each["FunctionName"]["Ref"] for each in mappings(of_streams=True).values()}
    assert reserved == dict.fromkeys(("RecommendOffers", "TrackEvent"), serving) | dict.fromkeys(
        consumers, consuming
    )
    for name, condition in (
        ("ServingConcurrency", "ReservesServing"),
        ("ConsumerConcurrency", "ReservesConsumers"),
    ):
        assert application()["Parameters"][name]["Default"] == 0
        assert application()["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [{"Ref": name}, 0]}]}


def test_those_that_call_redis_and_no_others_can_join_its_network() -> None:
    """No VPC by default: a function in one needs a way out to AWS's own services."""
    network = {"SubnetIds": {"Ref": "SubnetIds"}, "SecurityGroupIds": {"Ref": "SecurityGroupIds"}}
    where_asked = {"Fn::If": ["InVpc", network, NOTHING]}

    joined = {
        name: each["Properties"]["VpcConfig"]
        for name, each in FUNCTIONS.items()
        if "VpcConfig" in each["Properties"]
    }

    assert joined == {"RecommendOffers": where_asked, "CountEngagement": where_asked}
    assert application()["Parameters"]["SubnetIds"]["Default"] == ""


# ── Data ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_encrypted_can_be_restored_and_outlives_its_stack(table: str) -> None:
    found = TABLES[table]

    assert (found["DeletionPolicy"], found["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert found["Properties"]["SSESpecification"] == {"SSEEnabled": True}
    assert found["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize("table", TABLES)
def test_a_throttled_table_is_an_alarm(table: str) -> None:
    name = TABLES[table]["Properties"]["TableName"]

    assert len(alarms_on("ReadThrottleEvents", "TableName", name)) == 1
    assert len(alarms_on("WriteThrottleEvents", "TableName", name)) == 1


def test_the_bucket_of_promo_codes_is_private_encrypted_versioned_and_outlives_its_stack() -> None:
    bucket = data()["Resources"]["PromoBucket"]
    properties = bucket["Properties"]

    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert properties["BucketName"] == {"Fn::Sub": "${Prefix}lambda-promo-sessions-${AWS::AccountId}"}
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["NotificationConfiguration"] == {
        "EventBridgeConfiguration": {"EventBridgeEnabled": True}
    }
    [encrypted] = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encrypted == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}


def test_a_replenishment_run_ends_before_its_queue_gives_its_message_up() -> None:
    """Its own attempts end it with a reason; what is cut off each time is ended by the sweeper."""
    source = queue("ReplenishmentQueue")

    assert FUNCTIONS["ReplenishCodes"]["Properties"]["Timeout"] == ATTEMPT_S
    assert source["RedrivePolicy"]["maxReceiveCount"] > MAX_ATTEMPTS
    assert 2 * source["VisibilityTimeout"] + MAX_ATTEMPTS * ATTEMPT_S / 2 < DEADLINE_S


def test_the_bucket_of_figures_is_private_encrypted_versioned_and_outlives_its_stack() -> None:
    bucket = data()["Resources"]["AnalyticsBucket"]
    properties = bucket["Properties"]

    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "ServerSideEncryptionConfiguration" in properties["BucketEncryption"]


def test_the_engagement_stream_is_encrypted_and_keeps_a_day() -> None:
    [stream] = of_type(data(), "AWS::Kinesis::Stream").values()

    assert stream["Properties"]["StreamEncryption"] == {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}
    assert stream["Properties"]["RetentionPeriodHours"] == 24


def test_queues_are_encrypted_and_keep_messages_as_long_as_can_be() -> None:
    queues = of_type(application(), "AWS::SQS::Queue")

    kept = [
        (each["Properties"]["SqsManagedSseEnabled"], each["Properties"]["MessageRetentionPeriod"])
        for each in queues.values()
    ]

    assert kept == [(True, 14 * 24 * 3600)] * len(queues) != []


@pytest.mark.parametrize("topic", of_type(application(), "AWS::SNS::Topic"))
def test_a_topic_is_encrypted(topic: str) -> None:
    assert application()["Resources"][topic]["Properties"]["KmsMasterKeyId"] == "alias/aws/sns"


# ── API ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_only_stage_is_traced_throttled_and_logged() -> None:
    [stage] = of_type(application(), "AWS::ApiGateway::Stage").values()
    properties = stage["Properties"]

    assert properties["StageName"] == "prod"
    assert properties["TracingEnabled"] is True
    assert properties["AccessLogSetting"]["DestinationArn"] == {"Fn::GetAtt": ["ApiAccessLog", "Arn"]}
    assert properties["MethodSettings"] == [
        {
            "ResourcePath": "/*",
            "HttpMethod": "*",
            "MetricsEnabled": True,
            "ThrottlingRateLimit": {"Ref": "ApiRateLimit"},
            "ThrottlingBurstLimit": {"Ref": "ApiBurstLimit"},
        }
    ]


def test_every_log_group_forgets() -> None:
    groups = of_type(application(), "AWS::Logs::LogGroup")

    assert [name for name, each in groups.items() if "RetentionInDays" not in each["Properties"]] == []
    assert len(groups) == len(FUNCTIONS) + 1  # and the access log


def test_pages_of_any_origin_can_read_what_the_gateway_itself_refuses() -> None:
    """Else a shopper who is told to wait gets no more than that something failed."""
    [api] = of_type(application(), "AWS::ApiGateway::RestApi").values()
    responses = api["Properties"]["Body"]["x-amazon-apigateway-gateway-responses"]

    allowed = {
        kind: response["responseParameters"]["gatewayresponse.header.Access-Control-Allow-Origin"]
        for kind, response in responses.items()
    }

    assert set(allowed.values()) == {"'*'"}
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED", "INVALID_API_KEY"} <= set(allowed)
    exposed = responses["THROTTLED"]["responseParameters"]
    assert exposed["gatewayresponse.header.Access-Control-Expose-Headers"] == "'Retry-After'"


def test_a_night_without_the_daily_figures_raises_an_alarm() -> None:
    """No run means no datapoint: what is missing has to count, for longer than a day and so short a while."""
    daily = {"Fn::Sub": "${Prefix}daily-rewards"}

    [alarm] = alarms_on("Invocations", "FunctionName", daily)

    assert (alarm["TreatMissingData"], alarm["ComparisonOperator"]) == ("breaching", "LessThanThreshold")
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 1)
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html: seven days at
    # most where a period is an hour or longer
    assert 24 * 3_600 < alarm["Period"] * alarm["EvaluationPeriods"] <= 7 * 86_400
    assert alarm["Period"] >= 3_600
