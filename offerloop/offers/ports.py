"""What the offers system needs from the world. Every port has one contract suite, run on each adapter."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from offerloop.idempotency import AnsweredRequest, IdempotencyStore, Stale
from offerloop.offers.board import Board
from offerloop.offers.experiments import Experiment, Tally
from offerloop.offers.model import (
    EngagementEvent,
    Offer,
    OfferState,
    Pivot,
    Shopper,
    TrendingCategory,
)
from offerloop.offers.scoring import CONTROL, Order, RankEntry, Weights
from offerloop.outbox import Message
from offerloop.record import record

# -- serving -----------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class ServingContext:
    """Everything a recommendation needs besides the lists themselves.

    Attributes:
        shopper: None for a user that nothing is known about.
        trending: strongest first.
        experiment: the running experiment, or None.
        total_available: offers in stock, from the maintained counter.
        weights: those that users outside of an experiment are served with.
    """

    shopper: Shopper | None
    trending: tuple[TrendingCategory, ...]
    experiment: Experiment | None
    total_available: int
    weights: Weights = CONTROL


class ContextReader(Protocol):
    def context(self, user_id: str, now: int) -> ServingContext:
        """Read a user's serving context; eventually consistent, a constant number of items."""


class RankedLists(Protocol):
    def boards(self, weights: Weights, lists: Sequence[str], spread: str) -> dict[str, Board]:
        """The boards of these lists, each present (empty for a list that never had an offer).

        Args:
            spread: picks one of the copies of a hot board; the same value may pick the same copy.
        """

    def read_on(
        self, weights: Weights, list_name: str, order: Order, after: str, limit: int
    ) -> Sequence[RankEntry]:
        """Up to *limit* entries whose sort key is greater than *after*, in order; fewer = the list ends."""


class OfferReader(Protocol):
    def get_many(self, offer_ids: Collection[str]) -> dict[str, Offer]:
        """The offers that exist among these ids; eventually consistent."""


# -- tracking ----------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Visit:
    """What tracking one event decides upon; strongly consistent.

    Attributes:
        shopper: a new one (version 0) for a user seen for the first time.
        redemptions: how often this user has redeemed this offer.
    """

    shopper: Shopper
    offer: Offer | None
    redemptions: int
    experiment: Experiment | None


@record(frozen=True, slots=True)
class TrackedEvent:
    """One event with everything that changes because of it; stored as a whole or not at all.

    Attributes:
        shopper_before, shopper_after: the write fails when the stored version is not that of *before*.
        takes_unit: one unit of the offer's stock is taken, on the condition that the offer is ACTIVE,
            not expired at *now* and has one.
        redemption_limit: with takes_unit, how often the user may redeem it in all; 0 = no limit.
    """

    event: EngagementEvent
    shopper_before: Shopper
    shopper_after: Shopper
    takes_unit: bool
    redemption_limit: int
    message: Message
    answered: AnsweredRequest | None
    now: int


class ActivityStore(IdempotencyStore, Protocol):
    def visit(self, user_id: str, offer_id: str) -> Visit:
        """Read what is known before an event of this user on this offer."""

    def record(self, tracked: TrackedEvent) -> None:
        """Store an event and its effects in one transaction.

        Raises:
            AlreadyRecorded: the event is stored already; nothing else is looked at.
            StaleVisit: the shopper changed since the visit was read, or the key was just answered by a
                concurrent twin: read again and decide again.
            OutOfStock, OfferNotActive, OfferHasExpired: the offer changed since the visit was read.
            AlreadyRedeemed: the user used up its redemptions since the visit was read.
            Busy: others kept changing the same items beyond the adapter's retries.
        """

    def get_shopper(self, user_id: str) -> Shopper | None:
        """A user's profile, strongly consistent."""

    def put_shopper(self, shopper: Shopper) -> None:
        """Create or replace a user's profile (segment and preferences come from outside)."""

    def events_of(self, user_id: str, limit: int) -> Sequence[EngagementEvent]:
        """A user's latest events, newest first."""


class AlreadyRecorded(Exception):
    """An event with this id is stored already."""


class StaleVisit(Stale):
    """The shopper, or the answer to the request, is not what it was when the visit was read."""


# -- counting ----------------------------------------------------------------------------------------


class EngagementStore(Protocol):
    def count(self, events: Sequence[EngagementEvent], now: int) -> int:
        """Add events to trending and to the experiments' tallies, each event once however often it comes.

        Returns:
            How many of the events had not been counted before.
        """

    def trending(self, now: int, limit: int) -> tuple[TrendingCategory, ...]:
        """Categories with the highest engagement decayed to *now*, strongest first, ties by name."""

    def tallies(self, experiment_id: str) -> dict[str, Tally]:
        """Users exposed and converted per variant name."""


