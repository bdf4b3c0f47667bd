"""Scripts that once broke a law, as short as the hunt made them, break none any more."""

import pytest

from offerloop.offers.model import EventType
from simulator.hunt.script import CreateOffer, Deliver, RemoveOffer, SetStock, Stream, Track
from simulator.hunt.search import perform

KITE = CreateOffer(offer="kite", category="kites", priority=50, stock=1, per_user=0)

SCRIPTS = {
    "a monitor dies between boards and index, and the offer sells out before the batch comes again": [
        KITE,
        Deliver(stream=Stream.OFFERS, fails_after=1),
        Track(user="ann", offer="kite", event=EventType.REDEMPTION),
    ],
    "a monitor dies between boards and index, and the offer is removed before the batch comes again": [
        KITE,
        Deliver(stream=Stream.OFFERS, dies_after=1),
        RemoveOffer(offer="kite"),
    ],
    "a monitor dies when a sold-out offer has left boards, and stock comes before the batch comes again": [
        KITE,
        Deliver(stream=Stream.OFFERS),
        SetStock(offer="kite", units=0),
        Deliver(stream=Stream.OFFERS, dies_after=2),
        SetStock(offer="kite", units=1),
    ],
}


@pytest.mark.parametrize("case", SCRIPTS)
def test_the_script_breaks_no_law(case):
    performance = perform(SCRIPTS[case])

    assert (performance.steps, performance.broken) == (len(SCRIPTS[case]), None)
