"""A head holds every entry down to its frontier, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from offerloop.offers.board import KEEP, REFILL_BELOW, Board, Head, category_list
from offerloop.offers.scoring import CONTROL, Order, RankEntry, sort_key

BASE = Order.BASE


def entry(number: int, priority: int) -> RankEntry:
    return RankEntry(f"OFF{number:03d}", priority, 0, None)


def key(of: RankEntry) -> str:
    return sort_key(of, CONTROL, BASE)


def in_order(entries) -> tuple[RankEntry, ...]:
    return tuple(sorted(entries, key=key))


def test_a_short_list_is_held_whole():
    entries = [entry(number, number) for number in range(KEEP)]

    head = Head().after({e.offer_id: e for e in entries}, CONTROL, BASE)

    assert head == Head(in_order(entries), None)


def test_a_long_list_is_cut_at_its_frontier():
    entries = [entry(number, number) for number in range(KEEP + 5)]

    head = Head().after({e.offer_id: e for e in entries}, CONTROL, BASE)

    first = in_order(entries)[:KEEP]
    assert head == Head(first, key(first[-1]))


def test_what_joins_behind_the_frontier_is_not_held():
    best, worst = entry(1, 90), entry(2, 10)
    head = Head((best,), key(best))

    assert head.after({worst.offer_id: worst}, CONTROL, BASE) == head
    assert head.after({best.offer_id: None}, CONTROL, BASE) == Head((), key(best))


def test_an_entry_that_moves_behind_the_frontier_leaves():
    first, second = entry(1, 90), entry(2, 80)
    head = Head((first, second), key(second))

    assert head.after({"OFF001": entry(1, 10)}, CONTROL, BASE) == Head((second,), key(second))


def test_a_head_that_has_more_behind_it_runs_short_one_that_is_whole_does_not():
    few = tuple(entry(number, 50) for number in range(REFILL_BELOW - 1))

    assert Head(few, "key").runs_short
    assert not Head(few, None).runs_short
    assert not Head((*few, entry(99, 50)), "key").runs_short


def test_a_full_page_moves_the_frontier_and_a_short_one_ends_the_list():
    head = Head((entry(1, 90),), key(entry(1, 90)))
    page = [entry(2, 80), entry(3, 70)]

    assert head.extended(page, 2, CONTROL, BASE) == Head((entry(1, 90), *page), key(page[-1]))
    assert head.extended(page, 3, CONTROL, BASE) == Head((entry(1, 90), *page), None)


changes = st.dictionaries(st.integers(0, 60), st.none() | st.integers(0, 100), max_size=30)


@given(st.lists(changes, max_size=8))
def test_any_changes_leave_a_head_that_is_exact_down_to_its_frontier(batches):
    truth: dict[str, RankEntry] = {}
    board = Board()
    for batch in batches:
        named = {
            f"OFF{number:03d}": None if priority is None else entry(number, priority)
            for number, priority in batch.items()
        }
        truth = {name: e for name, e in (truth | named).items() if e is not None}
        board = board.after(named, CONTROL)

    held = [
        e for e in in_order(truth.values()) if board.base.frontier is None or key(e) <= board.base.frontier
    ]
    assert (list(board.base.entries), len(held) <= KEEP) == (held, True)


def test_a_board_names_the_orders_that_run_short():
    board = Board(base=Head((), "key"), urgent=Head())

    assert board.orders_running_short == (Order.BASE,)
    assert board.with_head(Order.BASE, Head()).orders_running_short == ()
    assert category_list("toys") == "CATEGORY#toys"
