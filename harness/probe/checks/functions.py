"""Lambda: event sources, failures, limits."""

from __future__ import annotations

import json
from typing import Any

from harness.probe.finding import Finding, Group, judged, kept, missing, partly
from harness.probe.function import Function
from harness.probe.place import Place, race, refusal
from harness.probe.resources import (
    key,
    kinesis_summary,
    make_kinesis_stream,
    make_queue,
    make_table,
    table_stream,
    take,
)

FUNCTIONS = Group("Lambda")
RETRIES = 2
FROM_THE_START = {"StartingPosition": "TRIM_HORIZON"}
LONG_CALL_S = 1.5  # calls made at once are still at work when the last of them comes


def stream_of(place: Place, **options: Any) -> tuple[Function, str]:
    """Make a function that reads a Kinesis stream of one shard in batches of ten; give both."""
    stream, function = make_kinesis_stream(place), Function(place)
    arn = kinesis_summary(place, stream)["StreamARN"]
    function.listen(arn, BatchSize=10, **FROM_THE_START, **options)
    return function, stream


def send(place: Place, stream: str, names: list[str]) -> None:
    """Put records into one shard, in order, as one call."""
    entries = [{"Data": name.encode(), "PartitionKey": "one"} for name in names]
    place.client("kinesis").put_records(StreamName=stream, Records=entries)


def times_words(number: int) -> str:
    """Give how often something came, in words."""
    return "once" if number == 1 else f"{number} times"


def matching(**pattern: Any) -> dict[str, Any]:
    """Give the setting for one filter pattern."""
    return {"FilterCriteria": {"Filters": [{"Pattern": json.dumps(pattern)}]}}


@FUNCTIONS.check(within_s=30)
def a_filter_keeps_records_of_a_table_away(place: Place) -> Finding:
    """Of an insertion, a change and a deletion of rows of two kinds, only the wanted insertion comes."""
    dynamodb, table, function = place.client("dynamodb"), make_table(place, stream=True), Function(place)
    wanted = matching(eventName=["INSERT"], dynamodb={"Keys": {"PK": {"S": [{"prefix": "OUTBOX#"}]}}})
    function.listen(table_stream(place, table), **FROM_THE_START, **wanted)
    for name in ("OFFER#1", "OUTBOX#1", "OFFER#2", "OUTBOX#2"):
        dynamodb.put_item(TableName=table, Item=key(name))
    dynamodb.delete_item(TableName=table, Key=key("OUTBOX#1"))
    dynamodb.put_item(TableName=table, Item=key("OUTBOX#3"))
    place.wait_for("the last row", lambda: function.times("OUTBOX#3"))
    came = [name for batch in function.batches() for name in batch]
    return judged(came == ["OUTBOX#1", "OUTBOX#2", "OUTBOX#3"], f"came: {', '.join(came)}")


@FUNCTIONS.check(within_s=30)
def a_filter_looks_into_the_new_image(place: Place) -> Finding:
    """Of rows of two kinds and two states, the one of the wanted kind and state comes."""
    dynamodb, table, function = place.client("dynamodb"), make_table(place, stream=True), Function(place)
    wanted = {"Keys": {"SK": {"S": ["METADATA"]}}, "NewImage": {"status": {"S": ["PREPARING"]}}}
    function.listen(table_stream(place, table), **FROM_THE_START, **matching(dynamodb=wanted))
    rows = [("a", "OTHER", "PREPARING"), ("b", "METADATA", "RUNNING"), ("c", "METADATA", "PREPARING")]
    for name, kind, status in rows:
        dynamodb.put_item(TableName=table, Item={**key(name, kind), "status": {"S": status}})
    dynamodb.delete_item(TableName=table, Key=key("c", "METADATA"))
    dynamodb.put_item(TableName=table, Item={**key("d", "METADATA"), "status": {"S": "PREPARING"}})
    place.wait_for("the last row", lambda: function.times("d"))
    came = [name for batch in function.batches() for name in batch]
    return judged(came == ["c", "d"], f"came: {', '.join(came)}; wanted: c, d")


@FUNCTIONS.check(within_s=30)
def only_the_reported_message_of_a_batch_comes_again(place: Place) -> Finding:
    """Partial batch failures of a queue."""
    queue, arn = make_queue(place, VisibilityTimeout="1")
    sqs, function = place.client("sqs"), Function(place, timeout_s=1)
    names = ["good-1", "reject", "good-2"]
    entries = [{"Id": str(number), "MessageBody": name} for number, name in enumerate(names)]
    sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    function.listen(arn, BatchSize=10, FunctionResponseTypes=["ReportBatchItemFailures"])
    place.wait_for("the message again", lambda: function.times("reject") >= 2)
    times = {name: function.times(name) for name in ("good-1", "good-2")}
    return judged(
        set(times.values()) == {1},
        f"the reported one again, the others: {', '.join(map(times_words, times.values()))}",
    )


