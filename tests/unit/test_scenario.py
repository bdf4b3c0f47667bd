"""Scenarios: the shipped ones load, and whatever is wrong with one is named with its line and its key."""

from pathlib import Path

import pytest
import yaml

from offerloop.offers.experiments import ExperimentStatus
from offerloop.offers.scoring import CONTROL, Weights
from simulator.scenario import ScenarioError, load_scenario, parse_scenario_argument, to_yaml
from simulator.scenario.load import SHIPPED, shipped_names
from simulator.scenario.model import MAX_SESSIONS, Scenario

SMALL = """\
name: small
description: Two categories, one day
days: 1
population:
  users: 10
  visits_per_day: 0.5
  visits_shape: 0.8
  segments:
    - {name: all, share: 1.0, discount_weight: 0.3}
arrivals:
  weekday_share: [0.1, 0.2, 0.1, 0.1, 0.1, 0.2, 0.2]
  hourly_share: [0, 0, 0, 0, 0, 0, 0, 0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0, 0, 0, 0, 0, 0]
catalogue:
  categories: [books, tools]
  offers: 4
  priority: {low: 20, high: 95}
  discount_percent: {low: 5, high: 50}
stock:
  units: {low: 1, high: 9}
"""
EXPERIMENT = """\
policies:
  experiment:
    id: urgent
    variants:
      - name: control
        share_bp: 5000
        weights: {}
      - name: urgent
        share_bp: 5000
        weights: {priority_bp: 2000, urgency_bp: 4000}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "s.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(folder: Path, text: str) -> list[str]:
    """The lines of the refusal, without the file's name."""
    path = write(folder, text)
    with pytest.raises(ScenarioError) as raised:
        load_scenario(path)
    assert raised.value.path == path
    return [line.removeprefix(f"{path}") for line in str(raised.value).splitlines()]


def test_these_scenarios_ship():
    assert shipped_names() == [
        "bad-weather",
        "baseline",
        "checkout",
        "cold-start-catalogue",
        "flash-sale",
        "rewards",
        "stockout-week",
    ]


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_scenario_is_valid_and_says_what_it_is_for(name):
    text = (SHIPPED / f"{name}.yaml").read_text(encoding="utf-8")

    assert load_scenario(name).name == name
    assert text.startswith("# ")


@pytest.mark.parametrize(
    ("name", "differs_in"),
    [
        ("bad-weather", {"weather"}),
        ("flash-sale", {"days", "arrivals", "stock"}),
        ("stockout-week", {"stock"}),
        ("checkout", {"population", "orders"}),
        ("rewards", {"population", "orders"}),
        ("cold-start-catalogue", {"warm_up_days", "catalogue"}),
    ],
)
def test_every_other_scenario_is_the_baseline_with_something_happening(name, differs_in):
    """So that a figure that changes in the baseline is not forgotten in the others."""
    baseline, other = load_scenario("baseline"), load_scenario(name)

    different = {key for key in Scenario.model_fields if getattr(baseline, key) != getattr(other, key)}

    assert different == {"name", "description", *differs_in}


def test_the_baseline_has_about_a_hundred_thousand_visits():
    baseline = load_scenario("baseline")

    counted = baseline.expected_sessions * baseline.days / baseline.total_days

    assert counted == pytest.approx(98_000)


def test_expected_sessions_count_the_warm_up_and_the_flash_sale(tmp_path):
    """The sale lasts from 12 to 14 o'clock of day 0, the Tuesday: 20 % of its visits come threefold."""
    text = SMALL.replace("days: 1\n", "days: 1\nwarm_up_days: 1\n")
    sale = "arrivals:\n  flash_sales: [{day: 0, hour: 12, hours: 2, factor: 3}]"

    scenario = load_scenario(write(tmp_path, text.replace("arrivals:", sale)))

    assert scenario.expected_sessions == pytest.approx(10 * 0.5 * (2 + 2 * 0.2 * 7 * 0.2))


@pytest.mark.parametrize("name", shipped_names())
def test_a_scenario_written_out_is_read_back_as_an_equal_one(tmp_path, name):
    scenario = load_scenario(name)

    again = load_scenario(write(tmp_path, to_yaml(scenario)))

    assert (again, again.digest) == (scenario, scenario.digest)


