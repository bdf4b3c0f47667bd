"""The conservation laws of the offers system, as pure functions over a snapshot of everything stored.

Each check compares what is stored with what it must follow from, recomputed here in the plainest way. A
breach names a subject and a fault; both stay the same while the breach lasts, so that two snapshots of a
system under load can be compared: what is in both is no matter of timing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from offerloop.offers.board import Head
from offerloop.offers.experiments import Tally
from offerloop.offers.model import EventType, Offer, OfferStatus, Pivot
from offerloop.offers.rank_offers import lists_of
from offerloop.offers.relevance import decayed
from offerloop.offers.scoring import BY_PRIORITY, Order, RankEntry, Weights, sort_key
from offerloop.offers.trending import FORGET_BELOW, TRENDING_HALF_LIFE_S, TRENDING_POINTS
from simulator.figure_laws import FIGURE_LAWS
from simulator.findings import Breach, Findings, Invariant, InvariantResult
from simulator.order_laws import ORDER_LAWS, refunded_units, taken_units
from simulator.reward_laws import REWARD_LAWS
from simulator.snapshot import ListOfRanking, OfferInRanking, Place, Snapshot

SETTLED_AFTER_MS = 90_000  # the relay sweeps messages older than 60 s, once a minute
TREND_TOLERANCE = 0.01  # the store counts in whole seconds: up to 0.23 % of decay; and a little for each fold
TREND_TOLERANCE_POINTS = 0.1  # scores under FORGET_BELOW are forgotten, a few times per category at most


def check_invariants(snapshot: Snapshot) -> list[InvariantResult]:
    """Check every law, in the order of INVARIANTS."""
    results = []
    for invariant in INVARIANTS:
        checked, breaches = invariant.check(snapshot)
        results.append(InvariantResult(invariant.name, checked, tuple(breaches)))
    return results


# -- stock and redemptions ---------------------------------------------------------------------------


def stock_is_never_negative(snapshot: Snapshot) -> Findings:
    broken = [
        Breach(offer.offer_id, f"stock is {offer.inventory_count}")
        for offer in snapshot.offers.values()
        if offer.inventory_count < 0
    ]
    return Findings(len(snapshot.offers), broken)


def redemptions_are_within_the_stock_received(snapshot: Snapshot) -> Findings:
    def breaches() -> Iterator[Breach]:
        for offer in snapshot.offers.values():
            received = offer.received_count + max(0, snapshot.state_of(offer.offer_id).adjusted_count)
            excess = offer.redeemed_count + offer.held_count - received
            if excess > 0:
                yield Breach(offer.offer_id, f"{excess} redeemed or held beyond the stock received")

    return Findings(len(snapshot.offers), breaches())


def stock_is_what_came_less_what_went(snapshot: Snapshot) -> Findings:
    def breaches() -> Iterator[Breach]:
        for offer in snapshot.offers.values():
            adjusted = snapshot.state_of(offer.offer_id).adjusted_count
            went = offer.redeemed_count + offer.held_count
            surplus = offer.inventory_count - (offer.received_count + adjusted - went)
            if surplus:
                kept = "received + adjusted - redeemed - held"
                yield Breach(offer.offer_id, f"stock is {surplus:+d} from {kept}")

    return Findings(len(snapshot.offers), breaches())


def redemptions_are_counted_once(snapshot: Snapshot) -> Findings:
    """The offer's count, its REDEMPTION events and the users' own counts agree.

    A user's count has what open orders hold too; a refund takes counts back and leaves the event. An offer
    that was removed while orders were on their way gets no events of what they took.
    """
    by_events = Counter(
        event.offer_id for event, _ in snapshot.events if event.event_type is EventType.REDEMPTION
    )
    by_events.subtract(refunded_units(snapshot))
    by_users: Counter[str] = Counter()
    for (_, offer_id), count in snapshot.redeemed.items():
        by_users[offer_id] += count
    # A removed offer (TTL) leaves its history behind: only the histories can be compared then.
    by_offers = {
        offer_id: offer.redeemed_count + offer.held_count for offer_id, offer in snapshot.offers.items()
    }
    held = {offer_id: offer.held_count for offer_id, offer in snapshot.offers.items()}
    taken = taken_units(snapshot)

    def breaches() -> Iterator[Breach]:
        for offer_id in sorted(by_offers.keys() | by_events.keys() | by_users.keys()):
            counted, of_users = by_offers.get(offer_id, by_users[offer_id]), by_users[offer_id]
            if counted != of_users:
                yield Breach(offer_id, f"its count is {counted - of_users:+d} from that of its users")
            missing = of_users - held.get(offer_id, 0) - by_events[offer_id]
            unrecorded = 0 if offer_id in snapshot.offers else taken[offer_id]
            if missing < 0 or (missing > unrecorded and snapshot.events_are_complete):
                yield Breach(offer_id, f"{missing:+d} redemptions without their event")

    return Findings(len(by_offers.keys() | by_users.keys()), breaches())


def users_redeem_within_their_limit(snapshot: Snapshot) -> Findings:
    """Against the limit as it is now: lowering it below what a user has redeemed shows as a breach."""

    def breaches() -> Iterator[Breach]:
        for (user_id, offer_id), count in snapshot.redeemed.items():
            offer = snapshot.offers.get(offer_id)
            if offer is not None and 0 < offer.redemptions_per_user < count:
                limit = offer.redemptions_per_user
                yield Breach(offer_id, f"{user_id} redeemed it {count} times, {limit} allowed")

    return Findings(len(snapshot.redeemed), breaches())


# -- pivots ------------------------------------------------------------------------------------------


def each_stockout_has_one_pivot(snapshot: Snapshot) -> Findings:
    recorded = Counter(pivot.from_offer for pivot in snapshot.pivots)
    noted = {offer_id: state.stockouts for offer_id, state in snapshot.states.items()}
    broken = [
        Breach(offer_id, f"{recorded[offer_id] - noted.get(offer_id, 0):+d} pivots from its stockouts")
        for offer_id in sorted(noted.keys() | recorded.keys())
        if recorded[offer_id] != noted.get(offer_id, 0)
    ]
    return Findings(len(snapshot.pivots), broken)


def sold_out_offers_have_one_open_pivot(snapshot: Snapshot) -> Findings:
    open_from: dict[str, list[str]] = defaultdict(list)
    for pivot in snapshot.pivots:
        if pivot.is_open:
            open_from[pivot.from_offer].append(pivot.pivot_id)
    sold_out = {offer_id for offer_id, offer in snapshot.offers.items() if _sold_out(offer, snapshot)}
    concerned = sorted(sold_out | open_from.keys())

    def breaches() -> Iterator[Breach]:
        for offer_id in concerned:
            open_pivots, offer = open_from.get(offer_id, []), snapshot.offers.get(offer_id)
            if len(open_pivots) != 1:
                yield Breach(offer_id, f"sold out with {len(open_pivots)} open pivots")
            if open_pivots and (offer is None or offer.inventory_count != 0):
                yield Breach(offer_id, "its pivot is open although it is not sold out")
        for offer_id in sorted(snapshot.states.keys() | open_from.keys()):
            noted, stored = snapshot.state_of(offer_id).open_pivot_id, open_from.get(offer_id, [])
            if stored != ([noted] if noted else []):
                yield Breach(offer_id, f"notes {noted} as its open pivot; open are {stored}")

    return Findings(len(concerned), breaches())


def _sold_out(offer: Offer, snapshot: Snapshot) -> bool:
    had_stock = offer.received_count > 0 or snapshot.state_of(offer.offer_id).adjusted_count > 0
    return had_stock and offer.inventory_count == 0 and offer.status is OfferStatus.ACTIVE


def boosts_equal_the_open_pivots(snapshot: Snapshot) -> Findings:
    givers: dict[str, list[Pivot]] = defaultdict(list)
    for pivot in snapshot.pivots:
        if pivot.is_open and pivot.to_offer is not None:
            givers[pivot.to_offer].append(pivot)

    def breaches() -> Iterator[Breach]:
        for offer_id, offer in snapshot.offers.items():
            given = givers.get(offer_id, [])
            if offer.priority_boost != (given[0].boost if given else 0):
                yield Breach(offer_id, f"boost is {offer.priority_boost} with {len(given)} open pivots to it")
            if len(given) > 1:
                yield Breach(offer_id, f"boosted by {len(given)} pivots at once")
            noted = snapshot.state_of(offer_id).boosted_by
            ids = [pivot.pivot_id for pivot in given]
            if ids != ([noted] if noted else []):
                yield Breach(offer_id, f"notes {noted} as what boosts it; open are {ids}")
        for offer_id in givers.keys() - snapshot.offers.keys():
            yield Breach(offer_id, "boosted by an open pivot and does not exist")

    return Findings(len(snapshot.offers), breaches())


# -- events ------------------------------------------------------------------------------------------


def events_are_published(snapshot: Snapshot) -> Findings:
    """No message waits in the outbox for longer than the relay needs."""
    settled_ms = snapshot.taken_at_ms - SETTLED_AFTER_MS
    broken = [
        Breach(message.message_id, "is stored and was not published")
        for message in snapshot.outbox
        if message.written_at_ms < settled_ms
    ]
    return Findings(len(snapshot.events), broken)


def events_come_back_through_the_stream(snapshot: Snapshot) -> Findings:
    """Every event that is old enough was counted, which only happens to what came out of the stream."""
    settled_ms = snapshot.taken_at_ms - SETTLED_AFTER_MS
    broken = [
        Breach(event.event_id, "is stored and was not counted")
        for event, counted_at in snapshot.events
        if counted_at is None and event.occurred_at_ms < settled_ms
    ]
    return Findings(len(snapshot.events), broken)


def tallies_equal_the_marked_events(snapshot: Snapshot) -> Findings:
    exposed: Counter[tuple[str, str]] = Counter()
    converted: Counter[tuple[str, str]] = Counter()
    for event, counted_at in snapshot.events:
        if event.experiment_id is not None and event.variant is not None and counted_at is not None:
            exposed[event.experiment_id, event.variant] += event.first_exposure
            converted[event.experiment_id, event.variant] += event.first_conversion
    arms = sorted(snapshot.tallies.keys() | exposed.keys())

    def breaches() -> Iterator[Breach]:
        for arm in arms:
            tally = snapshot.tallies.get(arm, Tally())
            difference = (tally.exposed - exposed[arm], tally.converted - converted[arm])
            # Events that ran out of their TTL cannot be compared with.
            if min(difference) < 0 or (any(difference) and snapshot.events_are_complete):
                exposed_by, converted_by = difference
                yield Breach(
                    "/".join(arm), f"exposed {exposed_by:+d}, converted {converted_by:+d} from its events"
                )

    return Findings(len(arms), breaches())


def trending_equals_the_recent_events(snapshot: Snapshot) -> Findings:
    """Each category's score is the sum of its counted events, faded; within the rounding of the store."""
    trend = snapshot.trend
    if trend is None:
        return Findings(0, ())
    expected: dict[str, float] = defaultdict(float)
    for event, counted_at in snapshot.events:
        if counted_at is None:
            continue
        points = TRENDING_POINTS[event.event_type]
        if _faded(points, counted_at * 1_000 - event.occurred_at_ms) >= FORGET_BELOW:
            expected[event.category] += _faded(points, trend.as_of_ms - event.occurred_at_ms)

    def breaches() -> Iterator[Breach]:
        for category in sorted(expected.keys() | trend.points.keys()):
            want, have = expected[category], trend.points.get(category, 0.0)
            if abs(have - want) > TREND_TOLERANCE_POINTS + TREND_TOLERANCE * want:
                yield Breach(f"category {category}", f"trend is {have:.1f}, its events give {want:.1f}")

    return Findings(len(trend.points), list(breaches()))


