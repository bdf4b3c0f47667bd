"""`Outbox`: what is not sent is found again, what is sent is gone."""

from offerloop.offers.model import Shopper
from tests.contract.conftest import Stores
from tests.factories import NOON_MS, a_tracked, an_event, an_offer


def written(stores: Stores, count: int, users: int = 5) -> list[str]:
    """Events of several users, one per millisecond; returns their ids in order."""
    stores.put_offer(an_offer())
    shoppers = {f"user-{number}": Shopper(f"user-{number}") for number in range(users)}
    ids = []
    for number in range(count):
        user_id = f"user-{number % users}"
        event = an_event(f"event-{number:03d}", user_id=user_id, occurred_at_ms=NOON_MS + number)
        tracked = a_tracked(event, shopper_before=shoppers[user_id])
        stores.activity.record(tracked)
        shoppers[user_id] = tracked.shopper_after
        ids.append(event.event_id)
    return ids


def test_only_what_was_written_before_is_overdue_oldest_first(stores):
    ids = written(stores, 12)

    overdue = stores.outbox.overdue(NOON_MS + 7, 100)

    assert [message.message_id for message in overdue] == ids[:7]
    assert stores.outbox.overdue(NOON_MS, 100) == []


def test_a_limit_keeps_the_oldest(stores):
    ids = written(stores, 12)

    assert [message.message_id for message in stores.outbox.overdue(2**43, 4)] == ids[:4]


def test_sent_messages_are_gone_and_may_be_marked_twice(stores):
    ids = written(stores, 30)
    first = stores.outbox.overdue(2**43, 27)

    stores.outbox.mark_sent(first)
    stores.outbox.mark_sent([*first, *first])
    stores.outbox.mark_sent([])

    assert [message.message_id for message in stores.outbox.overdue(2**43, 100)] == ids[27:]
