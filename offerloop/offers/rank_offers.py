"""Keep the ranked lists: the sorted index with every offer in stock, and the boards at their heads."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from offerloop.errors import Busy
from offerloop.offers.board import ALL_OFFERS, KEEP, Board, category_list
from offerloop.offers.model import Offer
from offerloop.offers.ports import InventoryStore, ListingChange, Situation
from offerloop.offers.scoring import BY_PRIORITY, RankEntry, Weights

MAX_BOARD_WRITES = 20  # how often a board is written again because another batch was faster
MAX_SETTLES = 10  # how often offers are settled again because someone else settled them meanwhile

EntryChanges = Mapping[str, RankEntry | None]
Place = tuple[str, RankEntry]  # category and entry: where an offer in stock stands in every ranking


def lists_of(category: str, weights: Weights) -> tuple[str, ...]:
    """The lists in which an offer of this category stands; pivots stay inside their category."""
    return (category_list(category),) if weights == BY_PRIORITY else (ALL_OFFERS, category_list(category))


def place_of(offer: Offer | None) -> Place | None:
    """The place that an offer should have in every ranking; None = in no list."""
    return (offer.category, RankEntry.of(offer)) if offer is not None and offer.in_stock else None


def settle_listings(
    situations: Mapping[str, Situation],
    rankings: Iterable[Weights],
    store: InventoryStore,
    passed: Iterable[tuple[str, Place | None]] = (),
) -> int:
    """Bring the places of these offers up to date in each ranking.

    Args:
        passed: offer ids with places that they had since the last batch, as its records show them; None =
            in no list.
    Returns:
        How many places changed.
    Raises:
        Busy: others kept changing the same offers.
    """
    rankings = tuple(rankings)
    due = in_index = _due(situations, rankings)
    on_boards = [*_left_on_boards(passed, situations, rankings), *due]
    for _ in range(MAX_SETTLES):
        if not on_boards:
            return len(due)
        # Boards before the index: after a crash in between, the index still differs, so the repeated
        # batch does both again. Boards after the index as well: a board that another batch filled up
        # from the index meanwhile may have missed these offers.
        _update_boards(on_boards, store)
        store.apply_listings(in_index)
        _update_boards(on_boards, store)
        on_boards, in_index = _overtaken(on_boards, store)
    raise Busy("others keep changing the same offers")


def _due(situations: Mapping[str, Situation], rankings: Iterable[Weights]) -> list[ListingChange]:
    """What the sorted index lacks. An offer that is gone leaves the rankings of past experiments too."""
    changes = []
    for offer_id, situation in situations.items():
        own = {weights.ranking_id: weights for weights in rankings}
        if situation.offer is None:
            own |= {name: Weights.of_ranking(name) for name in situation.listings if name not in own}
        after = place_of(situation.offer)
        for ranking_id, weights in own.items():
            before = situation.listings.get(ranking_id)
            if before != after:
                changes.append(ListingChange(offer_id, weights, before, after))
    return changes


def _left_on_boards(
    passed: Iterable[tuple[str, Place | None]],
    situations: Mapping[str, Situation],
    rankings: Iterable[Weights],
) -> list[ListingChange]:
    """What boards may show although neither the index nor the offer says so.

    A process may have died with a place put on boards, or taken off them, that the index did not follow yet.
    When the offer has meanwhile gone back to what the index says, nothing differs any more, and only the
    records tell.
    """
    changes = []
    for offer_id, place in passed:
        situation = situations[offer_id]
        now = place_of(situation.offer)
        for weights in rankings:
            if place not in (now, situation.listings.get(weights.ranking_id)):
                changes.append(ListingChange(offer_id, weights, place, now))
    return changes


def _overtaken(
    written: Sequence[ListingChange], store: InventoryStore
) -> tuple[list[ListingChange], list[ListingChange]]:
    """What to change once more on boards and in the index, because others wrote in between.

    Two writers may have read the same offer at different times. The last thing either does is to compare
    what it put on boards with the index, so the boards end as the index is, whoever came last.
    """
    on_boards, in_index = [], []
    kept = store.rankings()
    last = {(change.offer_id, change.weights): change for change in written}
    situations = store.situations({offer_id for offer_id, _ in last})
    for (offer_id, weights), change in last.items():
        situation = situations[offer_id]
        if weights not in kept and situation.offer is not None:
            continue  # its experiment was stopped meanwhile
        indexed, after = situation.listings.get(weights.ranking_id), place_of(situation.offer)
        if indexed != change.after or indexed != after:
            on_boards.append(ListingChange(offer_id, weights, change.after, after))
        if indexed != after:
            on_boards.append(ListingChange(offer_id, weights, indexed, after))
            in_index.append(ListingChange(offer_id, weights, indexed, after))
    return on_boards, in_index


def _update_boards(changes: Sequence[ListingChange], store: InventoryStore) -> None:
    for weights, by_list in _by_list(changes).items():
        pending: Mapping[str, EntryChanges] = by_list
        for _ in range(MAX_BOARD_WRITES):
            pending = _write_boards(weights, pending, store)
            if not pending:
                break
        else:
            raise Busy(f"boards {sorted(pending)} keep changing")


def _by_list(changes: Sequence[ListingChange]) -> dict[Weights, dict[str, dict[str, RankEntry | None]]]:
    grouped: dict[Weights, dict[str, dict[str, RankEntry | None]]] = defaultdict(lambda: defaultdict(dict))
    for change in changes:
        if change.before is not None:
            for name in lists_of(change.before[0], change.weights):
                grouped[change.weights][name][change.offer_id] = None
        if change.after is not None:
            for name in lists_of(change.after[0], change.weights):
                grouped[change.weights][name][change.offer_id] = change.after[1]
    return grouped


def _write_boards(
    weights: Weights, by_list: Mapping[str, EntryChanges], store: InventoryStore
) -> dict[str, EntryChanges]:
    """Apply changes to boards; returns those whose board was changed by someone else meanwhile."""
    lost = {}
    for name, before in store.stored_boards(weights, list(by_list)).items():
        after = _filled_up(before.after(by_list[name], weights), name, by_list[name], weights, store)
        if after != before and not store.save_board(weights, name, before, after):
            lost[name] = by_list[name]
    return lost


def _filled_up(
    board: Board, list_name: str, changes: EntryChanges, weights: Weights, store: InventoryStore
) -> Board:
    for order in board.orders_running_short:
        head = board.head(order)
        if head.frontier is not None:
            page = store.read_on(weights, list_name, order, head.frontier, KEEP)
            head = head.extended(page, KEEP, weights, order).after(changes, weights, order)
            board = board.with_head(order, head)
    return board
