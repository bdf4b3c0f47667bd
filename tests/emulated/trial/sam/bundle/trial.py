"""The functions of the trial application: each does what a test asks for."""

import base64
import importlib
import json
import os
import time

import boto3
import orjson

SEEN = boto3.resource("dynamodb").Table(os.environ["SEEN_TABLE"])


def answer(event, context):
    """Answer an API call, or do what the field ``do`` of a direct invocation says."""
    asked = event.get("do")
    if asked == "log":
        for number in range(event["lines"]):
            print(f"line {number} of {event['run']}")
    elif asked == "fail":
        raise LookupError(event["why"])
    elif asked == "import":
        importlib.import_module(event["module"])
    elif asked == "exit":
        os._exit(event["code"])
    elif asked == "sleep":
        time.sleep(event["seconds"])
    elif asked == "environment":
        return dict(os.environ)
    elif asked == "metric":
        metric = {
            "Namespace": "Trial",
            "Dimensions": [["Page"]],
            "Metrics": [{"Name": "Answers", "Unit": "Count"}],
        }
        emf = {"CloudWatchMetrics": [metric], "Timestamp": int(time.time() * 1000)}
        print(json.dumps({"_aws": emf, "Page": "home", "Answers": event["count"]}))
    body = orjson.dumps({"path": event.get("path"), "parameters": event.get("pathParameters")}).decode()
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": body}


def record(event, context):
    """Keep the order in which records came; ``poison`` fails the batch, ``reject`` only its record."""
    failures = []
    for item in event["Records"]:
        if "dynamodb" in item:
            sequence = item["dynamodb"]["SequenceNumber"]
            name = item["dynamodb"]["Keys"]["PK"]["S"]
        else:
            sequence = item["kinesis"]["sequenceNumber"]
            name = base64.b64decode(item["kinesis"]["data"]).decode()
        if "poison" in name:
            raise ValueError(f"cannot take {name}")
        if "reject" in name:
            failures.append({"itemIdentifier": sequence})
            break
        SEEN.update_item(
            Key={"PK": name}, UpdateExpression="ADD times :one", ExpressionAttributeValues={":one": 1}
        )
    return {"batchItemFailures": failures}
