"""The servers beside an emulator as the harness starts, finds and stops them."""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from harness import companions, doctor
from harness.companions import BON, COMPANIONS, KEYCRM, PAYMENTS, SHOP, Companion, Place
from harness.lifecycle import STOP_ORDER, stop_all
from harness.processes import Process
from harness.settings import Refusal, Settings
from harness.stacks import STACKS, parameters_of
from harness.state import State, load

pytestmark = pytest.mark.enable_socket
TEMPLATE = """
Parameters:
  Prefix: {Type: String, Default: ""}
"""
ANY = pytest.mark.parametrize("companion", COMPANIONS, ids=lambda each: each.name)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("BON_LOGIN", "BON_PASSWORD", "KEYCRM_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Settings("embedded", tmp_path, tmp_path / "embedded", None, "", "us-east-1", False)


@pytest.fixture
def known(settings: Settings, guarded: None) -> Iterator[State]:
    known = State("embedded")
    yield known
    stop_all(settings, known, lambda _: None)


def start(companion: Companion, settings: Settings, known: State) -> Place:
    companions.start(settings, known, [companion])
    return companions.place_of(companion, settings, known)


def kill(process: Process) -> None:
    killed = psutil.Process(process.pid)
    killed.kill()
    killed.wait(5)


@ANY
def test_it_is_started_once_and_written_down(companion, settings, known):
    place = start(companion, settings, known)
    process = known.processes[companion.name]

    assert (start(companion, settings, known), known.processes[companion.name]) == (place, process)
    assert load(settings.state_dir, "embedded") == known
    assert companions.answers(companion, settings.state_dir)
    assert [check.verdict for check in doctor.processes(settings, known)] == ["ok"]


@ANY
def test_its_secrets_are_its_owners_alone(companion, settings, known):
    place = start(companion, settings, known)

    file = companions.folder(companion, settings.state_dir) / "place.json"
    command = psutil.Process(known.processes[companion.name].pid).cmdline()
    told = repr(place) + " ".join(command) + companions.log(companion, settings).read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [secret for secret in place.secrets.values() if secret != "demo" and secret in told] == []


def buys(place: Place) -> Callable[[], object]:
    httpx.put(f"{place.url}/payments/o1", json={"amount": 5, "currency": "EUR"}).raise_for_status()
    return lambda: httpx.get(f"{place.url}/payments/o1").json()["captured"]


def writes_a_buyer(place: Place) -> Callable[[], object]:
    headers = {"Authorization": f"Bearer {place.secrets['KEYCRM_KEY']}"}
    httpx.post(f"{place.url}/v1/buyer", json={"full_name": "Ann"}, headers=headers).raise_for_status()
    return lambda: httpx.get(f"{place.url}/v1/buyer", headers=headers).json()["data"][0]["full_name"]


def looks_at_the_stock(place: Place) -> Callable[[], object]:
    def pages() -> str:
        with httpx.Client(base_url=place.url, follow_redirects=True) as client:
            token = client.get("/login").text.partition('name="csrf" value="')[2][:64]
            account = {"user": place.secrets["BON_LOGIN"], "password": place.secrets["BON_PASSWORD"]}
            client.post("/login", data={"csrf": token, **account})
            return client.get("/codes").text.partition("Page ")[2][:7]

    assert pages() == "1 of 18"  # the first stock once, not twice
    return pages


@pytest.mark.parametrize(
    ("companion", "use"),
    [(PAYMENTS, buys), (KEYCRM, writes_a_buyer), (BON, looks_at_the_stock)],
    ids=lambda each: getattr(each, "name", ""),
)
def test_killed_it_comes_back_where_it_was_with_all_it_kept(companion, use, settings, known):
    place = start(companion, settings, known)
    look = use(place)
    before = look()
    kill(known.processes[companion.name])

    assert start(companion, settings, known) == place
    assert look() == before


@ANY
def test_forgotten_it_is_gone_with_all_it_kept(companion, settings, known):
    start(companion, settings, known)
    process = known.processes[companion.name]

    companions.forget(settings, known)

    assert (process.alive(), known.processes, companions.folder(companion, settings.state_dir).exists()) == (
        False,
        {},
        False,
    )


def test_a_port_that_was_taken_meanwhile_is_exchanged(settings, known):
    place = start(KEYCRM, settings, known)

    other = companions.place_of(KEYCRM, settings, State("embedded"))

    assert (other.port != place.port, other.secrets) == (True, place.secrets)


def test_one_that_does_not_start_is_refused_with_its_log_and_the_others_stay(settings, known, monkeypatch):
    monkeypatch.setattr(companions, "FIRST_STOCK", "a lot")

    with pytest.raises(Refusal, match=r"the supplier's site did not start: see .*bon\.log"):
        companions.start(settings, known)

    assert set(load(settings.state_dir, "embedded").processes) == {"payments", "keycrm"}
    assert "a lot is not an amount and a number" in companions.log(BON, settings).read_text()


@ANY
def test_one_that_does_not_answer_fails_the_doctor(companion, settings):
    mute = State("embedded", processes={companion.name: Process.of_this_program()})

    (check,) = doctor.processes(settings, mute)

    assert (check.verdict, "does not answer: `make down`" in check.line) == ("fail", True)


def test_an_account_that_the_environment_names_is_the_sites(settings, known, monkeypatch):
    monkeypatch.setenv("BON_LOGIN", "olena")
    monkeypatch.setenv("BON_PASSWORD", "pw")

    assert companions.place_of(BON, settings, known).secrets == {"BON_LOGIN": "olena", "BON_PASSWORD": "pw"}


def test_half_an_account_in_the_environment_is_none(settings, known, monkeypatch):
    monkeypatch.setenv("BON_PASSWORD", "pw")

    assert companions.place_of(BON, settings, known).secrets["BON_PASSWORD"] != "pw"


def test_a_template_is_given_the_addresses_it_asks_for(settings, known, tmp_path):
    application = STACKS[1]
    beside = companions.parameters(settings, known)
    template = tmp_path / application.template
    template.write_text(TEMPLATE)
    assert parameters_of(replace(settings, beside=beside), application) == {}

    template.write_text(TEMPLATE + "".join(f"  {name}: {{Type: String}}\n" for name in beside))
    given = parameters_of(replace(settings, beside=beside), application)
    ports = {each: companions.place_of(each, settings, known).port for each in (*COMPANIONS, SHOP)}
    assert given == {name: value for name, value in beside.items() if value}
    assert beside["PaymentUrl"] == f"http://127.0.0.1:{ports[PAYMENTS]}"
    assert beside["CrmUrl"] == f"http://127.0.0.1:{ports[KEYCRM]}/v1"
    assert beside["BonUrl"] == f"http://127.0.0.1:{ports[BON]}"
    assert beside["CorsOrigins"] == f"http://127.0.0.1:{ports[SHOP]}"


class Secrets:
    """Secrets Manager, as far as it is asked."""

    def __init__(self) -> None:
        self.texts = {"crm": "made up", "bon": "made up"}
        self.puts = 0

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:
        return {"SecretString": self.texts[SecretId]}

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> None:
        self.texts[SecretId] = SecretString
        self.puts += 1


def test_the_functions_secrets_get_theirs_once(settings, known):
    manager, outputs = Secrets(), {"CrmKeySecretArn": "crm", "BonSecretArn": "bon"}
    for _ in range(2):
        companions.hand_over_secrets(settings, known, outputs, manager)

    account = companions.place_of(BON, settings, known).secrets
    assert manager.texts["crm"] == companions.place_of(KEYCRM, settings, known).secrets["KEYCRM_KEY"]
    assert json.loads(manager.texts["bon"]) == {"username": "demo", "password": account["BON_PASSWORD"]}
    assert manager.puts == 2


def test_what_a_deployment_does_not_have_gets_no_secret(settings, known):
    companions.hand_over_secrets(settings, known, {}, Secrets())


def test_they_are_stopped_after_the_emulator():
    assert STOP_ORDER.index("emulator") < min(STOP_ORDER.index(each.name) for each in COMPANIONS)


def test_a_broken_file_is_no_place(settings, known):
    folder = companions.folder(BON, settings.state_dir)
    folder.mkdir(parents=True)
    (folder / "place.json").write_text("{")

    assert companions.kept(BON, settings.state_dir) is None
    assert companions.place_of(BON, settings, known).secrets["BON_LOGIN"] == "demo"


def test_one_that_runs_keeps_the_secrets_it_was_started_with(settings, known, monkeypatch):
    place = start(KEYCRM, settings, known)
    monkeypatch.setenv("KEYCRM_KEY", "another")

    assert companions.place_of(KEYCRM, settings, known) == place


def test_one_of_which_nobody_knows_the_place_is_started_anew(settings, known):
    start(PAYMENTS, settings, known)
    process = known.processes["payments"]
    (companions.folder(PAYMENTS, settings.state_dir) / "place.json").unlink()

    start(PAYMENTS, settings, known)

    assert (process.alive(), known.processes["payments"].alive()) == (False, True)
    assert companions.answers(PAYMENTS, settings.state_dir)


def test_a_port_taken_after_the_deployment_was_told_is_refused_and_not_changed(settings, known):
    place = companions.place_of(PAYMENTS, settings, known)
    with socket.create_server(("127.0.0.1", place.port)), pytest.raises(Refusal, match=r"payments\.log"):
        companions.start(settings, known, [PAYMENTS])

    assert companions.kept(PAYMENTS, settings.state_dir) == place