def _faded(points: float, elapsed_ms: int) -> float:
    return decayed(points, elapsed_ms / 1_000, TRENDING_HALF_LIFE_S)


# -- what is derived from offers ---------------------------------------------------------------------


def the_counter_equals_the_offers_in_stock(snapshot: Snapshot) -> Findings:
    in_stock = sum(offer.in_stock for offer in snapshot.offers.values())
    surplus = snapshot.available - in_stock
    return Findings(1, [Breach("offers in stock", f"the counter is off by {surplus:+d}")] if surplus else [])


def index_keys_equal_what_the_offers_give(snapshot: Snapshot) -> Findings:
    by_id = {weights.ranking_id: weights for weights in snapshot.rankings}
    wanted = {
        OfferInRanking(offer.offer_id, weights.ranking_id): (offer, weights)
        for weights in by_id.values()
        for offer in snapshot.offers.values()
        if offer.in_stock
    }

    def breaches() -> Iterator[Breach]:
        for offer in snapshot.offers.values():
            ends = offer.expires_at is not None and offer.status is not OfferStatus.EXPIRED
            if ends and offer.offer_id not in snapshot.ends_listed:
                yield Breach(offer.offer_id, "has an end and is not in the index of ends")
        for key, (offer, weights) in wanted.items():
            stored = snapshot.places.get(key)
            if stored is None:
                yield Breach(key.offer_id, f"has no place in ranking {key.ranking_id}")
            elif stored != place_of(offer, weights):
                yield Breach(key.offer_id, f"its place in ranking {key.ranking_id} is not its own")
        for key in snapshot.places.keys() - wanted.keys():
            if key.ranking_id in by_id:
                yield Breach(key.offer_id, f"has a place in ranking {key.ranking_id} and is not in stock")

    return Findings(len(wanted), breaches())


