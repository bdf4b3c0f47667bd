"""One whole system at one moment, as plain values: what the invariants are checked on.

A snapshot is built from full table scans (harness/audit) or from the memory adapters; the invariants do
not know which.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from offerloop.bonuses.model import Account, Entry, OrderReward
from offerloop.codes.model import Code, Level
from offerloop.offers.board import Board
from offerloop.offers.experiments import Tally
from offerloop.offers.model import EngagementEvent, Offer, OfferState, Pivot
from offerloop.offers.scoring import RankEntry, Weights
from offerloop.offers.trending import TrendScores
from offerloop.orders.model import Order, Product, Transition
from offerloop.rewards.model import Totals


class StoredEvent(NamedTuple):
    """One event as it is stored; a tuple, because an audit holds hundreds of thousands of them.

    Attributes:
        counted_at: epoch seconds at which it came back through the stream and was counted, or None.
    """

    event: EngagementEvent
    counted_at: int | None = None


class Place(NamedTuple):
    """One offer's place in the sorted index of one ranking, with the keys that it is sorted by.

    Attributes:
        lists: names of the ranked lists in which the index has it.
        urgent_key: None where the ranking keeps no urgent order.
    """

    category: str
    entry: RankEntry
    lists: frozenset[str]
    base_key: str
    urgent_key: str | None


class OfferInRanking(NamedTuple):
    offer_id: str
    ranking_id: str


class ListOfRanking(NamedTuple):
    ranking_id: str
    list_name: str


class WaitingMessage(NamedTuple):
    """One outbox row."""

    message_id: str
    written_at_ms: int


class RunningSums(NamedTuple):
    """What the stream has counted of the ledger: all days together, and all time on its own."""

    of_days: Totals
    ever: Totals


@dataclass(frozen=True)
class Snapshot:
    """Everything that the offers system has stored.

    Attributes:
        rankings: the weights that complete lists are kept for; one that is still being built is left out.
        places: of every ranking in *rankings*.
        ends_listed: ids of the offers in the index of ends, from which due offers are found.
        boards: every stored copy of every board of *rankings*; the first is the master.
        available: the maintained counter.
        redeemed: how often a user redeemed an offer, by (user id, offer id).
        tallies: by (experiment id, variant).
        trend: None where trending is kept outside of the tables.
        transitions: history rows by order id, in any order.
        code_levels: kept counts by pool id; free_codes: pool id and code, of everything that can be claimed.
        entries: of the bonus ledger by customer id, in any order; order_rewards: by order id.
        day_files: texts of the reward files of each day that has some.
        running_totals: None where nothing counts the stream.
        payments: what the payment service keeps by order id, in minor units; None where it is not asked.
        events_are_complete: False once the oldest events may have been deleted by their TTL.
    """

    taken_at_ms: int
    offers: Mapping[str, Offer] = field(default_factory=dict)
    states: Mapping[str, OfferState] = field(default_factory=dict)
    rankings: Sequence[Weights] = ()
    places: Mapping[OfferInRanking, Place] = field(default_factory=dict)
    ends_listed: Collection[str] = frozenset()
    boards: Mapping[ListOfRanking, Sequence[Board]] = field(default_factory=dict)
    available: int = 0
    pivots: Sequence[Pivot] = ()
    events: Sequence[StoredEvent] = ()
    redeemed: Mapping[tuple[str, str], int] = field(default_factory=dict)
    tallies: Mapping[tuple[str, str], Tally] = field(default_factory=dict)
    outbox: Sequence[WaitingMessage] = ()
    trend: TrendScores | None = None
    products: Mapping[str, Product] = field(default_factory=dict)
    orders: Mapping[str, Order] = field(default_factory=dict)
    transitions: Mapping[str, Sequence[Transition]] = field(default_factory=dict)
    codes: Mapping[str, Code] = field(default_factory=dict)
    code_levels: Mapping[str, Level] = field(default_factory=dict)
    free_codes: Sequence[tuple[str, str]] = ()
    accounts: Mapping[str, Account] = field(default_factory=dict)
    entries: Mapping[str, Sequence[Entry]] = field(default_factory=dict)
    order_rewards: Mapping[str, OrderReward] = field(default_factory=dict)
    day_files: Mapping[date, Sequence[str]] = field(default_factory=dict)
    running_totals: RunningSums | None = None
    payments: Mapping[str, int] | None = None
    events_are_complete: bool = True

    def state_of(self, offer_id: str) -> OfferState:
        """The monitor's notes on an offer; empty where it never had anything to note."""
        return self.states.get(offer_id) or OfferState()
