"""The one tiny function of the probe, and what it has seen."""

from __future__ import annotations

import inspect
import io
import json
import sys
import zipfile
from typing import Any

from harness.probe.place import Place

# The interpreter at hand, which is what `make up` deploys functions for.
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
ASSUMED_BY_LAMBDA = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}

CODE = inspect.cleandoc(
    '''
    """Say which records came; "poison" fails the batch, "reject" its own record; calls get their path."""

    import base64
    import json
    import time


    def handle(event, context):
        if "httpMethod" in event:
            return {"statusCode": 200, "body": json.dumps(event["pathParameters"])}
        if "Records" not in event:
            print(json.dumps({"batch": [event.get("do", "")]}))
            if event.get("do") == "fail":
                raise LookupError("asked to fail")
            time.sleep(event.get("sleep_s", 0))
            return event
        names = [name_and_id(record) for record in event["Records"]]
        print(json.dumps({"batch": [name for name, _ in names]}))
        if any("poison" in name for name, _ in names):
            raise ValueError("poison")
        rejected = [identifier for name, identifier in names if "reject" in name]
        return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in rejected[:1]]}


    def name_and_id(record):
        if "dynamodb" in record:
            return record["dynamodb"]["Keys"]["PK"]["S"], record["dynamodb"]["SequenceNumber"]
        if "kinesis" in record:
            data = base64.b64decode(record["kinesis"]["data"]).decode()
            return data, record["kinesis"]["sequenceNumber"]
        return record["body"], record["messageId"]
    '''
)


class Function:
    """A deployed copy of the tiny function, with a role of its own.

    The role allows nothing, which emulators do not mind; see the row on permissions.
    """

    def __init__(self, place: Place, *, timeout_s: int = 10) -> None:
        self._place, self.name = place, place.name("function")
        self._lambda, iam = place.client("lambda"), place.client("iam")
        role = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(ASSUMED_BY_LAMBDA))
        place.remove(iam.delete_role, RoleName=self.name)
        place.remove(place.client("logs").delete_log_group, logGroupName=self.log_group)
        self.arn: str = self._lambda.create_function(
            FunctionName=self.name,
            Runtime=RUNTIME,
            Handler="probe.handle",
            Role=role["Role"]["Arn"],
            Code={"ZipFile": package()},
            Timeout=timeout_s,
        )["FunctionArn"]
        place.remove(self._lambda.delete_function, FunctionName=self.name)
        place.wait_for(
            "the function",
            lambda: (
                self._lambda.get_function(FunctionName=self.name)["Configuration"].get("State", "Active")
                == "Active"
            ),
        )

    @property
    def log_group(self) -> str:
        """Its log group."""
        return f"/aws/lambda/{self.name}"

    def listen(self, source_arn: str, **options: Any) -> None:
        """Let it take from a stream or a queue; returns once the event source is enabled."""
        identifier = self._lambda.create_event_source_mapping(
            FunctionName=self.name, EventSourceArn=source_arn, **options
        )["UUID"]
        self._place.remove(self._lambda.delete_event_source_mapping, UUID=identifier)
        mapping = self._lambda.get_event_source_mapping
        self._place.wait_for("the event source", lambda: mapping(UUID=identifier)["State"] == "Enabled")

    def invoke(self, **event: Any) -> tuple[dict[str, Any], str]:
        """Invoke it and wait; give its answer and the kind of error, empty when it went well."""
        answer = self._lambda.invoke(FunctionName=self.name, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read()), answer.get("FunctionError", "")

    def batches(self) -> list[list[str]]:
        """Give the names in each batch that it was given so far, oldest first, from its log."""
        logs = self._place.client("logs")
        groups = logs.describe_log_groups(logGroupNamePrefix=self.log_group)["logGroups"]
        if not groups:
            return []
        events = logs.filter_log_events(logGroupName=self.log_group)["events"]
        lines = (event["message"].strip() for event in events)
        return [json.loads(line)["batch"] for line in lines if line.startswith('{"batch"')]

    def times(self, name: str) -> int:
        """Give how often a record came."""
        return sum(batch.count(name) for batch in self.batches())


def package() -> bytes:
    """Give the function as a zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("probe.py", CODE)
    return packed.getvalue()
