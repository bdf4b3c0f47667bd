"""Records of the tables' streams and of the engagement stream, as the business knows them."""

import base64
from collections.abc import Mapping
from typing import Any

import orjson

from handlers.aws.engagement_rows import message_of
from handlers.aws.keys import EXPERIMENT_PREFIX, METADATA, OFFER_PREFIX, POOL_PREFIX
from handlers.aws.offer_rows import offer_of
from handlers.aws.order_rows import order_of
from offerloop.offers.engagement_messages import announced_event
from offerloop.offers.model import EngagementEvent, OfferChange
from offerloop.orders.model import Order
from offerloop.outbox import Message

Record = Mapping[str, Any]


def offer_change(record: Record) -> OfferChange | None:
    """What a record of the table `Offers` says about an offer; None for a record of another row.

    A removal, also one by TTL, is a change to nothing.
    """
    change = record["dynamodb"]
    pk, sk = change["Keys"]["PK"]["S"], change["Keys"]["SK"]["S"]
    if sk != METADATA or not pk.startswith(OFFER_PREFIX):
        return None
    before, after = change.get("OldImage"), change.get("NewImage")
    return OfferChange(
        change_id=record["eventID"],
        offer_id=pk.removeprefix(OFFER_PREFIX),
        changed_at=int(change["ApproximateCreationDateTime"]),
        before=offer_of(before) if before else None,
        after=offer_of(after) if after else None,
    )


def experiment_id(record: Record) -> str:
    """The experiment that a record of one of its rows is about."""
    change = record["dynamodb"]
    image = change.get("NewImage") or change.get("OldImage") or {}
    if "experiment_id" in image:
        return str(image["experiment_id"]["S"])
    return str(change["Keys"]["PK"]["S"].removeprefix(EXPERIMENT_PREFIX))


def pool_of_free_code(record: Record) -> str:
    """The pool that a record of a free code is about: one that came into it, or left it."""
    return str(record["dynamodb"]["Keys"]["PK"]["S"].removeprefix(POOL_PREFIX).rpartition("#")[0])


def outbox_message(record: Record) -> Message:
    """The message in a record of a new outbox row."""
    return message_of(record["dynamodb"]["NewImage"])


def ended_order(record: Record) -> Order:
    """The order in a record of an order that ended, or of which something was given back."""
    return order_of(record["dynamodb"]["NewImage"])


def table_of(record: Record) -> str:
    """The table that a stream record comes from, out of `arn:…:table/<name>/stream/<label>`."""
    return str(record["eventSourceARN"].split("/")[1])


def engagement_event(record: Record) -> EngagementEvent:
    """The event in a record of the engagement stream."""
    return announced_event(orjson.loads(base64.b64decode(record["kinesis"]["data"])))