@FUNCTIONS.check(within_s=40)
def a_stream_goes_on_behind_a_reported_record(place: Place) -> Finding:
    """Partial batch failures of a stream: nothing before the reported record comes again."""
    function, stream = stream_of(
        place, MaximumRetryAttempts=RETRIES, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    send(place, stream, ["a", "reject"])
    place.wait_for("the record again", lambda: function.times("reject") >= 2)
    send(place, stream, ["last"])
    place.wait_for("what lies behind", lambda: function.times("last"))
    first = function.times("a")
    return judged(first == 1, f"the record before it: {times_words(first)}; the one behind it: once")


@FUNCTIONS.check(
    instead="consumers name the record that fails; what is lost, the relay and `make audit` find",
    within_s=40,
)
def a_failing_batch_is_halved_until_the_bad_record_is_alone(place: Place) -> Finding:
    """BisectBatchOnFunctionError with a record that fails any batch it is in."""
    function, stream = stream_of(place, MaximumRetryAttempts=RETRIES, BisectBatchOnFunctionError=True)
    names = ["a", "b", "c", "poison", "d", "e", "f"]
    send(place, stream, names)
    send(place, stream, ["last"])
    place.wait_for("what lies behind", lambda: function.times("last"))

    def taken() -> set[str]:
        return {name for batch in function.batches() if "poison" not in batch for name in batch}

    wanted = {*names, "last"} - {"poison"}
    place.seen(lambda: taken() >= wanted, 10)
    lost = len(wanted - taken())
    return judged(not lost, f"of seven good records beside a bad one, {lost} never came without it")


@FUNCTIONS.check(within_s=40)
def a_stream_gives_up_after_its_retries(place: Place) -> Finding:
    """A batch that always fails comes 1 + MaximumRetryAttempts times, and blocks its shard no longer."""
    function, stream = stream_of(place, MaximumRetryAttempts=RETRIES)
    send(place, stream, ["poison"])
    place.wait_for("the first attempt", lambda: function.times("poison"))
    send(place, stream, ["last"])
    place.wait_for("what lies behind", lambda: ["last"] in function.batches())
    times = function.times("poison")
    seen = f"with {RETRIES} retries it came {times} times, then the shard went on"
    return kept(seen) if times == 1 + RETRIES else partly(seen)


@FUNCTIONS.check(within_s=40)
def what_a_stream_gave_up_reaches_its_failure_destination(place: Place) -> Finding:
    """A message with the position of the lost records, in a queue."""
    queue, arn = make_queue(place)
    _, stream = stream_of(
        place, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    send(place, stream, ["poison"])
    (message, *_) = place.wait_for("a message", lambda: take(place, queue))
    body = json.loads(message["Body"])
    why, where = body["requestContext"]["condition"], body.get("KinesisBatchInfo", {})
    seen = f"{why}, positions of {where.get('batchSize', 'no')} record"
    return judged(why == "RetryAttemptsExhausted" and where["batchSize"] == 1, seen)


@FUNCTIONS.check(within_s=40)
def what_failed_asynchronously_reaches_its_destination(place: Place) -> Finding:
    """An invocation by event that fails, without retries."""
    queue, arn = make_queue(place)
    client, function = place.client("lambda"), Function(place)
    client.put_function_event_invoke_config(
        FunctionName=function.name,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    client.invoke(FunctionName=function.name, InvocationType="Event", Payload=json.dumps({"do": "fail"}))
    (message, *_) = place.wait_for("a message", lambda: take(place, queue))
    body = json.loads(message["Body"])
    carried = body.get("requestPayload") == {"do": "fail"}
    return judged(
        carried, f"{body['requestContext']['condition']}, {'with' if carried else 'without'} the event"
    )


@FUNCTIONS.check()
def an_error_keeps_its_type_and_stack_trace(place: Place) -> Finding:
    """A raised LookupError."""
    answer, error = Function(place).invoke(do="fail")
    known = answer.get("errorType") == "LookupError" and error == "Unhandled"
    traced = "asked to fail" in str(answer.get("stackTrace"))
    seen = f"{answer.get('errorType')}, {'with' if traced else 'without'} the line that raised it"
    return kept(seen) if known and traced else partly(seen) if known else missing(seen)


@FUNCTIONS.check()
def a_function_is_ended_at_its_timeout(place: Place) -> Finding:
    """A function of one second that sleeps for five, and its next call."""
    function = Function(place, timeout_s=1)
    answer, error = function.invoke(sleep_s=5)
    _, next_error = function.invoke()
    seen = f"{'ended' if error else 'not ended'}; the next call {'fails' if next_error else 'goes well'}"
    return judged(bool(error) and "timed out" in str(answer) and not next_error, seen)


@FUNCTIONS.check(relied_on=False)
def reserved_concurrency_is_a_limit(place: Place) -> Finding:
    """Four calls at once of a function that may run once."""
    client, function = place.client("lambda"), Function(place)
    client.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=1)
    function.invoke()

    def call(_: int) -> str:
        event = json.dumps({"sleep_s": LONG_CALL_S})
        return refusal(client.invoke, FunctionName=function.name, Payload=event)

    refused = race(call, 4).count("TooManyRequestsException")
    return judged(refused == 3, f"{refused} of 4 calls at once refused")