def test_the_digest_names_the_world_and_not_the_way_it_is_written(tmp_path):
    scenario = load_scenario(write(tmp_path, SMALL))
    otherwise = SMALL.replace("users: 10", "users: 1_0  # ten").replace(
        "visits_per_day: 0.5", "visits_per_day: 0.50"
    )

    assert load_scenario(write(tmp_path, otherwise)).digest == scenario.digest
    assert load_scenario(write(tmp_path, SMALL), {"population.users": 11}).digest != scenario.digest


def test_weights_and_experiments_are_the_businesss_own(tmp_path):
    scenario = load_scenario(write(tmp_path, SMALL + EXPERIMENT))

    experiment = scenario.policies.experiment.as_experiment(started_at=7)

    assert scenario.policies.weights.as_weights() == CONTROL
    assert experiment.rankings == (CONTROL, Weights(2_000, 3_000, 4_000, 1_000))
    assert (experiment.status, experiment.started_at) == (ExperimentStatus.RUNNING, 7)


@pytest.mark.parametrize(
    ("replaced", "by", "fault"),
    [
        (
            "  users: 10",
            "  user: 10",
            ":5: population.user: Extra inputs are not permitted; did you mean users?",
        ),
        ("  users: 10", "  users: ten", ":5: population.users: Input should be a valid integer, got 'ten'"),
        ("  users: 10", "  users: 2.5", ":5: population.users: Input should be a valid integer, got 2.5"),
        ("  users: 10", "  users: true", ":5: population.users: Input should be a valid integer, got True"),
        (
            "  users: 10",
            "  users: 0",
            ":5: population.users: Input should be greater than or equal to 1, got 0",
        ),
        (
            "  users: 10",
            "  users: 1000001",
            ":5: population.users: Input should be less than or equal to 1000000",
        ),
        ("  users: 10", "  users: 0x" + "f" * 9999, ":5: population.users: "),
        ("  users: 10", "  users:", ":5: population.users: Input should be a valid integer, got None"),
        ("  users: 10\n", "", ":4: population.users: Field required"),
        ("users: 10", "users: 10\n  1: x", ":6: population.1: "),
        ("visits_per_day: 0.5", "visits_per_day: .nan", ":6: population.visits_per_day: Input should be"),
        ("visits_per_day: 0.5", "visits_per_day: 1e400", ":6: population.visits_per_day: Input should be"),
        (
            "share: 1.0",
            "share: 0.9",
            ":8: population.segments: must sum to 1 (within 1e-06), and the sum is 0.9",
        ),
        (
            "share: 1.0",
            "share: 1.5",
            ":9: population.segments.0.share: Input should be less than or equal to 1",
        ),
        (
            "[0.1, 0.2,",
            "[0.1, 0.3,",
            ":11: arrivals.weekday_share: must sum to 1 (within 1e-06), and the sum is 1.1",
        ),
        ("[0.1, 0.2,", "[0.1,", ":11: arrivals.weekday_share: must have at least 7 of them"),
        ("[0, 0, 0,", "[0, 0.5, 0,", ":12: arrivals.hourly_share: must sum to 1"),
        (
            "[0, 0, 0,",
            "[0, -1, 0,",
            ":12: arrivals.hourly_share.1: Input should be greater than or equal to 0",
        ),
        ("[books, tools]", "[books, books]", ":14: catalogue.categories: names must differ"),
        (
            "[books, tools]",
            "[books, 7]",
            ":14: catalogue.categories.1: Input should be a valid string, got 7",
        ),
        ("[books, tools]", "books", ":14: catalogue.categories: must be a list, got 'books'"),
        ("high: 95", "high: 101", ":16: catalogue.priority.high: must be 0 to 100, got 101"),
        ("high: 95", "high: 19", ":16: catalogue.priority.high: must be at least low (20), got 19"),
        (
            "low: 5, high: 50",
            "low: 0, high: 50",
            ":17: catalogue.discount_percent.low: must be 1 to 100, got 0",
        ),
        ("low: 1, high: 9", "low: 0, high: 9", ":19: stock.units.low: must be 1 to 1000000000, got 0"),
        ("days: 1", "days: 367", ":3: days: Input should be less than or equal to 366, got 367"),
        ("name: small", "name: a/b", ":1: name: String should match pattern"),
        (
            "name: small",
            "nmae: small",
            ":1: nmae: Extra inputs are not permitted; did you mean name? Allowed: name,",
        ),
        ("stock:\n  units: {low: 1, high: 9}", "stock: 3", ":18: stock: must be a section"),
        ("stock:\n  units: {low: 1, high: 9}\n", "", ":1: stock: Field required"),
    ],
)
def test_a_fault_names_its_line_its_key_and_what_is_allowed(tmp_path, replaced, by, fault):
    assert replaced in SMALL

    found = faults(tmp_path, SMALL.replace(replaced, by))

    assert any(line.startswith(fault) for line in found), found


