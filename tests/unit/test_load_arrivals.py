"""Arrivals follow the scenario's curve; the same seed brings the same, however many workers start them."""

import itertools
import math
from collections import Counter

import pytest

from loadtests.arrivals import load_of
from loadtests.plan import Shape
from simulator.scenario import load_scenario, parse_scenario_argument
from tests.load_plans import a_plan


def test_steady_arrivals_are_a_poisson_process_of_the_rate():
    load = load_of(a_plan(seconds=1_000), load_scenario("baseline"))
    times = [arrival.at_s for arrival in load.arrivals(10, seed=1)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    mean = math.fsum(gaps) / len(gaps)
    spread = math.sqrt(math.fsum((gap - mean) ** 2 for gap in gaps) / len(gaps))

    assert times == sorted(times)
    assert abs(len(times) - 10_000) < 4 * math.sqrt(10_000)
    assert spread / mean == pytest.approx(1, abs=0.05)  # of an exponential distribution


def test_the_same_seed_brings_the_same_visits_and_another_one_others():
    load = load_of(a_plan(shape=Shape.FLASH_SALE, scenario="flash-sale"), load_scenario("flash-sale"))

    assert list(load.arrivals(10, seed=3)) == list(load.arrivals(10, seed=3))
    assert list(load.arrivals(10, seed=3)) != list(load.arrivals(10, seed=4))


def test_visits_are_numbered_so_that_workers_can_divide_them_without_gaps():
    load = load_of(a_plan(), load_scenario("baseline"))

    assert [arrival.number for arrival in load.arrivals(5, seed=1)] == list(
        range(len([*load.arrivals(5, 1)]))
    )


def test_a_flash_sale_fills_the_run_with_the_sale_and_two_hours_around_it():
    scenario = load_scenario("flash-sale")  # two hours at eight times the usual
    load = load_of(a_plan(shape=Shape.FLASH_SALE, seconds=600), scenario)

    assert load.speed == 6 * 3600 / 600
    usual = scenario.arrivals.hourly_share[12] / scenario.arrivals.hourly_share[11]
    assert load.factor(250) / load.factor(150) == pytest.approx(8 * usual)
    counted = Counter(int(arrival.at_s // 100) for arrival in load.arrivals(20, seed=1))
    for hundred_s in range(6):
        expected = 20 * 100 * load.factor(hundred_s * 100 + 50)
        assert abs(counted[hundred_s] - expected) < 4 * math.sqrt(expected)
    assert sum(counted.values()) == pytest.approx(20 * 600, rel=0.03)  # RATE is the mean of the run


def test_only_a_flash_sale_brings_bargain_hunters_and_they_are_what_it_adds():
    load = load_of(a_plan(shape=Shape.FLASH_SALE, seconds=600), load_scenario("flash-sale"))
    arrivals = list(load.arrivals(20, seed=1))
    hunting = [arrival.at_s for arrival in arrivals if arrival.hunting]
    in_sale = [arrival for arrival in arrivals if 200 <= arrival.at_s < 400]

    assert all(200 <= at_s < 400 for at_s in hunting)
    assert len(hunting) / len(in_sale) == pytest.approx(7 / 8, abs=0.02)


def test_a_scenario_fills_the_run_with_its_first_day_or_goes_at_a_speed_of_its_own():
    scenario = load_scenario("baseline")
    day = load_of(a_plan(shape=Shape.SCENARIO, seconds=240), scenario)
    slow = load_of(a_plan(shape=Shape.SCENARIO, seconds=240, speed=60), scenario)

    assert (day.speed, slow.speed) == (360, 60)
    hours = [day.factor(10 * hour + 5) for hour in range(24)]
    shares = scenario.arrivals.hourly_share
    assert hours == pytest.approx([24 * share for share in shares], rel=1e-6)
    assert len({slow.factor(at_s) for at_s in range(240)}) == 4  # hours of the night


def test_closed_load_follows_the_curve_with_hunters_as_the_sale_adds_them():
    load = load_of(a_plan(shape=Shape.FLASH_SALE, users=80, seconds=600), load_scenario("flash-sale"))
    before, peak, after = (load.customers(at_s, 80) for at_s in (100, 390, 599))

    assert before[1] == after[1] == 0
    assert 6 <= before[0] <= 14
    assert sum(peak) == 80
    assert peak[1] == pytest.approx(70, abs=1)
    assert load.customers(-5, 80) == load.customers(0, 80)  # while warming up
    assert load.customers(1e9, 80) == load.customers(600, 80)


def test_the_hour_after_the_end_is_no_part_of_the_run():
    """The sale begins two hours into the part that is shown: a run that ends there has no peak of it."""
    plan = a_plan(shape=Shape.FLASH_SALE, users=80, seconds=60, speed=2 * 3600 / 60)
    load = load_of(plan, load_scenario("flash-sale"))

    assert load.peak_factor() < 2
    assert load.customers(60, 80) == load.customers(59, 80)
    assert load.customers(60, 80)[1] == 0


def test_the_warm_up_comes_before_the_run_at_the_rate_of_its_begin():
    load = load_of(a_plan(), load_scenario("baseline"))
    before = list(load.warm_up(50, seed=1, seconds=10))

    assert all(-10 <= arrival.at_s < 0 and arrival.number < 0 for arrival in before)
    assert abs(len(before) - 500) < 4 * math.sqrt(500)
    assert list(load.warm_up(50, seed=1, seconds=0)) == []


def test_a_flash_sale_that_the_scenario_does_not_have_is_refused():
    with pytest.raises(ValueError, match="scenario baseline has no flash sale"):
        load_of(a_plan(shape=Shape.FLASH_SALE), load_scenario("baseline"))


def test_a_sale_that_keeps_people_away_brings_no_hunters():
    quiet = parse_scenario_argument(
        "flash-sale:arrivals.flash_sales=[{day: 1, hour: 12, hours: 2, factor: 0}]"
    )
    load = load_of(a_plan(shape=Shape.FLASH_SALE, seconds=600), quiet)

    assert load.hunters_share(300) == 0
    assert [arrival for arrival in load.arrivals(10, seed=1) if 200 <= arrival.at_s < 400] == []
