"""What each function may do on AWS, read from the expanded template: no more than its own work."""

from __future__ import annotations

import re

import pytest

from handlers.aws.keys import opted_out_key
from tests.expanded_template import application, data, of_type
from tests.permissions import name_of, permissions, role_of, statements

# Actions that take no resource, by where AWS says so.
WITHOUT_RESOURCE = {
    "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html": {
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
    },
    "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html": {
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
    },
    "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html": {
        "cloudwatch:PutMetricData",
    },
}
FUNCTIONS = sorted(of_type(application(), "AWS::Lambda::Function"))
READS = {"BatchGetItem", "ConditionCheckItem", "GetItem", "Query", "Scan"}
STREAM_READS = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_a_role_of_its_own_and_no_managed_policy(function: str) -> None:
    """Managed policies name ``*`` as resource: with them each function reads every stream of the account."""
    shared = [other for other in FUNCTIONS if other != function and role_of(other) is role_of(function)]

    assert (shared, role_of(function).get("ManagedPolicyArns", [])) == ([], [])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_lambda_takes_on_a_functions_role(function: str) -> None:
    trusted = [
        (statement["Effect"], statement["Principal"], statement["Action"])
        for statement in role_of(function)["AssumeRolePolicyDocument"]["Statement"]
    ]

    assert trusted == [("Allow", {"Service": "lambda.amazonaws.com"}, "sts:AssumeRole")]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_statement_lists_what_it_allows(function: str) -> None:
    """``NotAction`` and ``NotResource`` allow all the rest; a condition allows less."""
    assert {frozenset(statement) - {"Condition"} for statement in statements(function)} == {
        frozenset({"Effect", "Action", "Resource"})
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_action_has_a_wildcard(function: str) -> None:
    assert [action for action, _ in permissions(function) if "*" in action or "?" in action] == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_any_resource_is_named_only_where_an_action_takes_none(function: str) -> None:
    on_any = {action for action, resource in permissions(function) if resource == "*"}

    # https://docs.aws.amazon.com/sns/latest/dg/sms_sending-overview.html: a phone number is no resource
    texts = {"sns:Publish"} if function == "FollowOrders" else set()
    assert on_any - set().union(*WITHOUT_RESOURCE.values()) == texts


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_resource_is_of_this_system_or_a_network_interface_of_the_account(function: str) -> None:
    """A wildcard stands at the end alone, below something of ours: an index, a stream."""
    exports = {
        each["Export"]["Name"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
        for each in data()["Outputs"].values()
    }
    own = exports | set(application()["Resources"])
    foreign = {
        (action, resource)
        for action, resource in permissions(function)
        if resource != "*" and resource.split("/")[0].split(".")[0] not in own
    }

    bedrock = "arn:${AWS::Partition}:bedrock"
    lambda_arn = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}"
    assert {(action.split(":")[0], resource) for action, resource in foreign} <= {
        # as AWS demands for interfaces
        ("ec2", "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:*/*"),
        ("secretsmanager", "RedisUrlSecretArn"),
        # itself, by its name: through its attribute, function and role would need each other
        ("lambda", f"{lambda_arn}:function:${{Prefix}}daily-rewards"),
        ("bedrock", f"{bedrock}:${{AWS::Region}}::foundation-model/${{BedrockModelId}}"),
        ("bedrock", f"{bedrock}:${{AWS::Region}}:${{AWS::AccountId}}:inference-profile/${{BedrockModelId}}"),
        ("bedrock", f"{bedrock}:*::foundation-model/*"),  # on a condition, see below
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_writes_its_own_log_and_no_other(function: str) -> None:
    logs = {(action, resource) for action, resource in permissions(function) if action.startswith("logs:")}

    assert logs == {
        (action, f"{function}Log.Arn") for action in ("logs:CreateLogStream", "logs:PutLogEvents")
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_reads_the_streams_that_feed_it_and_no_other(function: str) -> None:
    sources = {
        name_of(mapping["Properties"]["EventSourceArn"])
        for mapping in of_type(application(), "AWS::Lambda::EventSourceMapping").values()
        if mapping["Properties"]["FunctionName"] == {"Ref": function}
    }

    read = {resource for action, resource in permissions(function) if action.endswith(":GetRecords")}

    assert read == {
        source if source == "EngagementStreamArn" else source.replace("StreamArn", "TableArn/stream/*")
        for source in sources
        if "StreamArn" in source
    }
    received = {resource for action, resource in permissions(function) if action == "sqs:ReceiveMessage"}
    assert received == {source for source in sources if "StreamArn" not in source}


def test_the_redis_url_is_read_by_those_that_call_redis_and_where_it_is_a_secret_alone() -> None:
    """Without the parameter the policy is not there at all, rather than one that names nothing."""
    alone = "reads-the-redis-url"
    policies = {
        function: [policy["Fn::If"] for policy in role_of(function)["Policies"] if alone in str(policy)]
        for function in FUNCTIONS
    }

    assert {function for function, found in policies.items() if found} == {
        "RecommendOffers",
        "CountEngagement",
    }
    for condition, with_secret, without in [each for found in policies.values() for each in found]:
        assert (condition, without) == ("RedisUrlIsSecret", {"Ref": "AWS::NoValue"})
        assert with_secret["PolicyDocument"]["Statement"] == [
            {
                "Effect": "Allow",
                "Action": ["secretsmanager:GetSecretValue"],
                "Resource": {"Ref": "RedisUrlSecretArn"},
            }
        ]
    assert application()["Conditions"]["RedisUrlIsSecret"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "RedisUrlSecretArn"}, ""]}]
    }
    assert application()["Parameters"]["RedisUrlSecretArn"]["Default"] == ""


