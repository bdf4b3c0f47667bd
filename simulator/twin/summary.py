"""What one replication tells: every event as it happens, counts by the hour, and the totals.

All of it is whole numbers, so that two runs can be compared bit by bit, whatever machine they ran on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Protocol

NOBODY = -1  # the user of an event that no shopper caused
NO_OFFER = -1


class EventKind(IntEnum):
    """What happened. The value that an event carries besides is given behind each kind."""

    # Up to DISMISS: place in the list that the offer was served at, from 0; -1 = by an order
    VIEW = 0
    CLICK = 1
    ADD_TO_CART = 2
    REDEMPTION = 3
    DISMISS = 4
    RECOMMENDED = 5  # offers served, 0..3; the event's offer is the first of them
    REFUSED = 6  # place of the refusal's code in REFUSAL_CODES
    ARRIVED = 7  # place of the shopper's segment in the scenario; a shopper who was never here before
    DEPARTED = 8  # visits that the shopper made; stays away for good
    OFFER_CREATED = 9  # place of its category in the scenario
    OFFER_EXPIRED = 10  # 0
    RESTOCKED = 11  # units
    STOCKOUT = 12  # 0
    PIVOT_OPENED = 13  # number of the offer that is boosted from now on, or NO_OFFER; likewise MOVED
    PIVOT_MOVED = 14
    PIVOT_CLOSED = 15  # NO_OFFER
    SHOCK = 16  # units that are left
    ORDERED = 17  # total in minor units; the event's offer is the one that the order uses
    ORDER_COMPLETED = 18  # total in minor units; likewise FAILED and CANCELLED
    ORDER_FAILED = 19
    ORDER_CANCELLED = 20
    ORDER_REFUNDED = 21  # minor units that were given back
    CODE_CLAIMED = 22  # what the promo code takes off, in minor units
    POOL_EMPTY = 23  # 0; no code is left
    POOL_REFILLED = 24  # codes that a replenishment run has added
    RUN_FAILED = 25  # attempts of the run


# Codes of `offerloop.errors` that shoppers can meet; any other is counted as the last.
REFUSAL_CODES = (
    "out_of_stock",
    "already_redeemed",
    "offer_expired",
    "offer_not_active",
    "too_many_requests",
    "other",
)


class EventSink(Protocol):
    """Takes in the events of one replication in the order in which they happen.

    Shopper *n* is `shopper_id(n)` of `simulator.twin.system`, offer *n* is `offer_id(n)`; the category of
    an offer is told by its OFFER_CREATED. Events of the warm-up are told too: those before
    `ReplicationSummary.counted_from_ms`.
    """

    def event(self, at_ms: int, kind: int, user: int, offer: int, value: int) -> None:
        """Take one event.

        Args:
            at_ms: epoch milliseconds, >= those of the event before.
            kind: an `EventKind`, as a plain int.
            user: number of the shopper, or NOBODY.
            offer: number of the offer, or NO_OFFER.
            value: see `EventKind`; fits into 64 bits.
        """

    def close(self) -> None:
        """No more events come; called by whoever made the sink, not by the twin."""


@dataclass(slots=True)
class Counts:
    """What happened within some stretch of simulated time; all are numbers of times.

    Attributes:
        sessions: visits that got a list; fruitless: those in which nothing served appealed; converted:
            those with a redemption; missed_out: those in which a redemption was refused for lack of stock.
        recommendations: lists served; empty_lists: those without an offer; offers_served,
            boosted_offers_served: places in lists, and those with a pivot's boost.
        views, clicks, carts, redemptions, dismissals: events stored, by type.
        lost_sales: redemptions refused for lack of stock; the other refusals by code.
        shoppers_arrived, shoppers_departed: people seen for the first time, people gone for good.
        stockouts: as answered by the inventory monitor; pivots_without_target: those among
            pivots_opened and pivots_moved that found no offer to boost.
        units_restocked, units_lost: put in stock, and taken out by a shock.
        calls_*: calls of use cases: recommend, track_event, and those of consumers and minute rules.
        batches: batches handed to consumers; duplicates: those that had been delivered before; retries:
            those that follow a failed call; dead_letters: records given up after the last retry.
        throttled: API calls and batches refused for want of a free environment or by the API's limit.
        cold_starts: calls, of shoppers and of streams, that had to wait for a new environment.
        orders_*: orders by what became of them; refused ones were never placed, refunded ones had been
            completed, and count each time.
        order_seconds: from placing to completion, summed over completed orders.
        units_ordered, cents_ordered: of placed orders; cents_taken: of completed ones, less
            cents_given_back what the shop keeps.
        products_restocked: units of products put in stock.
        codes_claimed: promo codes given out; claims_refused: claims that got none, those of an empty pool
            (claims_of_empty_pool) among them.
        pool_stockouts: times that the pool gave out its last code; pool_empty_ms: for how long it had none.
        code_runs: replenishment runs that were started; code_runs_failed: that came to nothing;
            codes_added: by those that did not.
        orders_with_code, cents_by_code, orders_with_points, points_used: of placed orders.
        points_earned, points_given_back, points_clawed_back: what the ledger booked for orders that ended,
            where the scenario has points.
    """

    sessions: int = 0
    fruitless: int = 0
    converted: int = 0
    missed_out: int = 0
    recommendations: int = 0
    empty_lists: int = 0
    offers_served: int = 0
    boosted_offers_served: int = 0
    views: int = 0
    clicks: int = 0
    carts: int = 0
    redemptions: int = 0
    dismissals: int = 0
    lost_sales: int = 0
    refused_already_redeemed: int = 0
    refused_offer_expired: int = 0
    refused_offer_not_active: int = 0
    refused_too_many_requests: int = 0
    refused_other: int = 0
    shoppers_arrived: int = 0
    shoppers_departed: int = 0
    stockouts: int = 0
    pivots_opened: int = 0
    pivots_moved: int = 0
    pivots_closed: int = 0
    pivots_without_target: int = 0
    offers_created: int = 0
    offers_expired: int = 0
    units_restocked: int = 0
    units_lost: int = 0
    calls_recommend: int = 0
    calls_track: int = 0
    calls_watch: int = 0
    calls_publish: int = 0
    calls_count: int = 0
    calls_rules: int = 0
    batches: int = 0
    duplicates: int = 0
    retries: int = 0
    dead_letters: int = 0
    throttled: int = 0
    cold_starts: int = 0
    orders_placed: int = 0
    orders_refused: int = 0
    orders_completed: int = 0
    orders_failed: int = 0
    orders_cancelled: int = 0
    orders_refunded: int = 0
    order_seconds: int = 0
    units_ordered: int = 0
    cents_ordered: int = 0
    cents_taken: int = 0
    cents_given_back: int = 0
    products_restocked: int = 0
    calls_order: int = 0
    calls_process: int = 0
    calls_follow: int = 0
    calls_accrue: int = 0
    codes_claimed: int = 0
    claims_refused: int = 0
    claims_of_empty_pool: int = 0
    pool_stockouts: int = 0
    pool_empty_ms: int = 0
    code_runs: int = 0
    code_runs_failed: int = 0
    codes_added: int = 0
    orders_with_code: int = 0
    cents_by_code: int = 0
    orders_with_points: int = 0
    points_used: int = 0
    points_earned: int = 0
    points_given_back: int = 0
    points_clawed_back: int = 0
    calls_rewards: int = 0

    def add(self, other: "Counts") -> None:
        """Add another stretch of time to this one."""
        for name in COUNTED:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def as_dict(self) -> dict[str, int]:
        """The counts by name, in a fixed order."""
        return {name: getattr(self, name) for name in COUNTED}


COUNTED = tuple(field.name for field in fields(Counts))
# Of codes and points, which came last: a world without them has the hash that it had before there were any.
OF_REWARDS = COUNTED[COUNTED.index("codes_claimed") :]


@dataclass(frozen=True, slots=True)
class Hour:
    """One simulated hour.

    Attributes:
        units_left: units of all offers that are not EXPIRED, at its end; offers_in_stock: how many of
            them have any; pivots_open: pivots that stand in for a sold-out offer.
    """

    counts: Counts
    units_left: int
    offers_in_stock: int
    pivots_open: int


@dataclass(frozen=True, slots=True)
class ReplicationSummary:
    """One replication, without its warm-up.

    Attributes:
        counted_from_ms: epoch milliseconds at which the warm-up ended.
        hours: one per counted hour, in order.
        exposed, converted: users per variant of the experiment, by name; empty without one. From the first
            moment, warm-up included: a user is exposed once.
        sold: units sold per category, by its place in the scenario, warm-up left out.
        events: events told to the sink, warm-up included.
    """

    scenario_digest: str
    seed: int
    replication: int
    counted_from_ms: int
    totals: Counts
    hours: tuple[Hour, ...]
    exposed: Mapping[str, int]
    converted: Mapping[str, int]
    sold: tuple[int, ...]
    events: int

    @property
    def conversion(self) -> float:
        """Share of sessions with a redemption, 0..1; 0 without sessions."""
        return self.totals.converted / self.totals.sessions if self.totals.sessions else 0.0

    @property
    def calls_per_session(self) -> float:
        """Calls of use cases per session, consumers and minute rules included."""
        calls = sum(getattr(self.totals, name) for name in COUNTED if name.startswith("calls_"))
        return calls / self.totals.sessions if self.totals.sessions else 0.0
