"""The bench's arithmetic: ratios of neighbours, medians and quartiles, bars and floors, on known numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.bench.figures import Bar, Figure, Spread, Verdict, ratios, shown, spread
from harness.bench.report import line_of, spread_words, verdict_words

times = st.floats(min_value=1e-6, max_value=1e6)


def a_figure(*samples: float, bar: Bar | None = None) -> Figure:
    return Figure("row.figure", "a figure", "ms", samples, bar)


def test_a_ratio_is_taken_between_neighbours_so_that_a_slow_stretch_hits_both() -> None:
    quiet_then_busy = ratios([2.0, 2.0, 20.0], [1.0, 1.0, 10.0])

    assert quiet_then_busy == (2.0, 2.0, 2.0)


@given(st.lists(st.tuples(times, times), min_size=1), st.floats(min_value=0.5, max_value=2))
def test_a_machine_that_is_slower_throughout_changes_no_ratio(
    pairs: list[tuple[float, float]], slower: float
) -> None:
    ours, theirs = zip(*pairs, strict=True)

    assert ratios([slower * each for each in ours], [slower * each for each in theirs]) == pytest.approx(
        ratios(ours, theirs)
    )


def test_rounds_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


def test_the_spread_is_the_median_and_the_quartiles() -> None:
    assert spread([5.0, 1.0, 4.0, 2.0, 3.0]) == Spread(median=3.0, low=2.0, high=4.0, rounds=5)
    assert spread([7.0]) == Spread(7.0, 7.0, 7.0, 1)


@given(st.lists(times, min_size=1))
def test_quartiles_lie_around_the_median_and_within_what_was_measured(samples: list[float]) -> None:
    known = spread(samples)

    assert min(samples) <= known.low <= known.median <= known.high <= max(samples)


@pytest.mark.parametrize(
    ("bar", "value", "verdict"),
    [
        (Bar("≤", 6), 6.0, Verdict.HELD),
        (Bar("≤", 6), 6.01, Verdict.MISSED),
        (Bar("≥", 1.7), 1.7, Verdict.HELD),
        (Bar("≥", 1.7), 1.69, Verdict.MISSED),
        (Bar("=", 10), 10.0, Verdict.HELD),
        (Bar("=", 10), 11.0, Verdict.MISSED),
        (None, 1e9, Verdict.NO_BAR),
    ],
)
def test_a_bar_is_held_up_to_its_limit(bar: Bar | None, value: float, verdict: Verdict) -> None:
    assert a_figure(value, bar=bar).verdict is verdict


def test_one_slow_round_of_five_misses_no_bar_and_three_do() -> None:
    at_most_two = Bar("≤", 2)

    assert a_figure(1.9, 1.9, 9.0, 1.8, 1.9, bar=at_most_two).verdict is Verdict.HELD
    assert a_figure(1.9, 9.0, 9.0, 1.8, 9.0, bar=at_most_two).verdict is Verdict.MISSED


def test_of_what_must_be_exact_one_wrong_round_is_enough() -> None:
    taken = a_figure(10, 10, 11, 10, 10, bar=Bar("=", 10))

    assert (taken.value, taken.verdict) == (11, Verdict.MISSED)


def test_a_missed_bar_says_whether_its_floor_holds() -> None:
    fast = Bar("≥", 10_000, floor=4_200)

    words = [verdict_words(a_figure(speed, bar=fast)) for speed in (12_000, 9_000, 3_000)]

    assert words == ["held", "MISSED, floor 4,200 held", "MISSED, floor 4,200 missed too"]


def test_more_is_better_where_the_bar_is_a_least_value() -> None:
    directions = [a_figure(1, bar=bar).higher_is_better for bar in (Bar("≥", 1), Bar("≤", 1), None)]

    assert directions == [True, False, False]


def test_a_figure_without_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match=r"row\.figure was not measured"):
        a_figure()


@pytest.mark.parametrize(
    ("value", "text"),
    [(12_345.0, "12,345"), (12_345.6, "12,346"), (12.345, "12.3"), (1.234, "1.23"), (0.01234, "0.012")],
)
def test_numbers_are_written_as_people_read_them(value: float, text: str) -> None:
    assert shown(value) == text


def test_a_line_has_title_value_spread_bar_and_verdict() -> None:
    line = line_of(a_figure(1.0, 2.0, 3.0, bar=Bar("≤", 6)))

    assert " ".join(line.split()) == "a figure 2 ms (1.50 – 2.50, 3 rounds) ≤ 6 [green]held[/]"


def test_what_is_measured_once_has_no_spread() -> None:
    assert spread_words(a_figure(20)) == ""
