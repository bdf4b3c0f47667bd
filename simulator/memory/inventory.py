"""What the inventory monitor reads and keeps, in memory."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from offerloop.offers.board import Board
from offerloop.offers.model import Offer, OfferState, Pivot
from offerloop.offers.ports import ListingChange, Situation
from offerloop.offers.rank_offers import lists_of
from offerloop.offers.scoring import BY_PRIORITY, Order, Weights, sort_key
from offerloop.outbox import Message
from simulator.memory.serving import MemoryRankedLists
from simulator.memory.world import Place

_NO_STATE = OfferState()


class MemoryInventoryStore(MemoryRankedLists):
    """`InventoryStore`."""

    # -- situations ------------------------------------------------------------------------------------

    def situations(self, offer_ids: Collection[str]) -> dict[str, Situation]:
        world = self._world
        return {
            offer_id: Situation(
                world.offers.get(offer_id),
                world.states.get(offer_id, _NO_STATE),
                {name: places[offer_id] for name, places in world.places.items() if offer_id in places},
                end_listed=offer_id in world.offers,
            )
            for offer_id in offer_ids
        }

    def rankings(self) -> tuple[Weights, ...]:
        live = self._world.live()
        return tuple(dict.fromkeys((self._world.weights, BY_PRIORITY, *(live.rankings if live else ()))))

    # -- the sorted index ------------------------------------------------------------------------------

    def apply_listings(self, changes: Sequence[ListingChange]) -> None:
        for change in changes:
            places = self._world.places[change.weights.ranking_id]
            if places.get(change.offer_id) != change.before:
                continue
            if change.before is not None:
                del places[change.offer_id]
                self._take_out(change.before, change.weights)
            if change.after is not None:
                places[change.offer_id] = change.after
                self._put_in(change.after, change.weights)
            if change.weights == self._world.weights:
                self._world.available += (change.after is not None) - (change.before is not None)

    def _put_in(self, place: Place, weights: Weights) -> None:
        category, entry = place
        for order in Order:
            key = sort_key(entry, weights, order)
            for name in lists_of(category, weights):
                self._world.lists[weights.ranking_id, name, order].add(key, entry)

    def _take_out(self, place: Place, weights: Weights) -> None:
        category, entry = place
        for order in Order:
            key = sort_key(entry, weights, order)
            for name in lists_of(category, weights):
                self._world.lists[weights.ranking_id, name, order].remove(key)

    def list_end(self, offer_id: str) -> None:
        """Nothing to do: the world enters every end itself."""

    # -- boards ----------------------------------------------------------------------------------------

    def stored_boards(self, weights: Weights, lists: Sequence[str]) -> dict[str, Board]:
        return self.boards(weights, lists, spread="")

    def save_board(self, weights: Weights, list_name: str, before: Board, after: Board) -> bool:
        name = weights.ranking_id, list_name
        stored = self._world.boards.get(name)
        if (0 if stored is None else stored.version) != before.version:
            return False
        self._world.boards[name] = replace(after, version=before.version + 1)
        return True

    # -- pivots ----------------------------------------------------------------------------------------

    def get_pivot(self, pivot_id: str) -> Pivot | None:
        return self._world.pivots.get(pivot_id)

    def save_pivot(self, before: Pivot | None, after: Pivot, message: Message | None) -> bool:
        world = self._world
        loser = before.to_offer if before is not None else None
        winner = after.to_offer if after.is_open else None
        if world.pivots.get(after.pivot_id) != before or not self._first_offer_fits(before, after):
            return False
        if winner == loser:
            winner = loser = None
        if winner is not None and not self._may_take_boost(winner):
            return False
        if loser is not None and self._state(loser).boosted_by != after.pivot_id:
            return False
        world.pivots[after.pivot_id] = after
        if before is None:
            stockouts = self._state(after.from_offer).stockouts + 1
            world.change_state(after.from_offer, open_pivot_id=after.pivot_id, stockouts=stockouts)
        elif not after.is_open:
            world.change_state(after.from_offer, open_pivot_id=None)
        if loser is not None:
            self._boost(loser, None, 0)
        if winner is not None:
            self._boost(winner, after.pivot_id, after.boost)
        if message is not None:
            world.put_message(message)
        return True

    def _first_offer_fits(self, before: Pivot | None, after: Pivot) -> bool:
        open_pivot_id = self._state(after.from_offer).open_pivot_id
        if before is None:
            return open_pivot_id is None
        return after.is_open or open_pivot_id == after.pivot_id

    def _may_take_boost(self, offer_id: str) -> bool:
        offer = self._world.offers.get(offer_id)
        free = self._state(offer_id).boosted_by is None
        return free and offer is not None and offer.in_stock and offer.priority_boost == 0

    def _boost(self, offer_id: str, boosted_by: str | None, boost: int) -> None:
        self._world.change_state(offer_id, boosted_by=boosted_by)
        offer = self._world.offers.get(offer_id)
        if offer is not None:
            self._world.put_offer(replace(offer, priority_boost=boost))

    def _state(self, offer_id: str) -> OfferState:
        return self._world.states.get(offer_id, _NO_STATE)

    # -- counts and boosts -----------------------------------------------------------------------------

    def save_adjusted(self, offer: Offer, adjusted_count: int) -> bool:
        stored = self._world.offers.get(offer.offer_id)
        if stored is None or _counts(stored) != _counts(offer):
            return False
        self._world.change_state(offer.offer_id, adjusted_count=adjusted_count)
        return True

    def save_boost(self, offer_id: str, state: OfferState, boost: int) -> None:
        offer = self._world.offers.get(offer_id)
        if offer is not None and self._state(offer_id).boosted_by == state.boosted_by:
            self._world.put_offer(replace(offer, priority_boost=boost))


def _counts(offer: Offer) -> tuple[int, int, int, int]:
    return offer.inventory_count, offer.received_count, offer.redeemed_count, offer.held_count
