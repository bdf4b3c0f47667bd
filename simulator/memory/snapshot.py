"""A snapshot of everything that a world in memory has stored: what the invariants are checked on."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from offerloop.offers.experiments import ExperimentStatus, Tally
from offerloop.offers.scoring import BY_PRIORITY, Order, RankEntry, Weights
from simulator.memory.world import MemoryWorld
from simulator.memory.world import Place as StoredPlace
from simulator.snapshot import ListOfRanking, OfferInRanking, Place, Snapshot, StoredEvent, WaitingMessage

_EITHER = " or "  # between the keys of an offer that two lists of one order sort differently


def snapshot(
    world: MemoryWorld,
    *,
    with_places: bool = True,
    events_are_complete: bool = True,
    payments: Mapping[str, int] | None = None,
) -> Snapshot:
    """The whole world at this moment; mappings are its own, so take it, check it and let it go.

    Time grows with the number of offers in rankings and of events kept: about 4 ms for 50 offers with
    5,000 events.

    Args:
        with_places: False leaves the places in rankings out, which most of the time goes into.
        events_are_complete: False once the world has forgotten its oldest events.
        payments: what the payment service keeps by order id; None = it is not looked at.
    """
    rankings = rankings_complete(world)
    kept = {weights.ranking_id for weights in rankings}
    return Snapshot(
        taken_at_ms=world.clock.now_ms(),
        offers=world.offers,
        states=world.states,
        rankings=rankings,
        places=dict(_places(world, rankings)) if with_places else {},
        ends_listed={offer_id for _, offer_id in world.expiries},
        boards={ListOfRanking(*key): (board,) for key, board in world.boards.items() if key[0] in kept},
        available=world.available,
        pivots=tuple(world.pivots.values()),
        events=tuple(_events(world)),
        redeemed=world.redemptions,
        tallies={
            (experiment_id, variant): Tally(*counts)
            for experiment_id, tallies in world.tallies.items()
            for variant, counts in tallies.items()
        },
        outbox=tuple(
            WaitingMessage(message.message_id, message.written_at_ms) for message in world.outbox.values()
        ),
        trend=world.trend,
        products=world.products,
        orders=world.orders,
        transitions=world.transitions,
        codes=world.codes,
        code_levels=world.code_counts,
        free_codes=[(pool_id, code) for pool_id, codes in world.free_codes.items() for code in codes],
        accounts=world.accounts,
        entries=world.entries,
        order_rewards=world.order_rewards,
        payments=payments,
        events_are_complete=events_are_complete,
    )


def rankings_complete(world: MemoryWorld) -> tuple[Weights, ...]:
    """The weights that complete lists are kept for: those of an experiment count once it is RUNNING."""
    live = world.live()
    running = live.rankings if live is not None and live.status is ExperimentStatus.RUNNING else ()
    return tuple(dict.fromkeys((world.weights, BY_PRIORITY, *running)))


def _places(world: MemoryWorld, rankings: tuple[Weights, ...]) -> Iterator[tuple[OfferInRanking, Place]]:
    """Each place as the sorted lists have it, whatever the record of places says.

    An offer that only one of the two knows gets a place that equals no right one.
    """
    for weights in rankings:
        recorded = world.places.get(weights.ranking_id, {})
        listed = _listed(world, weights)
        for offer_id in recorded.keys() | listed.keys():
            place = _place(recorded.get(offer_id), listed.get(offer_id, {}), weights)
            yield OfferInRanking(offer_id, weights.ranking_id), place


_Listed = dict[tuple[str, Order], tuple[str, RankEntry]]  # list name and order -> sort key and entry


def _listed(world: MemoryWorld, weights: Weights) -> dict[str, _Listed]:
    """Where the lists of one ranking have each offer."""
    found: dict[str, _Listed] = defaultdict(dict)
    for (ranking_id, name, order), sorted_entries in world.lists.items():
        if ranking_id == weights.ranking_id:
            for key, entry in zip(sorted_entries.keys, sorted_entries.entries, strict=True):
                found[entry.offer_id][name, order] = key, entry
    return found


def _place(recorded: StoredPlace | None, listed: _Listed, weights: Weights) -> Place:
    orders = (Order.BASE,) if weights == BY_PRIORITY else tuple(Order)
    category, entry = recorded or ("", next(iter(listed.values()))[1])
    names = {name for name, _ in listed}

    def entries(name: str) -> set[RankEntry | None]:
        return {listed.get((name, order), ("", None))[1] for order in orders}

    keys = {
        order: _EITHER.join(sorted({key for (_, of), (key, _) in listed.items() if of is order}))
        for order in orders
    }
    return Place(
        category=category,
        entry=entry,
        lists=frozenset(name for name in names if entries(name) == {entry}),
        base_key=keys[Order.BASE],
        urgent_key=keys.get(Order.URGENT),
    )


def _events(world: MemoryWorld) -> Iterator[StoredEvent]:
    for event in world.events.values():
        yield StoredEvent(event, world.counted_at.get(event.event_id))
