"""The state that all memory adapters share, and what changed in it."""

import bisect
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from offerloop.bonuses import model as bonuses_model
from offerloop.clock import Clock
from offerloop.codes.forecast import Sample
from offerloop.codes.model import Code, Level, Pool
from offerloop.codes.runs import Run
from offerloop.idempotency import AnsweredRequest
from offerloop.offers.board import Board
from offerloop.offers.experiments import Experiment
from offerloop.offers.model import (
    EngagementEvent,
    Offer,
    OfferChange,
    OfferState,
    OfferStatus,
    Pivot,
    Shopper,
)
from offerloop.offers.scoring import CONTROL, Order, RankEntry, Weights
from offerloop.offers.trending import TrendScores
from offerloop.orders import model as orders_model
from offerloop.orders.messages import NoticeKind
from offerloop.orders.notices import Notice
from offerloop.orders.rate_order import Rating
from offerloop.outbox import Message

Place = tuple[str, RankEntry]  # category and entry
ListKey = tuple[str, str, Order]  # ranking id, list name, order


class SortedEntries:
    """Entries of one list in one order, by sort key."""

    __slots__ = ("entries", "keys")

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.entries: list[RankEntry] = []

    def add(self, key: str, entry: RankEntry) -> None:
        at = bisect.bisect_left(self.keys, key)
        self.keys.insert(at, key)
        self.entries.insert(at, entry)

    def remove(self, key: str) -> None:
        at = bisect.bisect_left(self.keys, key)
        del self.keys[at], self.entries[at]

    def after(self, key: str, limit: int) -> Sequence[RankEntry]:
        """Up to *limit* entries behind *key*."""
        at = bisect.bisect_right(self.keys, key)
        return self.entries[at : at + limit]


