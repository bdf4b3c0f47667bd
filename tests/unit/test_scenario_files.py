"""Scenario files that cannot be read, names that do not exist, and overrides from the command line."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.scenario import Scenario, ScenarioError, load_scenario, parse_scenario_argument
from simulator.scenario.document import MAX_BYTES, MAX_NODES
from simulator.scenario.load import SHIPPED, Problem

BASELINE = (SHIPPED / "baseline.yaml").read_text(encoding="utf-8")


ROWS = BASELINE.splitlines()
# Values that YAML or pydantic may stumble over, in the place of any value of the file.
ODD_VALUES = (
    *("null", "~", "''", "[]", "{}", "yes", "-1", "1e999", ".nan", "-.inf", "0x7fffffffffffffffffff", "1:30"),
    *(
        "2024-02-30",
        "!!binary x",
        "!!set {a}",
        "? a",
        "*calm",
        "&x [*x]",
        "<<",
        "{a: {b: [1, {c: 2}]}}",
        "|",
        "%",
    ),
    *(
        "'\\u0000'",
        "\x85",
        "🙂",
        "[[[[[[]]]]]]",
        "{1: 2, 2.5: 3, null: 4, true: 5}",
        "=",
        "!!omap [a: 1]",
        "- 1",
    ),
)


def refused(path: Path) -> str:
    with pytest.raises(ScenarioError) as raised:
        load_scenario(path)
    return str(raised.value).removeprefix(str(path))


def refused_text(folder: Path, text: str) -> str:
    path = folder / "s.yaml"
    path.write_text(text, encoding="utf-8")
    return refused(path)


def refused_argument(text: str) -> str:
    with pytest.raises(ScenarioError) as raised:
        parse_scenario_argument(text)
    return str(raised.value)


def problems_of(load: Callable[[], Scenario]) -> list[Problem]:
    """What is wrong, nothing when it loads; any other exception is the test's failure."""
    try:
        load()
    except ScenarioError as refusal:
        return refusal.problems
    return []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [1\nb: 2\n", ":2: not YAML: expected ',' or ']'"),
        ("", ":1: must be a mapping"),
        ("- 1\n", ":1: must be a mapping"),
        ("just words", ":1: must be a mapping"),
        ("a: *nothing\n", ":1: not YAML: found undefined alias"),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", ":4: b.c: given twice"),
        ("a: 1\na: 1\n", ":2: a: given twice"),
        ("[a, b]: 1\n", ":1: a key must be plain text"),
        ("a: 1\n---\na: 2\n", ":2: not YAML: but found another document"),
        ("a: !!python/object/apply:os.getcwd []\n", ":1: not YAML: could not determine a constructor"),
        ("a: 2024-13-99\n", ":1: not YAML: month must be in 1..12"),
        ("a: 1\nb: \x07\n", ":2: not YAML: unacceptable character"),
        ("a: &a\n  b: 1\n  c: *a\n", ":3: a.c: an anchor that contains itself (a cycle)"),
        ("a: &a [1, [*a]]\n", ":1: a.1.0: an anchor that contains itself (a cycle)"),
        ("a: &a {<<: *a}\n", ":1: a.<<: an anchor that contains itself (a cycle)"),
        ("a: " + "[" * 20_000, ":1: nested too deeply"),
        ("a: " + "9" * 10_000, ":1: not YAML: Exceeds the limit"),
    ],
)
def test_a_text_that_is_no_scenario_is_refused_with_its_line(tmp_path, text, fault):
    assert refused_text(tmp_path, text).startswith(fault)


def test_aliases_that_multiply_are_refused_before_they_fill_the_memory(tmp_path):
    """Ten levels of ten aliases each are ten thousand million values."""
    levels = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]

    assert f"more than {MAX_NODES:,} values" in refused_text(tmp_path, "\n".join(levels))


