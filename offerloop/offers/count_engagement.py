"""Count published events once each: trending categories and the experiments' tallies."""

from collections.abc import Sequence

from offerloop.offers.model import EngagementEvent
from offerloop.offers.ports import EngagementStore


def count_engagement(events: Sequence[EngagementEvent], *, store: EngagementStore, now: int) -> int:
    """Add a delivered batch; redelivered events change nothing.

    Returns:
        How many events were new.
    """
    unique = {event.event_id: event for event in events}
    return store.count(list(unique.values()), now) if unique else 0