def place_of(offer: Offer, weights: Weights) -> Place:
    """The place that an offer in stock must have in one ranking."""
    entry = RankEntry.of(offer)
    return Place(
        category=offer.category,
        entry=entry,
        lists=frozenset(lists_of(offer.category, weights)),
        base_key=sort_key(entry, weights, Order.BASE),
        urgent_key=None if weights == BY_PRIORITY else sort_key(entry, weights, Order.URGENT),
    )


def boards_equal_the_heads_of_the_sorted_offers(snapshot: Snapshot) -> Findings:
    def breaches() -> Iterator[Breach]:
        for weights in snapshot.rankings:
            truth = _lists(snapshot.offers.values(), weights)
            stored = {key.list_name for key in snapshot.boards if key.ranking_id == weights.ranking_id}
            for name in sorted(truth.keys() | stored):
                yield from _board_breaches(snapshot, weights, name, truth.get(name, []))

    return Findings(sum(len(copies) for copies in snapshot.boards.values()), list(breaches()))


def _lists(offers: Iterable[Offer], weights: Weights) -> Mapping[str, list[RankEntry]]:
    lists: dict[str, list[RankEntry]] = defaultdict(list)
    for offer in offers:
        if offer.in_stock:
            for name in lists_of(offer.category, weights):
                lists[name].append(RankEntry.of(offer))
    return lists


