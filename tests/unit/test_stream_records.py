"""Stream records say what happened, whoever wrote and whatever deleted."""

import base64
import json

from handlers.aws.engagement_rows import experiment_attributes, message_item
from handlers.aws.keys import experiment_key, live_experiment_key
from handlers.aws.offer_rows import offer_item
from handlers.aws.stream_records import (
    engagement_event,
    experiment_id,
    offer_change,
    outbox_message,
    table_of,
)
from offerloop.offers.engagement_messages import engagement_message
from offerloop.offers.model import OfferChange
from tests.factories import NOON, an_event, an_experiment, an_offer

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/demo-Offers/stream/2027-01-15T08:00:00.000"


def a_record(old=None, new=None, **more):
    keys = {name: (new or old)[name] for name in ("PK", "SK")}
    images = {name: image for name, image in (("OldImage", old), ("NewImage", new)) if image is not None}
    change = {"Keys": keys, "ApproximateCreationDateTime": float(NOON) + 0.5, "SequenceNumber": "17"} | images
    return {"eventID": "e-1", "eventSourceARN": ARN, "dynamodb": change} | more


def test_a_written_offer_is_a_change_with_both_sides():
    before, after = an_offer(), an_offer(inventory_count=0)

    change = offer_change(a_record(offer_item(before), offer_item(after)))

    assert change == OfferChange("e-1", "OFF001", NOON, before, after)
    assert change.is_stockout


def test_a_first_write_has_no_before():
    assert offer_change(a_record(new=offer_item(an_offer()))).before is None


def test_a_row_deleted_by_ttl_is_a_change_to_nothing():
    service = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}

    change = offer_change(a_record(old=offer_item(an_offer()), eventName="REMOVE", userIdentity=service))

    assert (change.before, change.after, change.is_stockout) == (an_offer(), None, False)


def test_records_of_other_rows_are_no_changes_of_an_offer():
    state = {"PK": {"S": "OFFER#OFF001"}, "SK": {"S": "STATE"}}
    experiment = experiment_key("exp-1") | experiment_attributes(an_experiment())

    assert [offer_change(a_record(new=row)) for row in (state, experiment)] == [None, None]


def test_either_row_of_an_experiment_names_it():
    attributes = experiment_attributes(an_experiment())

    assert experiment_id(a_record(new=experiment_key("exp-1") | attributes)) == "exp-1"
    assert experiment_id(a_record(new=live_experiment_key("ann") | attributes)) == "exp-1"


def test_an_outbox_row_is_its_message_and_names_its_table():
    message = engagement_message(an_event())
    record = a_record(new=message_item(message))

    assert (outbox_message(record), table_of(record)) == (message, "demo-Offers")


def test_an_event_comes_through_the_engagement_stream_unchanged():
    event = an_event(experiment_id="exp-1", variant="urgent", first_exposure=True)
    data = json.dumps(dict(engagement_message(event).body)).encode()

    assert engagement_event({"kinesis": {"data": base64.b64encode(data).decode()}}) == event
