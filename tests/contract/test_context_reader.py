"""`ContextReader`: everything about a user and the moment."""

from offerloop.offers.model import EventType, Shopper, TrendingCategory
from offerloop.offers.ports import ServingContext
from tests.factories import NOON, a_tracked, an_event, an_offer


def test_nothing_is_known_of_an_unknown_user(stores):
    assert stores.contexts.context("nobody", NOON) == ServingContext(None, (), None, 0)


def test_the_context_has_the_profile_and_the_three_strongest_trends(stores):
    stores.put_offer(an_offer())
    events = [
        an_event(f"{category}-{number}", user_id=f"{category}-{number}", category=category, event_type=kind)
        for category, kind in {
            "toys": EventType.REDEMPTION,
            "books": EventType.ADD_TO_CART,
            "garden": EventType.CLICK,
            "music": EventType.CLICK,
        }.items()
        for number in range(6)
    ]
    for event in events:
        stores.activity.record(a_tracked(event, takes_unit=False))
    stores.engagement.count(events, NOON)
    stores.activity.put_shopper(Shopper("ann", preferences=("toys",)))

    context = stores.contexts.context("ann", NOON)

    assert context.shopper == Shopper("ann", preferences=("toys",), version=1)
    assert context.trending == (
        TrendingCategory("toys", 30.0),
        TrendingCategory("books", 18.0),
        TrendingCategory("garden", 12.0),
    )