def _board_breaches(
    snapshot: Snapshot, weights: Weights, list_name: str, entries: list[RankEntry]
) -> Iterator[Breach]:
    subject = f"board {weights.ranking_id} {list_name}"
    copies = snapshot.boards.get(ListOfRanking(weights.ranking_id, list_name), ())
    if not copies and entries:
        yield Breach(subject, "does not exist")
    orders = (Order.BASE,) if weights == BY_PRIORITY else tuple(Order)
    for order in orders if copies else ():
        keyed = sorted((sort_key(entry, weights, order), entry) for entry in entries)
        for number, board in enumerate(copies):
            if not _is_head_of(board.head(order), keyed):
                yield Breach(subject, f"copy {number} is not the head of its list in {order} order")


def _is_head_of(head: Head, keyed: list[tuple[str, RankEntry]]) -> bool:
    """Whether a head holds every entry down to its frontier and nothing else."""
    frontier = head.frontier
    held = 0
    for key, entry in keyed:
        if frontier is not None and key > frontier:
            break
        if held == len(head.entries) or head.entries[held] != entry:
            return False
        held += 1
    return held == len(head.entries)


INVARIANTS = (
    Invariant("Stock is never negative", stock_is_never_negative),
    Invariant("Redemptions stay within the stock received", redemptions_are_within_the_stock_received),
    Invariant("Stock = received + adjusted - redeemed - held", stock_is_what_came_less_what_went),
    Invariant("Offers, events and users count the same redemptions", redemptions_are_counted_once),
    Invariant("No user redeems an offer beyond its limit", users_redeem_within_their_limit),
    Invariant("Each stockout has exactly one pivot", each_stockout_has_one_pivot),
    Invariant("Each sold-out offer has exactly one open pivot", sold_out_offers_have_one_open_pivot),
    Invariant("Boosts equal the open pivots", boosts_equal_the_open_pivots),
    Invariant("Every tracked event is published", events_are_published),
    Invariant("Every published event is counted", events_come_back_through_the_stream),
    Invariant("Experiment tallies equal their events", tallies_equal_the_marked_events),
    Invariant("Trending equals the recent events", trending_equals_the_recent_events),
    Invariant("The counter equals the offers in stock", the_counter_equals_the_offers_in_stock),
    Invariant("Index keys equal what the offers give", index_keys_equal_what_the_offers_give),
    Invariant("Boards equal the heads of the sorted offers", boards_equal_the_heads_of_the_sorted_offers),
    *ORDER_LAWS,
    *REWARD_LAWS,
    *FIGURE_LAWS,
)
