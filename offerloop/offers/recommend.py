"""Choose the best three offers for a shopper, reading a constant number of items.

The lists that can hold a top offer are the list of all offers, read at the default relevance, and one
list per category whose relevance differs for this shopper. The first three servable entries of each
order of each list are candidates; docs/decisions/0003-ranked-lists.md proves that the best three of the
whole catalogue are among them. A list is left as soon as nothing that follows in it can be among the
best found so far. The candidates' own records are then read, so that what is served is in stock and
scored as it stands.
"""

from collections.abc import Iterable, Iterator, Mapping

from offerloop.clock import Clock, now_s
from offerloop.offers.board import ALL_OFFERS, Head, category_list
from offerloop.offers.experiments import Assignment, assign
from offerloop.offers.model import Offer
from offerloop.offers.ports import ContextReader, OfferReader, RankedLists
from offerloop.offers.relevance import DEFAULT_RELEVANCE, relevance_by_category
from offerloop.offers.scoring import (
    URGENCY_WINDOW_S,
    Order,
    RankEntry,
    ScoreBreakdown,
    Weights,
    breakdown,
    offer_ticks,
    points,
    sort_key,
)
from offerloop.record import record

SERVED = 3
SPARES = 3  # candidates read besides, in case a record says that an entry is out of date
SHORT = 2 * (SERVED + SPARES)  # a list of this length is scored whole instead of in both orders
READ_ON = 24  # entries per page once a board is exhausted


@record(frozen=True, slots=True)
class RecommendedOffer:
    """An offer as served: its record as read, and how it scored.

    Attributes:
        ticks: the exact score (offerloop.offers.scoring).
        relevance: 0..100, of its category to this shopper.
        scored_at: epoch seconds.
    """

    offer: Offer
    ticks: int
    relevance: int
    weights: Weights
    scored_at: int

    @property
    def score(self) -> float:
        """The score in points."""
        return points(self.ticks)

    @property
    def terms(self) -> ScoreBreakdown:
        """The four weighted terms of the score, in points."""
        return breakdown(RankEntry.of(self.offer), self.relevance, self.weights, self.scored_at)


@record(frozen=True, slots=True)
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
    shopper = context.shopper
    relevance = relevance_by_category(shopper, context.trending, now)
    assignment = assign(user_id, context.experiment, context.weights)
    skipped = shopper.skips if shopper is not None else {}
    candidates = _Candidates(assignment.weights, relevance, skipped, lists, user_id, now)
    served = _check(candidates, assignment.weights, relevance, offers, now)
    return Recommendation(user_id, served, context.total_available, assignment)


def _check(
    candidates: "_Candidates", weights: Weights, relevance: Mapping[str, int], offers: OfferReader, now: int
) -> tuple[RecommendedOffer, ...]:
    """Read the candidates' records, best first, until enough of them are what their entries say."""
    servable: list[tuple[int, str, Offer, int]] = []
    for ids in candidates.pages():
        for offer in offers.get_many(ids).values():
            if offer.is_available(now):
                own = relevance.get(offer.category, DEFAULT_RELEVANCE)
                ticks = offer_ticks(offer, own, weights, now)
                servable.append((-ticks, offer.offer_id, offer, own))
        if len(servable) >= SERVED:
            break
    servable.sort()  # ids differ, so two offers themselves are never compared
    return tuple(
        [RecommendedOffer(offer, -ticks, own, weights, now) for ticks, _, offer, own in servable[:SERVED]]
    )


