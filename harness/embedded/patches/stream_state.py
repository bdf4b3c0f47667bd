"""DynamoDB stream records survive a restart, and do not pile up once every event source has read them.

Without it: positions of event sources are kept over a restart and the records are not, so after `make down`
and `make up` unread records are lost and as many new ones are skipped as were ever read; the state is saved
while event sources still work, so it may say "read" of what was never written; and records with both images
stay in memory for 24 h, which a long replay does not fit into.
Fails without it: test_target_lifecycle.py::test_consumers_go_on_where_they_were_after_down_and_up,
test_embedded_patches.py::test_records_that_everybody_has_read_are_forgotten.
"""

import threading

from ministack import app
from ministack.services import dynamodb, lambda_svc

# Read records kept per table, for whoever looks into a stream by hand.
KEPT_READ_RECORDS = 1_000
POLLERS = ("_poll_sqs", "_poll_kinesis", "_poll_dynamodb_streams")
LAST_BATCH_WITHIN_S = 10


def apply() -> None:
    """Save and restore the records, forget read ones, and let event sources rest while state is saved."""
    dynamodb.get_state = with_records(dynamodb.get_state)
    dynamodb.load_persisted_state = restoring_records(dynamodb.load_persisted_state)
    working = threading.Lock()
    for name in POLLERS:
        setattr(lambda_svc, name, poll_alone(getattr(lambda_svc, name), working))
    app.save_all = save_at_rest(app.save_all, working)


def with_records(get_state):
    """Give ``get_state`` with what is needed to go on with the streams."""

    def state():
        return {
            **get_state(),
            "stream_records": dynamodb._stream_records,
            "stream_trimmed": dynamodb._stream_trimmed,
            "stream_sequence": dynamodb._stream_seq_counter,
        }

    return state


def restoring_records(load):
    """Give ``load_persisted_state`` that takes it up again."""

    def load_state(data):
        load(data)
        if data and "stream_sequence" in data:
            dynamodb._stream_records.update(data["stream_records"])
            dynamodb._stream_trimmed.update(data["stream_trimmed"])
            dynamodb._stream_seq_counter = data["stream_sequence"]

    return load_state


def poll_alone(poll, working):
    """Give a poller that holds *working* for one pass, and then forgets what all have read."""

    def poll_once():
        with working:
            processed = poll()
            forget_read_records()
            return processed

    return poll_once


def save_at_rest(save_all, working):
    """Give ``save_all`` that waits for the last batch and lets none begin after it."""

    def save(services):
        working.acquire(timeout=LAST_BATCH_WITHIN_S)  # never released: the emulator ends
        save_all(services)

    return save


def forget_read_records():
    """Drop the records that every event source of a table has passed, but for the last of them.

    Runs between passes only: nobody may hold a position relative to the records while they go.
    """
    read_to = {}
    for account, region, mapping in lambda_svc._iter_all_esms():
        source = mapping.get("EventSourceArn", "")
        if ":dynamodb:" in source and "/stream/" in source:
            table = source.split("/stream/")[0].split("/")[-1]
            position = lambda_svc._dynamodb_stream_positions._data.get((account, region, mapping["UUID"]), 0)
            key = (account, region, table)
            read_to[key] = min(position, read_to.get(key, position))
    for key, position in read_to.items():
        trimmed = dynamodb._stream_trimmed.get_scoped(*key, 0)
        read = position - trimmed - KEPT_READ_RECORDS
        if read > 0:
            del dynamodb._stream_records._data[key][:read]
            dynamodb._stream_trimmed.set_scoped(*key, trimmed + read)
