"""The message that announces an event on the engagement stream, and what it says."""

from collections.abc import Mapping
from typing import Any

from offerloop.offers.model import EngagementEvent, EventType
from offerloop.outbox import Message, Topic

# Four times as fast as EventType(…), which counts in the twin.
_EVENT_TYPES = {event_type.value: event_type for event_type in EventType}


def engagement_message(event: EngagementEvent) -> Message:
    """The message that announces an event on the engagement stream."""
    return Message(
        message_id=event.event_id,
        topic=Topic.ENGAGEMENT,
        partition_key=event.user_id,
        body={
            "event_id": event.event_id,
            "user_id": event.user_id,
            "offer_id": event.offer_id,
            "category": event.category,
            "event_type": event.event_type.value,
            "occurred_at_ms": event.occurred_at_ms,
            "experiment_id": event.experiment_id,
            "variant": event.variant,
            "first_exposure": event.first_exposure,
            "first_conversion": event.first_conversion,
        },
        written_at_ms=event.occurred_at_ms,
    )


def announced_event(body: Mapping[str, Any]) -> EngagementEvent:
    """The event that the body of such a message announces."""
    return EngagementEvent(
        body["event_id"],
        body["user_id"],
        body["offer_id"],
        body["category"],
        _EVENT_TYPES[body["event_type"]],
        body["occurred_at_ms"],
        body["experiment_id"],
        body["variant"],
        body["first_exposure"],
        body["first_conversion"],
    )