@dataclass(slots=True)
class MemoryWorld:
    """Everything that is stored, as plain dictionaries; adapters read and write it in place.

    `changes`, `messages`, `ended_orders` and `pools_touched` collect what the streams of a deployed system
    would deliver: the driver drains them when it delivers.

    Attributes:
        clock: stamps the changes.
        weights: those that users outside of an experiment are served with; set before the first offer.
        places: ranking id -> offer id -> its place.
        events: by id, oldest first; `forget` drops the oldest, as TTL does.
        counted_at: epoch seconds at which an event was counted, by event id.
        answers: by scope and key.
        hits: requests counted by subject and window.
        orders_of: customer id -> ids of its orders, in the order of their placing.
        open_orders: ids of the orders in progress, in the order of their placing.
        transitions: order id -> its history, oldest first.
        notices_of_day: messages counted by phone and UTC day.
        opted_out: phones whose owners want no messages.
        ratings: by order id.
        accounts: of bonus points, by customer id; entries: their ledgers, oldest first.
        order_rewards: by order id.
        accounts_due: sorted (epoch seconds, customer id) of the accounts in which something ends or counts.
        free_codes: pool id -> the codes that are still in it.
        code_counts: pool id -> how many of its codes are free, given and void.
        level_trails: pool id -> what was kept of its levels.
        codes_of: customer id -> the codes that were given to it, in the order of their claiming.
        claims_of: codes claimed by holder and pool.
        runs: pool id -> its replenishment runs, oldest first.
    """

    clock: Clock
    weights: Weights = CONTROL
    offers: dict[str, Offer] = field(default_factory=dict)
    states: dict[str, OfferState] = field(default_factory=dict)
    places: defaultdict[str, dict[str, Place]] = field(default_factory=lambda: defaultdict(dict))
    lists: defaultdict[ListKey, SortedEntries] = field(default_factory=lambda: defaultdict(SortedEntries))
    expiries: list[tuple[int, str]] = field(default_factory=list)
    boards: dict[tuple[str, str], Board] = field(default_factory=dict)
    available: int = 0
    pivots: dict[str, Pivot] = field(default_factory=dict)
    experiments: dict[str, Experiment] = field(default_factory=dict)
    live_experiment: str | None = None
    shoppers: dict[str, Shopper] = field(default_factory=dict)
    redemptions: dict[tuple[str, str], int] = field(default_factory=dict)
    events: dict[str, EngagementEvent] = field(default_factory=dict)
    counted_at: dict[str, int] = field(default_factory=dict)
    trend: TrendScores = field(default_factory=TrendScores)
    tallies: defaultdict[str, dict[str, list[int]]] = field(default_factory=lambda: defaultdict(dict))
    answers: dict[tuple[str, str], AnsweredRequest] = field(default_factory=dict)
    hits: dict[tuple[str, int], int] = field(default_factory=dict)
    products: dict[str, orders_model.Product] = field(default_factory=dict)
    orders: dict[str, orders_model.Order] = field(default_factory=dict)
    orders_of: dict[str, list[str]] = field(default_factory=dict)
    open_orders: dict[str, None] = field(default_factory=dict)
    transitions: dict[str, list[orders_model.Transition]] = field(default_factory=dict)
    notices: dict[tuple[str, NoticeKind], Notice] = field(default_factory=dict)
    notices_of_day: dict[tuple[str, str], int] = field(default_factory=dict)
    opted_out: set[str] = field(default_factory=set)
    ratings: dict[str, Rating] = field(default_factory=dict)
    accounts: dict[str, bonuses_model.Account] = field(default_factory=dict)
    entries: dict[str, list[bonuses_model.Entry]] = field(default_factory=dict)
    order_rewards: dict[str, bonuses_model.OrderReward] = field(default_factory=dict)
    accounts_due: list[tuple[int, str]] = field(default_factory=list)
    pools: dict[str, Pool] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    free_codes: defaultdict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    code_counts: dict[str, Level] = field(default_factory=dict)
    level_trails: dict[str, Sequence[Sample]] = field(default_factory=dict)
    codes_of: dict[str, list[str]] = field(default_factory=dict)
    claims_of: dict[tuple[str, str], int] = field(default_factory=dict)
    runs: dict[str, list[Run]] = field(default_factory=dict)
    outbox: dict[str, Message] = field(default_factory=dict)
    ended_orders: list[orders_model.Order] = field(default_factory=list)
    pools_touched: dict[str, None] = field(default_factory=dict)
    changes: list[OfferChange] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    changes_made: int = 0

    def put_offer(self, offer: Offer) -> None:
        """Write an offer's record, as any client may, and note the change."""
        before = self.offers.get(offer.offer_id)
        if offer != before:
            self.offers[offer.offer_id] = offer
            self._list_end(before, offer)
            self._note(offer.offer_id, before, offer)

    def remove_offer(self, offer_id: str) -> None:
        """Remove an offer's record, as TTL and foreign clients do."""
        before = self.offers.pop(offer_id, None)
        if before is not None:
            self._list_end(before, None)
            self._note(offer_id, before, None)

    def _list_end(self, before: Offer | None, after: Offer | None) -> None:
        """Keep the ends of all offers that are not EXPIRED sorted."""
        was, now = _end_of(before), _end_of(after)
        if was == now:
            return
        if was is not None:
            del self.expiries[bisect.bisect_left(self.expiries, was)]
        if now is not None:
            bisect.insort(self.expiries, now)

    def change_state(self, offer_id: str, **changes: str | int | None) -> None:
        """Set attributes of an offer's state."""
        state = self.states.get(offer_id, OfferState())
        self.states[offer_id] = replace(state, **changes)  # type: ignore[arg-type]  # names are OfferState's

    def put_account(self, account: bonuses_model.Account) -> None:
        """Write an account of bonus points."""
        before = self.accounts.get(account.customer_id)
        was, now = None if before is None else before.due_at, account.due_at
        self.accounts[account.customer_id] = account
        if was == now:
            return
        if was is not None:
            del self.accounts_due[bisect.bisect_left(self.accounts_due, (was, account.customer_id))]
        if now is not None:
            bisect.insort(self.accounts_due, (now, account.customer_id))

    def put_message(self, message: Message) -> None:
        """Put a message in the outbox."""
        self.outbox[message.message_id] = message
        self.messages.append(message)

    def forget(self, before_ms: int) -> None:
        """Drop the events that happened before *before_ms*, as TTL does, so that memory stays bounded.

        A message that is delivered later than that is taken for one of an unknown event and not counted.
        """
        old = []
        for event_id, event in self.events.items():
            if event.occurred_at_ms >= before_ms:
                break
            old.append(event_id)
        for event_id in old:
            del self.events[event_id]
            self.counted_at.pop(event_id, None)

    def live(self) -> Experiment | None:
        """The experiment that is PREPARING or RUNNING."""
        return None if self.live_experiment is None else self.experiments[self.live_experiment]

    def drain_changes(self) -> list[OfferChange]:
        """The changes since the last call, oldest first."""
        drained, self.changes = self.changes, []
        return drained

    def drain_messages(self) -> list[Message]:
        """The messages put in the outbox since the last call, oldest first."""
        drained, self.messages = self.messages, []
        return drained

    def drain_ended_orders(self) -> list[orders_model.Order]:
        """Orders as each left a step at the end of which they were in progress no more, oldest first."""
        drained, self.ended_orders = self.ended_orders, []
        return drained

    def drain_pools(self) -> list[str]:
        """The pools whose free codes changed since the last call, by id, the first that changed first."""
        drained, self.pools_touched = self.pools_touched, {}
        return list(drained)

    def _note(self, offer_id: str, before: Offer | None, after: Offer | None) -> None:
        self.changes_made += 1
        at = self.clock.now_ms() // 1_000
        self.changes.append(OfferChange(f"change-{self.changes_made:09d}", offer_id, at, before, after))


def _end_of(offer: Offer | None) -> tuple[int, str] | None:
    """An offer's place among the ends: none without an end, or once it is EXPIRED."""
    if offer is None or offer.expires_at is None or offer.status is OfferStatus.EXPIRED:
        return None
    return offer.expires_at, offer.offer_id
