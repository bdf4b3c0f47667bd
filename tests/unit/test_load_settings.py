"""What `make load` may be asked for; anything else is one line, and nothing is sent."""

from pathlib import Path

import pytest

from harness.load import load_on, refuse_silent
from harness.load_settings import (
    objectives_from_environment,
    plan_from_environment,
    refuse_unlimited_aws,
    results_root,
)
from harness.processes import unused_port
from harness.settings import Refusal
from harness.system import RunningSystem
from loadtests.plan import Shape, VisitKind
from tests.load_plans import SETTINGS


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)


def a_system(api_url: str = "http://127.0.0.1:4566/prod", target: str = "embedded") -> RunningSystem:
    return RunningSystem(
        target=target,
        endpoint_url="http://127.0.0.1:4566",
        region="us-east-1",
        prefix="",
        api_url=api_url,
        api_key="the-key",
        dashboard_url=None,
        outputs={},
        state_dir=Path("state/embedded"),
    )


def test_without_settings_it_is_a_steady_open_minute():
    plan = plan_from_environment(a_system())

    assert (plan.shape, plan.is_open, plan.seconds, plan.workers, plan.seed) == (Shape.STEADY, True, 60, 1, 1)
    assert (plan.scenario, plan.visit, plan.sends_orders) == ("baseline", VisitKind.BROWSE, False)
    assert "the-key" not in plan.model_dump_json()


def test_every_setting_arrives_in_the_plan(monkeypatch):
    asked = {
        **{"USERS": "20", "SHAPE": "flash-sale", "DURATION": "5m", "SPEED": "60", "SEED": "0"},
        **{"WORKERS": "2", "THINK": "0", "PLACES": "7", "WARM_UP": "0", "MANAGER": "0", "MAX_REQUESTS": "9"},
    }
    for name, value in asked.items():
        monkeypatch.setenv(name, value)

    plan = plan_from_environment(a_system())

    assert (plan.users, plan.rate, plan.shape, plan.scenario) == (20, None, Shape.FLASH_SALE, "flash-sale")
    assert (plan.seconds, plan.speed, plan.seed, plan.workers) == (300, 60, 0, 2)
    assert (plan.think_s, plan.places, plan.warm_up_s, plan.manager, plan.max_requests) == (0, 7, 0, False, 9)
    assert [plan.share_of_requests(worker) for worker in range(2)] == [5, 4]


@pytest.mark.parametrize("visit", ["checkout", "shop"])
def test_fewer_visits_come_where_they_go_to_the_till(monkeypatch, visit):
    browsing = plan_from_environment(a_system())
    monkeypatch.setenv("VISIT", visit)

    plan = plan_from_environment(a_system())

    assert (plan.visit, plan.sends_orders) == (visit, True)
    assert plan.rate < browsing.rate


def test_a_storm_of_claims_has_fewer_codes_than_claims_and_no_manager(monkeypatch):
    monkeypatch.setenv("VISIT", "claims")
    usual = plan_from_environment(a_system())
    monkeypatch.setenv("CODES", "64")

    asked = plan_from_environment(a_system())

    assert 0 < usual.codes < usual.rate * usual.seconds
    assert (asked.codes, asked.manager, asked.sends_orders) == (64, False, False)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"RATE": "5", "USERS": "5"}, "RATE= (open arrivals) and USERS= (closed) exclude each other"),
        ({"RATE": "fast"}, "RATE=fast is not a number above 0 and up to 10000"),
        ({"RATE": "nan"}, "RATE=nan is not a number above 0"),
        ({"RATE": "0"}, "RATE=0 is not a number above 0"),
        ({"USERS": "0"}, "USERS=0 is not a whole number from 1 to 20000"),
        ({"DURATION": "1d"}, "DURATION=1d is not a time such as 45s, 5m or 1h"),
        ({"DURATION": "0"}, "DURATION=0 is not a time"),
        ({"DURATION": "25h"}, "DURATION=25h is not a time"),
        ({"DURATION": "5", "MINUTES": "5"}, "DURATION= and MINUTES= say the same"),
        ({"SHAPE": "round"}, "SHAPE=round is unknown: use steady, flash-sale, scenario"),
        ({"VISIT": "steal"}, "VISIT=steal is unknown: use browse, checkout, shop, claims"),
        ({"SHAPE": "flash-sale", "SCENARIO": "baseline"}, "scenario baseline has no flash sale"),
        ({"SCENARIO": "basline"}, "basline: no such scenario; did you mean baseline?"),
        ({"SCENARIO": "baseline:population.users=0"}, "override population.users"),
        ({"VISIT": "claims", "CODES": "0"}, "CODES=0 is not a whole number from 1 to 100000"),
        ({"WORKERS": "65"}, "WORKERS=65 is not a whole number from 1 to 64"),
        ({"OBJECTIVES": "none.yaml"}, "none.yaml: cannot be read"),
    ],
)
def test_a_wrong_setting_is_one_line_that_says_what_is_allowed(monkeypatch, settings, line):
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    def read() -> None:
        objectives_from_environment()
        plan_from_environment(a_system())

    with pytest.raises(Refusal) as refusal:
        read()

    assert str(refusal.value).startswith(line)


def test_load_on_aws_needs_a_limit(monkeypatch):
    monkeypatch.setenv("TARGET", "aws")
    with pytest.raises(Refusal, match="TARGET=aws needs MAX_REQUESTS="):
        refuse_unlimited_aws()

    monkeypatch.setenv("MAX_REQUESTS", "1000")
    refuse_unlimited_aws()


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1", "0.0.0.0", "127.0.0.1.example.com"])
def test_an_emulator_is_loaded_on_loopback_addresses_only(host):
    with pytest.raises(Refusal, match="is no loopback address"):
        plan_from_environment(a_system(f"http://{host}:4566/prod"))


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_system_that_does_not_answer_is_told_from_a_slow_one(tmp_path, monkeypatch):
    monkeypatch.setenv("RESULTS", str(tmp_path))
    silent = a_system(f"http://127.0.0.1:{unused_port()}/prod")

    with pytest.raises(Refusal, match="does not answer: run `make up` first"):
        refuse_silent(silent)
    with pytest.raises(Refusal, match="does not answer"):
        load_on(silent, print, None)
    assert list(tmp_path.iterdir()) == []


def test_results_go_to_the_state_folder_or_where_one_says(monkeypatch, tmp_path):
    monkeypatch.setenv("OFFERLOOP_STATE", str(tmp_path))
    assert results_root() == tmp_path / "load"

    monkeypatch.setenv("RESULTS", str(tmp_path / "mine"))
    assert results_root() == tmp_path / "mine"
