"""Shoppers, events, messages and experiments as rows."""

from handlers.aws.attributes import (
    Item,
    Value,
    flag,
    is_set,
    n,
    number,
    optional_text,
    packed,
    s,
    text,
    unpacked,
)
from handlers.aws.keys import event_key, outbox_key, profile_key
from offerloop.offers.experiments import Experiment, ExperimentStatus, Variant
from offerloop.offers.model import Affinity, EngagementEvent, EventType, Shopper
from offerloop.offers.scoring import Weights
from offerloop.outbox import Message, Topic

EVENTS_KEPT_FOR_S = 90 * 24 * 3600


def shopper_of(item: Item) -> Shopper:
    """The shopper in a PROFILE row; foreign clients may write no more than segment and preferences."""
    preferences = item.get("preferences", {}).get("L", [])
    affinities: dict[str, tuple[float, int]] = unpacked(item, "affinities", {})
    return Shopper(
        user_id=item["PK"]["S"].removeprefix("USER#"),
        segment=text(item, "segment", "standard"),
        preferences=tuple(preference["S"] for preference in preferences if "S" in preference),
        affinities={category: Affinity(points, as_of) for category, (points, as_of) in affinities.items()},
        skips=unpacked(item, "skips", {}),
        exposed_in=optional_text(item, "exposed_in"),
        converted_in=optional_text(item, "converted_in"),
        engagement_points=number(item, "engagement_points"),
        version=number(item, "version"),
    )


def shopper_item(shopper: Shopper) -> dict[str, Value]:
    """The PROFILE row of a shopper."""
    affinities = {name: (affinity.points, affinity.as_of) for name, affinity in shopper.affinities.items()}
    item = profile_key(shopper.user_id) | {
        "segment": s(shopper.segment),
        "preferences": {"L": [s(category) for category in shopper.preferences]},
        "affinities": packed(affinities),
        "skips": packed(dict(shopper.skips)),
        "engagement_points": n(shopper.engagement_points),
        "version": n(shopper.version),
    }
    return item | _texts(exposed_in=shopper.exposed_in, converted_in=shopper.converted_in)


def event_of(item: Item) -> EngagementEvent:
    """The event in an EVENT row."""
    return EngagementEvent(
        event_id=text(item, "event_id"),
        user_id=text(item, "user_id"),
        offer_id=text(item, "offer_id"),
        category=text(item, "category"),
        event_type=EventType(text(item, "event_type")),
        occurred_at_ms=number(item, "occurred_at_ms"),
        experiment_id=optional_text(item, "experiment_id"),
        variant=optional_text(item, "variant"),
        first_exposure=is_set(item, "first_exposure"),
        first_conversion=is_set(item, "first_conversion"),
    )


def event_item(event: EngagementEvent) -> dict[str, Value]:
    """The EVENT row of an event."""
    item = event_key(event.user_id, event.occurred_at_ms, event.event_id) | {
        "event_id": s(event.event_id),
        "user_id": s(event.user_id),
        "offer_id": s(event.offer_id),
        "category": s(event.category),
        "event_type": s(event.event_type.value),
        "occurred_at_ms": n(event.occurred_at_ms),
        "first_exposure": flag(event.first_exposure),
        "first_conversion": flag(event.first_conversion),
        "delete_at": n(event.occurred_at_ms // 1_000 + EVENTS_KEPT_FOR_S),
    }
    return item | _texts(experiment_id=event.experiment_id, variant=event.variant)


def message_of(item: Item) -> Message:
    """The message in an outbox row."""
    written_at_ms, _, message_id = item["SK"]["S"].partition("#")
    return Message(
        message_id=message_id,
        topic=Topic(text(item, "topic")),
        partition_key=text(item, "partition_key"),
        body=unpacked(item, "body", {}),
        written_at_ms=int(written_at_ms),
    )


def message_item(message: Message) -> dict[str, Value]:
    """The outbox row of a message."""
    return outbox_key(message.partition_key, message.written_at_ms, message.message_id) | {
        "topic": s(message.topic.value),
        "partition_key": s(message.partition_key),
        "body": packed(dict(message.body)),
    }


def experiment_of(item: Item) -> Experiment:
    """The experiment in a METADATA or LIVE row."""
    experiment_id, status, started_at, stopped_at, index_cursor, variants = unpacked(item, "experiment", None)
    return Experiment(
        experiment_id=experiment_id,
        variants=tuple(Variant(name, share_bp, Weights(*weights)) for name, share_bp, weights in variants),
        status=ExperimentStatus(status),
        started_at=started_at,
        stopped_at=stopped_at,
        index_cursor=index_cursor,
    )


def experiment_attributes(experiment: Experiment) -> dict[str, Value]:
    """What the rows of an experiment carry; equal experiments have equal attributes."""
    variants = [
        (
            variant.name,
            variant.share_bp,
            (
                variant.weights.priority_bp,
                variant.weights.relevance_bp,
                variant.weights.urgency_bp,
                variant.weights.inventory_bp,
            ),
        )
        for variant in experiment.variants
    ]
    whole = (
        experiment.experiment_id,
        experiment.status.value,
        experiment.started_at,
        experiment.stopped_at,
        experiment.index_cursor,
        variants,
    )
    return {
        "experiment_id": s(experiment.experiment_id),
        "status": s(experiment.status.value),
        "experiment": packed(whole),
    }


def _texts(**values: str | None) -> dict[str, Value]:
    """String attributes, without those that are None."""
    return {name: s(value) for name, value in values.items() if value is not None}
