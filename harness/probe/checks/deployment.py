"""CloudFormation, IAM, Secrets Manager: what a deployment rests on."""

from __future__ import annotations

import json
import string
from typing import Any

import boto3

from harness.probe.finding import Finding, Group, judged, kept, missing, partly
from harness.probe.place import Place, refusal
from harness.probe.resources import Stack, make_table

CLOUDFORMATION = Group("CloudFormation")
IAM = Group("IAM")
SECRETS = Group("Secrets Manager")


def queue_resource(place: Place, timeout_s: int = 30) -> dict[str, Any]:
    """Give a template's resources with one named queue."""
    name = place.name("queue")
    return {
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"QueueName": name, "VisibilityTimeout": timeout_s},
        }
    }


def bad_queue() -> dict[str, Any]:
    """Give a second queue that no target can make, after the first."""
    return {
        "Type": "AWS::SQS::Queue",
        "DependsOn": "Queue",
        "Properties": {"QueueName": "not a name", "VisibilityTimeout": 99_999},
    }


def timeout_of(place: Place) -> str:
    """Give the visibility timeout that the queue has now."""
    sqs = place.client("sqs")
    address = sqs.get_queue_url(QueueName=place.name("queue"))["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["VisibilityTimeout"])
    return str(attributes["Attributes"]["VisibilityTimeout"])


def remove_queue(place: Place) -> None:
    """Remove the queue that a stack may have lost track of."""
    sqs = place.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=place.name("queue"))["QueueUrl"])


@CLOUDFORMATION.check(
    instead="`make deploy` names the resource that failed; `make reset` is the way out", within_s=40
)
def a_failing_update_is_rolled_back(place: Place) -> Finding:
    """A changed queue, and a second one whose name is none."""
    place.remove(remove_queue, place=place)
    stack = Stack(place, "stack", queue_resource(place))
    status = stack.update({**queue_resource(place, 31), "Bad": bad_queue()})
    seen = f"{status}; the changed queue is {'as before' if timeout_of(place) == '30' else 'still changed'}"
    if "ROLLBACK" not in status:
        return missing(seen)
    restored = status == "UPDATE_ROLLBACK_COMPLETE" and timeout_of(place) == "30"
    return kept(seen) if restored else partly(seen)


@CLOUDFORMATION.check(
    instead="`make up` names the resource that failed; `make reset` is the way out", within_s=40
)
def a_failed_creation_leaves_nothing_behind(place: Place) -> Finding:
    """A queue, and a second one whose name is none: the first goes, and the stack can be deleted."""
    place.remove(remove_queue, place=place)
    stack = Stack(place, "stack", {**queue_resource(place), "Bad": bad_queue()})
    status = stack.status
    if status == "CREATE_COMPLETE":
        return missing(status)
    gone = place.seen(lambda: refusal(timeout_of, place=place), 5)
    stack.delete()
    seen = f"{status}; the queue {'goes with it' if gone else 'stays'}; after its end: {stack.wait()}"
    return judged(gone and seen.endswith("DELETE_COMPLETE"), seen)


@CLOUDFORMATION.check(instead="cfn-lint knows every type and reads every template in `make lint`")
def an_unknown_type_is_refused(place: Place) -> Finding:
    """A queue with a letter too many."""
    code = refusal(Stack, place=place, name="stack", resources={"Q": {"Type": "AWS::SQS::Quueue"}})
    if code:
        return kept(f"refused: {code}")
    status = place.client("cloudformation").describe_stacks(StackName=place.name("stack"))["Stacks"][0]
    return judged("ROLLBACK" in status["StackStatus"], status["StackStatus"])