# -- inventory ---------------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class Situation:
    """An offer with all that is derived from it, strongly consistent.

    Attributes:
        offer: None when it was removed.
        listings: ranking id -> (category, entry) as the sorted index has it now; of an offer that was
            removed also those in rankings that are kept no more.
        end_listed: whether the offer stands in the index of ends, which `due_to_expire` reads.
    """

    offer: Offer | None
    state: OfferState
    listings: Mapping[str, tuple[str, RankEntry]]
    end_listed: bool


@record(frozen=True, slots=True)
class ListingChange:
    """One offer's place in one ranking: from *before* to *after*, each (category, entry) or None."""

    offer_id: str
    weights: Weights
    before: tuple[str, RankEntry] | None
    after: tuple[str, RankEntry] | None


class InventoryStore(RankedLists, OfferReader, Protocol):
    def situations(self, offer_ids: Collection[str]) -> dict[str, Situation]:
        """The situation of each of these ids; strongly consistent."""

    def rankings(self) -> tuple[Weights, ...]:
        """All weights that lists are kept for: control, by priority, and those of a live experiment."""

    def apply_listings(self, changes: Sequence[ListingChange]) -> None:
        """Write places in the sorted index, and with each control place that appears or goes, the counter.

        A change whose *before* no longer holds is skipped: someone else applied it.
        """

    def stored_boards(self, weights: Weights, lists: Sequence[str]) -> dict[str, Board]:
        """The boards themselves, strongly consistent."""

    def save_board(self, weights: Weights, list_name: str, before: Board, after: Board) -> bool:
        """Replace a board on the condition that its version is still *before*'s; False when it is not."""

    def get_pivot(self, pivot_id: str) -> Pivot | None:
        """A pivot by its id."""

    def save_pivot(self, before: Pivot | None, after: Pivot, message: Message | None) -> bool:
        """Open (before None), move or close a pivot in one transaction.

        Writes the pivot, the first offer's state (open pivot; one more stockout when opened), takes the
        boost from `before.to_offer` and gives it to `after.to_offer`, and puts *message* in the outbox.

        Returns:
            False, with nothing written, when the stored pivot is not *before*, or the new target is not
            ACTIVE with stock and unboosted, or the first offer has another open pivot.
        """

    def save_adjusted(self, offer: Offer, adjusted_count: int) -> bool:
        """Store the adjustment, on the condition that the offer's three counts are still those of *offer*."""

    def save_boost(self, offer_id: str, state: OfferState, boost: int) -> None:
        """Repair an offer's boost attribute, on the condition that it is boosted by whom *state* says."""

    def list_end(self, offer_id: str) -> None:
        """Enter an offer that has an end and is not EXPIRED in the index of ends."""


class PivotLog(Protocol):
    def pivots(self, since: int, limit: int) -> Sequence[Pivot]:
        """Pivots opened at or after *since*, newest first."""


# -- administration ----------------------------------------------------------------------------------


@record(frozen=True, slots=True)
class OfferPage:
    """One page of offers; *cursor* is None on the last."""

    offers: tuple[Offer, ...]
    cursor: str | None


class OfferStore(OfferReader, IdempotencyStore, Protocol):
    def get(self, offer_id: str) -> Offer:
        """One offer, strongly consistent.

        Raises:
            UnknownOffer
        """

    def page(self, limit: int, cursor: str | None) -> OfferPage:
        """Up to *limit* offers in the table's own order.

        Raises:
            InvalidInput: the cursor is not one of ours.
        """

    def create(self, offer: Offer, answered: AnsweredRequest | None) -> None:
        """Raises:
        OfferExists
        StaleVisit: the Idempotency-Key was just answered by a concurrent twin.
        """

    def change(self, offer_id: str, changes: Mapping[str, str | int | None]) -> Offer:
        """Set attributes by their `Offer` field name, never the counts; returns the offer as changed.

        Raises:
            UnknownOffer
        """

    def restock(self, offer_id: str, units: int, answered: AnsweredRequest | None) -> None:
        """Add units (> 0) to inventory_count and to received_count atomically.

        Raises:
            UnknownOffer, StaleVisit
        """

    def due_to_expire(self, now: int, limit: int) -> Sequence[str]:
        """Ids of offers, sold out or paused ones too, whose end has passed and which are not EXPIRED yet."""

    def expire(self, offer_id: str, now: int) -> bool:
        """Set EXPIRED on the condition that the offer is ACTIVE or PAUSED and its end has passed."""


class ExperimentStore(Protocol):
    def get_experiment(self, experiment_id: str) -> Experiment:
        """Raises:
        UnknownExperiment
        """

    def experiments(self) -> Sequence[Experiment]:
        """All experiments, by id."""

    def running(self) -> Experiment | None:
        """The experiment that is PREPARING or RUNNING, if any."""

    def create_experiment(self, experiment: Experiment) -> None:
        """Raises:
        ExperimentExists
        """

    def save_experiment(self, before: Experiment, after: Experiment) -> None:
        """Replace on the condition that *before* is stored; keeps the pointer to the live experiment.

        Raises:
            ExperimentExists: another experiment is live.
            ExperimentNotReady: the stored experiment is not *before*.
        """
