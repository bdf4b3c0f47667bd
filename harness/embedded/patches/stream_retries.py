"""Stream event sources honour retries, bisection, partial failures and the failure destination.

Without it: a batch that fails is retried for ever and blocks its shard; ``batchItemFailures`` are taken
for success, so the failed records are lost; no failure destination is written on exhausted retries.
Fails without it: test_target_streams.py (every test).

AWS: docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html and
services-ddb-batchfailurereporting.html
"""

import datetime
import json
import os
import time
import urllib.parse
import urllib.request
import uuid

from ministack.services import lambda_svc

# AWS backs off from 1 s up; the poller that waits here serves all event sources.
RETRY_DELAY_S = 0.05


def apply() -> None:
    """Wrap the executor: invocations by a stream's event source get delivery rules around them."""
    lambda_svc._execute_function = delivering(lambda_svc._execute_function)


def delivering(execute):
    """Give *execute* with the delivery rules of stream event sources."""

    def execute_function(func, event, *args, **options):
        records = event.get("Records") if isinstance(event, dict) else None
        mapping = event_source_of(func, records)
        if mapping is None:
            return execute(func, event, *args, **options)
        return deliver(lambda batch: execute(func, {"Records": batch}), mapping, records)

    return execute_function


def event_source_of(func, records):
    """Find the event source mapping that made this batch; None for any other invocation."""
    if not isinstance(records, list) or not records or not isinstance(records[0], dict):
        return None
    if records[0].get("eventSource") not in ("aws:dynamodb", "aws:kinesis"):
        return None
    name = (func.get("config") or func).get("FunctionName")
    for _account, _region, mapping in lambda_svc._iter_all_esms():
        if mapping["EventSourceArn"] == records[0].get("eventSourceARN") and mapping["FunctionName"] == name:
            return mapping
    return None


def deliver(invoke, mapping, records, attempts=0):
    """Invoke until all records are taken, or given up into the failure destination.

    Args:
        invoke: takes a list of records, returns the emulator's result of one invocation.
        attempts: failed attempts that this batch has behind it.
    Returns:
        A result without ``error`` when the shard may move on, else the failed result: the poller tries again.
    """
    retries = mapping.get("MaximumRetryAttempts")
    limited = retries is not None and int(retries) >= 0
    while True:
        result = invoke(records)
        failed_from = first_failure(mapping, records, result)
        if failed_from is None:
            return result
        if result.get("throttle") or not limited:
            return {**result, "error": True}
        records = records[failed_from:]
        # Splitting a batch does not count as an attempt.
        if mapping.get("BisectBatchOnFunctionError") and len(records) > 1:
            half = len(records) // 2
            first = deliver(invoke, mapping, records[:half], attempts)
            if first.get("error"):
                return first
            return deliver(invoke, mapping, records[half:], attempts)
        attempts += 1
        if attempts > int(retries):
            send_to_failure_destination(mapping, records, result, attempts)
            return {"body": None}
        time.sleep(RETRY_DELAY_S)


def first_failure(mapping, records, result):
    """Give the index of the first record that was not processed, None when all were."""
    if result.get("error") or result.get("throttle"):
        return 0
    body = result.get("body")
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []):
        return None
    failures = (body.get("batchItemFailures") if isinstance(body, dict) else None) or []
    failed = {failure.get("itemIdentifier") for failure in failures}
    # An identifier that names no record fails the whole batch, as on AWS.
    known = [index for index, record in enumerate(records) if sequence_number(record) in failed]
    return None if not failed else min(known, default=0)


def sequence_number(record):
    part = record.get("dynamodb") or record["kinesis"]
    return part.get("SequenceNumber") or part.get("sequenceNumber")


def send_to_failure_destination(mapping, records, result, attempts):
    """Send AWS's document on a batch that was given up; it names the records and does not carry them."""
    target = ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    if not target:
        return
    kind = "DDBStreamBatchInfo" if "dynamodb" in records[0] else "KinesisBatchInfo"
    arrivals = [arrival_time(record) for record in (records[0], records[-1])]
    document = {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": mapping.get("FunctionArn", ""),
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": attempts,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": result.get("function_error") or "Unhandled",
        },
        "version": "1.0",
        "timestamp": iso(time.time()),
        kind: {
            "shardId": records[0].get("eventID", "").split(":")[0] or "shardId-000000000000",
            "startSequenceNumber": sequence_number(records[0]),
            "endSequenceNumber": sequence_number(records[-1]),
            "approximateArrivalOfFirstRecord": iso(arrivals[0]),
            "approximateArrivalOfLastRecord": iso(arrivals[1]),
            "batchSize": len(records),
            "streamArn": mapping["EventSourceArn"],
        },
    }
    send(target, json.dumps(document))


def arrival_time(record):
    part = record.get("dynamodb") or record["kinesis"]
    return float(part.get("ApproximateCreationDateTime") or part.get("approximateArrivalTimestamp") or 0)


def iso(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()


def send(target_arn, body):
    """Send through the emulator's own SQS or SNS endpoint."""
    _arn, _aws, service, region, account, name = target_arn.split(":", 5)
    address = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}/"
    if service == "sqs":
        action = {"Action": "SendMessage", "QueueUrl": f"{address}{account}/{name}", "MessageBody": body}
    else:
        action = {"Action": "Publish", "TopicArn": target_arn, "Message": body}
    credential = f"{account}/20260101/{region}/{service}/aws4_request"
    request = urllib.request.Request(
        address,
        urllib.parse.urlencode(action).encode(),
        {"Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"},
    )
    urllib.request.urlopen(request, timeout=5).close()
