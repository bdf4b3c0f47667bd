"""What a recommendation reads, in memory."""

from collections.abc import Collection, Sequence

from offerloop.offers.board import Board
from offerloop.offers.model import Offer
from offerloop.offers.ports import ServingContext
from offerloop.offers.relevance import MAX_TRENDING
from offerloop.offers.scoring import Order, RankEntry, Weights
from simulator.memory.world import MemoryWorld

_EMPTY = Board()


class MemoryContextReader:
    """`ContextReader`."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world

    def context(self, user_id: str, now: int) -> ServingContext:
        world = self._world
        return ServingContext(
            world.shoppers.get(user_id),
            world.trend.top(now * 1_000, MAX_TRENDING),
            world.live(),
            world.available,
            world.weights,
        )


class MemoryRankedLists:
    """`RankedLists` and `OfferReader`."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world

    def boards(self, weights: Weights, lists: Sequence[str], spread: str) -> dict[str, Board]:
        boards, ranking_id = self._world.boards, weights.ranking_id
        return {name: boards.get((ranking_id, name), _EMPTY) for name in lists}

    def read_on(
        self, weights: Weights, list_name: str, order: Order, after: str, limit: int
    ) -> Sequence[RankEntry]:
        entries = self._world.lists.get((weights.ranking_id, list_name, order))
        return entries.after(after, limit) if entries is not None else ()

    def get_many(self, offer_ids: Collection[str]) -> dict[str, Offer]:
        offers = self._world.offers
        return {offer_id: offers[offer_id] for offer_id in offer_ids if offer_id in offers}