@pytest.mark.parametrize(
    ("section", "fault"),
    [
        (
            "policies: {weights: {priority_bp: 5000}}",
            "policies.weights: weights must be >= 0 and sum to 10000",
        ),
        (
            EXPERIMENT.replace("5000", "4000"),
            "policies.experiment.variants: shares must be > 0 and sum to 10000",
        ),
        (
            EXPERIMENT.replace("name: urgent", "name: control"),
            "policies.experiment.variants: variant names must",
        ),
        (
            "policies: {experiment: {id: x, variants: []}}",
            "policies.experiment.variants: an experiment needs at",
        ),
        (
            "weather: {functions: {concurrency: 0}}",
            "weather.functions.concurrency: Input should be greater than",
        ),
        (
            "weather: {offers_stream: {delay_ms: 5}}",
            "weather.offers_stream.delay_ms: must be a section",
        ),
        (
            "weather: {outbox_stream: {failure_rate: 1}}",
            "weather.outbox_stream.failure_rate: Input should be less",
        ),
        (
            "weather: {engagement_stream: {x: 1}}",
            "weather.engagement_stream.x: Extra inputs are not permitted",
        ),
    ],
)
def test_policies_and_weather_are_checked_too(tmp_path, section, fault):
    found = faults(tmp_path, SMALL + section)

    assert any(line.split(": ", 1)[1].startswith(fault) for line in found), found


@pytest.mark.parametrize(
    ("replaced", "by", "fault"),
    [
        (
            "arrivals:",
            "arrivals:\n  flash_sales:\n  - {day: 0, hour: 1, hours: 1, factor: 2}\n"
            "  - {day: 0, hour: 23, hours: 2, factor: 2}",
            ":13: arrivals.flash_sales.1: must lie inside the run of 1 days from 0 o'clock of day 0",
        ),
        (
            "stock:",
            "stock:\n  shock: {day: 1, days: 1, factor: 0.5}",
            ":19: stock.shock.day: must be 0 to 0, got 1",
        ),
        (
            "users: 10",
            "users: 10\n  affinities: {toys: 1.1}",
            ":6: population.affinities.toys: is no category; allowed are books, tools",
        ),
        (
            "users: 10",
            "users: 10\n  affinities: {books: 3.0}",
            ":6: population.affinities.books: times liked_share (0.45) must be at most 1, got 3",
        ),
    ],
)
def test_sections_must_fit_together(tmp_path, replaced, by, fault):
    found = faults(tmp_path, SMALL.replace(replaced, by))

    assert len(found) == 1
    assert found[0].startswith(fault)


def test_a_run_that_would_never_end_is_refused_with_the_product(tmp_path):
    text = SMALL.replace("days: 1", "days: 100").replace("users: 10", "users: 1_000_000")

    (found,) = faults(tmp_path, text.replace("visits_per_day: 0.5", "visits_per_day: 20"))

    assert found == (
        ":5: population.users: 1,000,000 users x 20 visits a day x 100 days (warm-up included) "
        f"with flash sales make 2,000,000,000 sessions; at most {MAX_SESSIONS:,} are allowed"
    )


def test_all_faults_are_told_at_once_in_the_order_of_lines(tmp_path):
    text = SMALL.replace("days: 1", "days: 0").replace("offers: 4", "offers: 0").replace("users", "usres")

    lines = [int(line.split(":")[1]) for line in faults(tmp_path, text)]

    assert lines == [3, 4, 5, 15]


@pytest.mark.parametrize("name", shipped_names())
def test_unknown_keys_are_refused_in_every_section(tmp_path, name):
    """A misspelt key is never a default taken in silence."""
    values = yaml.safe_load((SHIPPED / f"{name}.yaml").read_text(encoding="utf-8"))
    sections = [[]]
    for key, value in values.items():
        if isinstance(value, dict):
            sections += [[key], *([key, below] for below, inner in value.items() if isinstance(inner, dict))]
    sections = [path for path in sections if path != ["population", "affinities"]]  # its keys are categories

    for path in sections:
        overridden = ".".join([*path, "surplus"])
        with pytest.raises(ScenarioError, match="Extra inputs are not permitted"):
            parse_scenario_argument(f"{name}:{overridden}=1")