class _Candidates:
    """The entries that can be among the best, gathered from the lists that matter to one shopper.

    The inner loop runs some thirty times per recommendation, so it works on plain numbers and repeats
    the arithmetic of `scoring.score_ticks`; a property test compares the result with a full scan by it.
    """

    __slots__ = ("_boards", "_lists", "_now", "_relevances", "_skipped", "_weights")

    def __init__(
        self,
        weights: Weights,
        relevance: Mapping[str, int],
        skipped: Mapping[str, int],
        lists: RankedLists,
        user_id: str,
        now: int,
    ) -> None:
        self._weights, self._skipped, self._lists, self._now = weights, skipped, lists, now
        # The most relevant lists first: they set the mark that the others are left at.
        by_relevance = sorted(relevance.items(), key=lambda item: -item[1])
        self._relevances = {category_list(category): own for category, own in by_relevance}
        self._relevances[ALL_OFFERS] = DEFAULT_RELEVANCE
        self._boards = lists.boards(weights, list(self._relevances), spread=user_id)

    def pages(self) -> Iterator[list[str]]:
        """Offer ids by descending score, ties by id, page by page; the first page is nearly always enough."""
        size = SERVED + SPARES
        yield self._best(size)[:size]
        ranked = self._best(None)
        for start in range(size, len(ranked), size):
            yield ranked[start : start + size]

    def _best(self, wanted: int | None) -> list[str]:
        """Candidates, best first.

        Args:
            wanted: leave out what cannot be among this many best; None = keep all.
        """
        best: dict[str, int] = {}
        for list_name, relevance in self._relevances.items():
            board = self._boards[list_name]
            if board.base.frontier is None and len(board.base.entries) <= SHORT:
                self._gather(board.base.entries, relevance, best, limit=SHORT)
                continue
            for order, head in ((Order.BASE, board.base), (Order.URGENT, board.urgent)):
                mark = 0
                if wanted is not None and len(best) >= wanted:
                    # Ticks of the last of the wanted ones so far: what falls below is not among them.
                    mark = sorted(best.values(), reverse=True)[wanted - 1]
                entries = self._entries(list_name, order, head)
                self._gather(entries, relevance, best, limit=SERVED + SPARES, order=order, mark=mark)
        ranked = sorted([(-ticks, offer_id) for offer_id, ticks in best.items()])
        return [offer_id for _, offer_id in ranked]

    def _gather(
        self,
        entries: Iterable[RankEntry],
        relevance: int,
        best: dict[str, int],
        *,
        limit: int,
        order: Order = Order.BASE,
        mark: int = 0,
    ) -> None:
        """Add the first *limit* servable entries to *best*, until their order falls below *mark*."""
        weights, skipped, now = self._weights, self._skipped, self._now
        per_priority, per_unit, per_second = weights.per_priority, weights.per_unit, weights.per_urgent_second
        from_relevance = weights.per_relevance * relevance
        urgent = order is Order.URGENT
        for offer_id, priority, stock, expires_at in entries:
            ticks = per_priority * priority + per_unit * stock + from_relevance
            if expires_at is None:
                if urgent:
                    break  # from here on nothing has an end: the base order has it all
                if ticks < mark:
                    break
            else:
                if expires_at <= now:
                    continue
                urgency = per_second * (URGENCY_WINDOW_S - expires_at + now)
                # What the order falls by: a in the base order, b + c*t in the urgent one.
                if (ticks + urgency if urgent else ticks) < mark:
                    break
                if urgency > 0:
                    ticks += urgency
            if offer_id in skipped and skipped[offer_id] > now:
                continue
            # An offer of a special category also stands in the list of all, at the lower default: its
            # highest reading is the true one.
            if offer_id not in best or best[offer_id] < ticks:
                best[offer_id] = ticks
            limit -= 1
            if not limit:
                break

    def _entries(self, list_name: str, order: Order, head: Head) -> Iterable[RankEntry]:
        return head.entries if head.frontier is None else self._read_on(list_name, order, head)

    def _read_on(self, list_name: str, order: Order, head: Head) -> Iterator[RankEntry]:
        yield from head.entries
        after = head.frontier
        while after is not None:
            page = self._lists.read_on(self._weights, list_name, order, after, READ_ON)
            yield from page
            after = sort_key(page[-1], self._weights, order) if len(page) == READ_ON else None
