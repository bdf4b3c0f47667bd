"""Choose the best three offers for a shopper, reading a constant number of items.

The lists that can hold a top offer are the list of all offers, read at the default relevance, and one
list per category whose relevance differs for this shopper. The first three servable entries of each
order of each list are candidates; docs/decisions/0003-ranked-lists.md proves that the best three of the
whole catalogue are among them. The candidates' own records are then read, so that what is served is in
stock and scored as it stands.
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from offerloop.clock import Clock, now_s
from offerloop.offers.board import ALL_OFFERS, Head, category_list
from offerloop.offers.experiments import Assignment, assign
from offerloop.offers.model import Offer
from offerloop.offers.ports import ContextReader, OfferReader, RankedLists
from offerloop.offers.relevance import DEFAULT_RELEVANCE, relevance_by_category
from offerloop.offers.scoring import (
    Order,
    RankEntry,
    ScoreBreakdown,
    Weights,
    breakdown,
    points,
    score_ticks,
    sort_key,
)

SERVED = 3
SPARES = 3  # candidates read besides, in case a record says that an entry is out of date
READ_ON = 24  # entries per page once a board is exhausted


@dataclass(frozen=True, slots=True)
class RecommendedOffer:
    """An offer as served: its record, its score in points and the four weighted terms behind it."""

    offer: Offer
    score: float
    terms: ScoreBreakdown
    relevance: int


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Up to three offers, best first; *total_available* counts the offers in stock."""

    user_id: str
    offers: tuple[RecommendedOffer, ...]
    total_available: int
    assignment: Assignment


def recommend(
    user_id: str, *, contexts: ContextReader, lists: RankedLists, offers: OfferReader, clock: Clock
) -> Recommendation:
    """The best offers for *user_id* right now; an unknown user gets the general best."""
    now = now_s(clock)
    context = contexts.context(user_id, now)
    relevance = relevance_by_category(context.shopper, context.trending, now)
    assignment = assign(user_id, context.experiment)
    skipped = context.shopper.skips if context.shopper else {}
    candidates = _Candidates(assignment.weights, relevance, skipped, lists, user_id, now)
    served = _check(candidates.best_first(), assignment.weights, relevance, offers, now)
    return Recommendation(user_id, served, context.total_available, assignment)


def relevance_of(offer: Offer, relevance: Mapping[str, int]) -> int:
    return relevance.get(offer.category, DEFAULT_RELEVANCE)


def _check(
    ranked: list[RankEntry], weights: Weights, relevance: Mapping[str, int], offers: OfferReader, now: int
) -> tuple[RecommendedOffer, ...]:
    """Read the candidates' records, best first, until enough of them are what their entries say."""
    served: list[tuple[int, str, RecommendedOffer]] = []
    for start in range(0, len(ranked), SERVED + SPARES):
        records = offers.get_many([entry.offer_id for entry in ranked[start : start + SERVED + SPARES]])
        for offer in records.values():
            if offer.is_available(now):
                entry, own = RankEntry.of(offer), relevance_of(offer, relevance)
                ticks = score_ticks(entry, own, weights, now)
                shown = RecommendedOffer(offer, points(ticks), breakdown(entry, own, weights, now), own)
                served.append((-ticks, offer.offer_id, shown))
        if len(served) >= SERVED:
            break
    return tuple(shown for _, _, shown in heapq.nsmallest(SERVED, served, key=lambda row: row[:2]))


@dataclass(frozen=True, slots=True)
class _Candidates:
    """The entries that can be among the best, gathered from the lists that matter to one shopper."""

    weights: Weights
    relevance: Mapping[str, int]
    skipped: Mapping[str, int]
    lists: RankedLists
    user_id: str
    now: int

    def best_first(self) -> list[RankEntry]:
        """Candidates by descending score, ties by offer id."""
        by_list = {ALL_OFFERS: DEFAULT_RELEVANCE} | {category_list(c): r for c, r in self.relevance.items()}
        boards = self.lists.boards(self.weights, list(by_list), spread=self.user_id)
        best: dict[str, tuple[int, RankEntry]] = {}
        for list_name, own_relevance in by_list.items():
            for order in Order:
                for entry in self._first_servable(list_name, order, boards[list_name].head(order)):
                    ticks = score_ticks(entry, own_relevance, self.weights, self.now)
                    # An offer of a special category also stands in the list of all, at the lower
                    # default: its highest reading is the true one.
                    if entry.offer_id not in best or best[entry.offer_id][0] < ticks:
                        best[entry.offer_id] = ticks, entry
        ranked = sorted(best.values(), key=lambda scored: (-scored[0], scored[1].offer_id))
        return [entry for _, entry in ranked]

    def _first_servable(self, list_name: str, order: Order, head: Head) -> list[RankEntry]:
        """The first entries of one order that may be served, with spares; skipped ones are read past."""
        found: list[RankEntry] = []
        for entry in self._entries(list_name, order, head):
            if self.skipped.get(entry.offer_id, 0) > self.now or entry.has_expired(self.now):
                continue
            found.append(entry)
            if len(found) == SERVED + SPARES:
                break
        return found

    def _entries(self, list_name: str, order: Order, head: Head) -> Iterator[RankEntry]:
        yield from head.entries
        after = head.frontier
        while after is not None:
            page = self.lists.read_on(self.weights, list_name, order, after, READ_ON)
            yield from page
            after = sort_key(page[-1], self.weights, order) if len(page) == READ_ON else None