def test_a_model_is_asked_by_the_chatbot_alone_and_where_one_is_named_alone() -> None:
    """Any model of AWS's answers through the named profile, which lists its own; none answers without it."""
    policies = {
        function: policy["Fn::If"]
        for function in FUNCTIONS
        for policy in role_of(function)["Policies"]
        if "bedrock:" in str(policy)
    }

    assert policies.keys() == {"AnswerQuestions"}
    condition, with_model, without = policies["AnswerQuestions"]
    assert (condition, without) == ("HasModel", {"Ref": "AWS::NoValue"})
    direct, through_profile = with_model["PolicyDocument"]["Statement"]
    assert direct["Action"] == through_profile["Action"] == ["bedrock:InvokeModel"]
    assert through_profile["Condition"] == {
        "StringEquals": {"bedrock:InferenceProfileArn": direct["Resource"][1]}
    }
    assert application()["Conditions"]["HasModel"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "BedrockModelId"}, ""]}]
    }
    assert application()["Parameters"]["BedrockModelId"]["Default"] == ""


def test_whoever_takes_an_opt_out_back_can_delete_no_order() -> None:
    """Orders, histories and opt-outs share a table; partition keys tell them apart."""
    [deletes] = [each for each in statements("ManageOrders") if "dynamodb:DeleteItem" in each["Action"]]

    assert deletes["Action"] == ["dynamodb:DeleteItem"]
    assert deletes["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["PHONE#*"]}}
    assert opted_out_key("+447700900123")["PK"]["S"].startswith("PHONE#")


def test_the_chatbot_reads_orders_and_changes_nothing_but_the_count_of_requests() -> None:
    allowed = {each for each in permissions("AnswerQuestions") if each[0].startswith("dynamodb:")}

    assert allowed == {
        ("dynamodb:GetItem", "OrdersTableArn"),
        ("dynamodb:BatchGetItem", "OrdersTableArn"),
        ("dynamodb:Query", "OrdersTableArn/index/ByCustomer"),
        ("dynamodb:UpdateItem", "IdempotencyTableArn"),
    }


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ("", True),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", True),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", True),
        ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", True),
        ("*", False),
        ("anthropic.*", False),
        ("eu/some-model", False),
    ],
)
def test_the_parameter_takes_the_id_of_one_model(value: str, accepted: bool) -> None:
    pattern = application()["Parameters"]["BedrockModelId"]["AllowedPattern"]

    assert bool(re.search(pattern, value)) is accepted


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ("", True),
        ("arn:aws:secretsmanager:eu-central-1:123456789012:secret:offerloop-redis-a1B2c3", True),
        ("arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:shop/redis-a1B2c3", True),
        ("offerloop-redis", False),  # a role's permission needs the whole ARN
        ("arn:aws:secretsmanager:eu-central-1:123456789012:secret:*", False),
        ("rediss://user:password@host:6379/0", False),
    ],
)
def test_the_parameter_takes_the_arn_of_one_secret(value: str, accepted: bool) -> None:
    pattern = application()["Parameters"]["RedisUrlSecretArn"]["AllowedPattern"]

    assert bool(re.search(pattern, value)) is accepted


def test_stock_is_changed_by_those_alone_whose_work_it_is() -> None:
    """Who may write the table of offers; the publisher and the relay delete outbox rows there."""
    writers = {
        function
        for function in FUNCTIONS
        for action, resource in permissions(function)
        if resource == "OffersTableArn" and action.removeprefix("dynamodb:") not in READS
    }

    assert writers == {
        *("TrackEvent", "ManageOffers", "WatchInventory", "ExpireOffers", "PrepareExperiment"),
        *("PublishEvents", "RelayEvents"),
        *("ManageOrders", "ProcessOrders", "ReconcileOrders", "SweepOrders"),
    }


def test_whoever_reads_an_index_of_orders_may_read_the_rows_behind_it() -> None:
    """The indexes hold keys only; no emulator refuses what a role lacks."""
    readers = {
        action: {
            function
            for function in FUNCTIONS
            for allowed, resource in permissions(function)
            if allowed == action and resource.startswith(resources)
        }
        for action, resources in (
            ("dynamodb:Query", "OrdersTableArn/index/"),
            ("dynamodb:BatchGetItem", "OrdersTableArn"),
        )
    }

    assert readers["dynamodb:Query"] <= readers["dynamodb:BatchGetItem"]
    assert "ManageOrders" in readers["dynamodb:Query"]


def test_a_recommendation_changes_nothing_but_the_count_of_requests() -> None:
    changes = {
        (action, resource)
        for action, resource in permissions("RecommendOffers")
        if action.startswith("dynamodb:") and action.removeprefix("dynamodb:") not in READS | STREAM_READS
    }

    assert changes == {("dynamodb:UpdateItem", "IdempotencyTableArn")}


def test_the_daily_job_reads_the_ledger_and_changes_nothing_of_it() -> None:
    used = {
        (action, resource)
        for action, resource in permissions("AggregateRewards")
        if action.split(":")[0] in ("dynamodb", "s3", "cloudwatch")
    }
    [puts] = [each for each in statements("AggregateRewards") if "cloudwatch:PutMetricData" in each["Action"]]

    assert used == {
        ("dynamodb:Query", "RewardsTableArn/index/ByDay"),
        ("s3:GetObject", "AnalyticsBucketArn/daily-rewards/*"),
        ("s3:PutObject", "AnalyticsBucketArn/daily-rewards/*"),
        ("s3:ListBucket", "AnalyticsBucketArn"),
        ("cloudwatch:PutMetricData", "*"),
    }
    namespace = {"Fn::Sub": "${Prefix}LoyaltyPlatform/Rewards"}
    assert puts["Condition"] == {"StringEquals": {"cloudwatch:namespace": namespace}}