@CLOUDFORMATION.check(
    instead="`make destroy` removes readers first, and asks who reads before it deletes a stack"
)
def a_stack_imports_what_another_exports(place: Place) -> Finding:
    """An exported name, imported by the next stack; the first cannot be deleted meanwhile."""
    export = place.name("export")
    producer = Stack(
        place,
        "producer",
        queue_resource(place),
        Outputs={"Arn": {"Value": {"Fn::GetAtt": ["Queue", "Arn"]}, "Export": {"Name": export}}},
    )
    parameter = {"Type": "String", "Value": {"Fn::ImportValue": export}, "Name": place.name("parameter")}
    consumer = Stack(
        place,
        "consumer",
        {"Parameter": {"Type": "AWS::SSM::Parameter", "Properties": parameter}},
        Outputs={"Arn": {"Value": {"Fn::ImportValue": export}}},
    )
    imported = consumer.output("Arn").endswith(place.name("queue"))
    code = refusal(producer.delete)
    remains = bool(code) or producer.wait() != "DELETE_COMPLETE"
    seen = f"the value is {'imported' if imported else 'not imported'}; "
    seen += f"deleting an export in use is {'refused' if remains else 'not refused'}"
    return (kept(seen) if remains else partly(seen)) if imported else missing(seen)


@CLOUDFORMATION.check()
def a_change_set_says_what_it_would_change(place: Place) -> Finding:
    """One resource changed and one added, not carried out."""
    stack = Stack(place, "stack", queue_resource(place))
    described = stack.change_set({**queue_resource(place, 31), "Topic": {"Type": "AWS::SNS::Topic"}})
    changes = sorted(
        f"{each['ResourceChange']['Action']} {each['ResourceChange']['LogicalResourceId']}"
        for each in described["Changes"]
    )
    untouched = timeout_of(place) == "30"
    return judged(
        changes == ["Add Topic", "Modify Queue"] and untouched,
        f"{', '.join(changes)}; {'nothing' if untouched else 'something'} done",
    )


@IAM.check(instead="tests read every role in the templates; only AWS shows a missing permission")
def who_has_no_permission_is_refused(place: Place) -> Finding:
    """A role without any policy reads a table."""
    iam, name, table = place.client("iam"), place.name("role"), make_table(place)
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )["Role"]["Arn"]
    place.remove(iam.delete_role, RoleName=name)
    given = place.client("sts").assume_role(RoleArn=role, RoleSessionName="probe")["Credentials"]
    dynamodb = boto3.session.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], place.system.region
    ).client("dynamodb", endpoint_url=place.system.endpoint_url)
    code = refusal(dynamodb.describe_table, TableName=table)
    if code and "AccessDenied" not in code:
        return partly(f"refused for another reason: {code}")
    return judged(bool(code), code or "a role without policies reads a table")


@SECRETS.check()
def a_generated_secret_leaves_out_what_it_should(place: Place) -> Finding:
    """A stack's secret of 200 characters without punctuation and vowels."""
    excluded = "aeiouAEIOU"
    generate = {"PasswordLength": 200, "ExcludePunctuation": True, "ExcludeCharacters": excluded}
    properties = {"Name": place.name("secret"), "GenerateSecretString": generate}
    Stack(place, "stack", {"Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": properties}})
    value = place.client("secretsmanager").get_secret_value(SecretId=place.name("secret"))["SecretString"]
    wrong = sorted(set(value) & set(string.punctuation + excluded))
    return judged(
        len(value) == 200 and not wrong,
        f"{len(value)} characters, of the excluded ones {'some' if wrong else 'none'}",
    )


@SECRETS.check(relied_on=False)
def a_new_version_of_a_secret_keeps_the_last(place: Place) -> Finding:
    """AWSCURRENT and AWSPREVIOUS after a second value."""
    secrets, name = place.client("secretsmanager"), place.name("secret")
    secrets.create_secret(Name=name, SecretString="one")
    place.remove(secrets.delete_secret, SecretId=name, ForceDeleteWithoutRecovery=True)
    secrets.put_secret_value(SecretId=name, SecretString="two")
    stages = ("AWSCURRENT", "AWSPREVIOUS")
    values = [secrets.get_secret_value(SecretId=name, VersionStage=each)["SecretString"] for each in stages]
    return judged(values == ["two", "one"], f"current {values[0]}, previous {values[1]}")