def test_aliases_and_merged_keys_that_are_no_cycles_work(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(
        BASELINE.replace("outbox_stream: *calm", "outbox_stream: {<<: *calm, batch_size: 7}"),
        encoding="utf-8",
    )

    weather = load_scenario(path).weather

    assert weather.outbox_stream == weather.offers_stream.model_copy(update={"batch_size": 7})


def test_a_fault_behind_an_alias_names_the_line_that_says_it(tmp_path):
    text = BASELINE.replace("mean: 200,", "mean: -1,")
    line = next(number for number, row in enumerate(text.splitlines(), start=1) if "mean: -1" in row)

    assert f":{line}: weather.offers_stream.delay_ms.mean: Input should be" in refused_text(tmp_path, text)


def test_a_huge_file_is_not_read(tmp_path):
    assert "larger than 256 KB" in refused_text(tmp_path, "# " + "x" * MAX_BYTES)


def test_what_is_not_utf_8_is_said_with_its_line(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_bytes(b"name: x\ndescription: \xff\n")

    assert refused(path) == ":2: not UTF-8 text"


def test_a_byte_order_mark_does_no_harm(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(BASELINE, encoding="utf-8-sig")

    assert load_scenario(path) == load_scenario("baseline")


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda path: None, ": cannot be read: No such file or directory"),
        (lambda path: path.mkdir(), ": cannot be read: Is a directory"),
        (os.mkfifo, ": cannot be read: not a regular file"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, make, fault):
    path = tmp_path / "s.yaml"
    make(path)

    assert refused(path) == fault


def test_an_unknown_name_is_answered_with_the_nearest_and_all():
    assert refused_argument("flashsale") == (
        "flashsale: no such scenario; did you mean flash-sale? Shipped are bad-weather, baseline, "
        "checkout, cold-start-catalogue, flash-sale, rewards, stockout-week; a file's name ends with .yaml"
    )
    assert "did you mean" not in refused_argument("qqq")


def test_overrides_replace_values_and_nothing_else():
    scenario = parse_scenario_argument(
        "flash-sale:policies.pivot_boost=0,population.users=500,stock.units={low: 1, high: 2}"
    )
    expected = load_scenario("flash-sale").model_dump(mode="json")
    expected["policies"]["pivot_boost"] = 0
    expected["population"]["users"] = 500
    expected["stock"]["units"] = {"low": 1, "high": 2}

    assert scenario.model_dump(mode="json") == expected


def test_an_override_of_one_alias_leaves_the_others_alone():
    scenario = parse_scenario_argument("baseline:weather.outbox_stream.batch_size=7")

    assert (scenario.weather.offers_stream.batch_size, scenario.weather.outbox_stream.batch_size) == (100, 7)


def test_overrides_reach_into_lists_and_sections_that_are_null():
    scenario = parse_scenario_argument(
        "flash-sale:arrivals.flash_sales.0.factor=2,weather.functions.concurrency=3,stock.restock=null"
    )

    assert scenario.arrivals.flash_sales[0].factor == 2
    assert scenario.weather.functions.concurrency == 3
    assert scenario.stock.restock is None


def test_a_file_can_be_overridden_too(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(BASELINE, encoding="utf-8")

    assert parse_scenario_argument(f"{path}:days=2").days == 2
    assert parse_scenario_argument(str(path)) == load_scenario("baseline")


@pytest.mark.parametrize(
    ("overrides", "fault"),
    [
        (
            "policies.pivot_boost=101",
            "override policies.pivot_boost: Input should be less than or equal to 100",
        ),
        (
            "policies.pivot_boots=1",
            "override policies.pivot_boots: Extra inputs are not permitted; did you mean",
        ),
        ("days=many", "override days: Input should be a valid integer, got 'many'"),
        (f"name={'x' * 300}", "override name: String should match pattern"),  # longer than a file's name
        (
            "population.visits_per_day=1e3",
            "override population.visits_per_day: Input should be a valid number, got '1e3', which is text",
        ),
        ("days=", "override days: Input should be a valid integer, got None"),
        ("days=[1", "override days: not YAML: "),
        ("days={", "override days: not YAML: "),
        ("days=2,days=3", "override days: given twice"),
        ("days", "override days: write key=value"),
        ("=3", "override =3: write key=value"),
        ("days.x=3", "override days.x: days is a single value and has no x"),
        (
            "population.segments.9.share=1",
            "override population.segments.9.share: population.segments is a list of 3",
        ),
        (
            "population.segments.0.share=0.5",
            "override population.segments.0.share: population.segments: must sum to 1",
        ),
        (
            "policies.weights.priority_bp=1,policies.weights.urgency_bp=2",
            "override policies.weights.priority_bp, policies.weights.urgency_bp: policies.weights: ",
        ),
        (
            "days=300,population.visits_per_day=50",
            "override days, population.visits_per_day: population.users: 20,000 users x 50 visits",
        ),
    ],
)
def test_a_wrong_override_is_named_and_told_what_is_allowed(overrides, fault):
    assert refused_argument(f"baseline:{overrides}").startswith(fault)


@given(st.integers(0, len(ROWS) - 1), st.sampled_from(ODD_VALUES))
def test_whatever_stands_in_the_place_of_a_value_is_a_scenario_or_a_refusal(tmp_path_factory, row, odd):
    """Never another exception, and every line of a refusal names the file and one of its lines."""
    key = ROWS[row].split(":")[0]
    path = tmp_path_factory.mktemp("odd") / "s.yaml"
    path.write_text("\n".join([*ROWS[:row], f"{key}: {odd}", *ROWS[row + 1 :]]), encoding="utf-8")

    lines = [problem.line for problem in problems_of(lambda: load_scenario(path))]

    assert all(line is not None and 1 <= line <= len(ROWS) + 1 for line in lines), lines


@given(
    st.sampled_from(
        ["days", "population", "stock.restock", "policies.weights.x", "a.b", "arrivals.flash_sales"]
    ),
    st.one_of(st.sampled_from(ODD_VALUES), st.text(max_size=20)),
)
def test_whatever_an_override_says_is_a_scenario_or_a_refusal(key, value):
    problems = problems_of(lambda: parse_scenario_argument(f"baseline:{key}={value}"))

    assert all(problem.key.startswith("override ") for problem in problems), problems


def test_a_list_whose_values_are_wrong_is_not_called_too_short_as_well(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(BASELINE.replace("hourly_share: [0.0073", "hourly_share: [2", 1), encoding="utf-8")

    assert refused(path) == (":23: arrivals.hourly_share.0: Input should be less than or equal to 1, got 2")
