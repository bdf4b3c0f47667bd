"""The hunt finds bugs that are planted in the product, and shrinks the script to few steps."""

import io
import json
import multiprocessing
import os
import signal
import time
from itertools import count
from pathlib import Path

import pytest
from rich.console import Console

from harness.hunt import hunt_or_replay, search_until
from harness.settings import Refusal
from offerloop import outbox
from offerloop.offers import choose_pivot, rank_offers, run_experiments, watch_inventory
from offerloop.offers.model import EventType
from simulator.hunt.laws import BOOST_STANDS_IN, EACH_EDGE, ONE_EFFECT
from simulator.hunt.script import (
    CreateOffer,
    Deliver,
    Stream,
    Track,
    Wait,
    in_words,
    steps_as_data,
    steps_from_json,
)
from simulator.hunt.search import UNEXPECTED, WorkerEnded, hunt, perform, search
from simulator.hunt.weather import ALL_WEATHER, weather_of
from simulator.memory.activity import MemoryIdempotencyStore
from simulator.memory.engagement import MemoryEngagementStore
from simulator.memory.inventory import MemoryInventoryStore
from tests.processes import worker_processes_left

ROUNDS = 20
FEW_STEPS = 7

PUBLISHED = "Every tracked event is published"
COUNTED = "Every published event is counted"
BOOSTS = "Boosts equal the open pivots"
PIVOTS = "Each sold-out offer has exactly one open pivot"
BOARDS = "Boards equal the heads of the sorted offers"
TRENDING = "Trending equals the recent events"
TALLIES = "Experiment tallies equal their events"
KEYS = "Index keys equal what the offers give"


def opens_a_pivot_on_every_delivery(patch):
    deliveries = count()
    by_record = choose_pivot.pivot_id_of
    patch.setattr(choose_pivot, "pivot_id_of", lambda change: f"{by_record(change)}-{next(deliveries)}")


def counts_without_looking_at_marks(patch):
    count_new = MemoryEngagementStore.count

    def count_all(store, events, now):
        for event in events:
            store._world.counted_at.pop(event.event_id, None)
        return count_new(store, events, now)

    patch.setattr(MemoryEngagementStore, "count", count_all)


def updates_boards_only_after_the_index(patch):
    update = rank_offers._update_boards

    def is_indexed(change, store):
        listings = store.situations([change.offer_id])[change.offer_id].listings
        return listings.get(change.weights.ranking_id) == change.after

    def update_if_indexed(changes, store):
        update([change for change in changes if is_indexed(change, store)], store)

    patch.setattr(rank_offers, "_update_boards", update_if_indexed)


def writes_boards_without_their_condition(patch):
    def save_board(store, weights, list_name, before, after):
        store._world.boards[weights.ranking_id, list_name] = after
        return True

    patch.setattr(MemoryInventoryStore, "save_board", save_board)


def never_closes_a_pivot(patch):
    patch.setattr(watch_inventory, "close_pivot", lambda *_, **__: None)


def never_moves_a_boost(patch):
    patch.setattr(watch_inventory, "_stands_in", lambda *_: True)


def says_that_all_was_published(patch):
    publish = outbox.publish

    def publish_and_report_success(messages, *, transport, outbox):
        publish(messages, transport=transport, outbox=outbox)
        return frozenset()

    patch.setattr("simulator.hunt.system.publish", publish_and_report_success)


def forgets_what_was_answered_under_a_key(patch):
    patch.setattr(MemoryIdempotencyStore, "find", lambda *_: None)


def ends_a_ranking_after_its_first_page(patch):
    patch.setattr(run_experiments, "settle_listings", lambda *_: 0)


BUGS = {
    opens_a_pivot_on_every_delivery: {EACH_EDGE},
    counts_without_looking_at_marks: {TRENDING, TALLIES},
    updates_boards_only_after_the_index: {BOARDS},
    writes_boards_without_their_condition: {BOARDS},
    never_closes_a_pivot: {PIVOTS},
    never_moves_a_boost: {BOOST_STANDS_IN, BOOSTS},
    says_that_all_was_published: {PUBLISHED, COUNTED, EACH_EDGE},
    ends_a_ranking_after_its_first_page: {KEYS},
    forgets_what_was_answered_under_a_key: {ONE_EFFECT},
}


# Seeds that find a bug at once; the search begins there, and goes on where one does not any more.
SOON = {
    never_moves_a_boost: 7,
    writes_boards_without_their_condition: 1,
    updates_boards_only_after_the_index: 1,
    counts_without_looking_at_marks: 2,
    opens_a_pivot_on_every_delivery: 1,
}


def first_breach(plant):
    first = SOON.get(plant, 0)
    seeds = range(first, first + ROUNDS)
    return next(filter(None, (search(seed, ALL_WEATHER).breach for seed in seeds)))


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found_and_its_script_is_short(plant, monkeypatch):
    plant(monkeypatch)

    found = first_breach(plant)

    assert found.violation.law in BUGS[plant]
    assert len(found.script) <= FEW_STEPS, [in_words(step) for step in found.script]


def test_a_seed_gives_the_same_scripts_and_the_same_find_again(monkeypatch):
    opens_a_pivot_on_every_delivery(monkeypatch)

    found = first_breach(opens_a_pivot_on_every_delivery)

    assert search(found.seed, ALL_WEATHER).breach == found


def test_in_calm_weather_a_bug_of_redeliveries_is_not_found(monkeypatch):
    opens_a_pivot_on_every_delivery(monkeypatch)

    assert search(first_breach(opens_a_pivot_on_every_delivery).seed, weather_of("calm")).breach is None


def test_the_product_breaks_no_law_on_all_processes():
    rounds = []

    breach = hunt(1, ALL_WEATHER, seconds=3, workers=2, report=rounds.append)

    assert breach is None
    assert sorted(round_.seed for round_ in rounds) == list(range(1, len(rounds) + 1))
    assert sum(round_.scripts for round_ in rounds) > 0


def test_a_killed_process_is_told_and_none_is_left():
    def kill_one(_round):
        multiprocessing.active_children()[0].kill()

    with pytest.raises(WorkerEnded, match="a process of the hunt ended in the middle"):
        hunt(1, ALL_WEATHER, seconds=60, workers=2, report=kill_one)
    assert worker_processes_left() == []


def test_an_interrupt_ends_the_hunt_at_once_and_leaves_no_process():
    def press_ctrl_c(_round):
        signal.raise_signal(signal.SIGINT)

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        hunt(1, ALL_WEATHER, seconds=600, workers=2, report=press_ctrl_c)
    assert time.monotonic() - began < 60
    assert worker_processes_left() == []


def test_a_law_that_must_hold_at_every_moment_is_checked_after_each_step(monkeypatch):
    monkeypatch.setattr("simulator.memory.activity.check_redeemable", lambda *_: None)
    monkeypatch.setattr("offerloop.offers.track_event.check_redeemable", lambda *_: None)
    redeem = Track(user="ann", offer="kite", event=EventType.REDEMPTION)
    create = CreateOffer(offer="kite", category="kites", priority=50, stock=1)

    performance = perform([create, redeem, redeem, Wait(seconds=1), redeem])

    assert (performance.steps, performance.at_rest) == (3, False)
    assert performance.broken == ("Stock is never negative", "kite: stock is -1")


def test_whatever_is_raised_but_a_refusal_is_a_find(monkeypatch):
    monkeypatch.setattr(watch_inventory, "_stands_in", lambda *_: 1 / 0)
    monkeypatch.setattr("simulator.hunt.system.count_engagement", lambda *_, **__: 1 / 0)
    create = CreateOffer(offer="kite", category="kites", priority=50, stock=1)

    performance = perform([create, Track(user="ann", offer="kite", event=EventType.VIEW)])

    assert performance.broken == (UNEXPECTED, "ZeroDivisionError: division by zero")


SCRIPT = [
    CreateOffer(offer="kite", category="kites", priority=50, stock=1, ends_after_s=60),
    Deliver(stream=Stream.OFFERS, records=2, again=1, refused=(0, 2)),
    Track(user="ann", offer="kite", event=EventType.REDEMPTION, key="k1"),
]


def test_a_script_is_written_and_read_without_loss():
    assert steps_from_json(json.dumps(steps_as_data(SCRIPT))) == SCRIPT
    assert in_words(SCRIPT[1]) == "deliver stream=offers records=2 again=1 refused=[0, 2]"


@pytest.fixture
def command(monkeypatch, tmp_path):
    """Runs the command with settings; gives its exit code and what it printed."""

    def run(**settings):
        for name in ("SEED", "WEATHER", "MINUTES", "WORKERS", "SCRIPT"):
            monkeypatch.delenv(name, raising=False)
        for name, value in ({"RESULTS": str(tmp_path)} | settings).items():
            monkeypatch.setenv(name, value)
        console = Console(record=True, width=200, file=(tmp_path / "printed").open("w"))
        return hunt_or_replay(console), console.export_text()

    return run


def test_a_breach_is_saved_and_performed_again(command, monkeypatch, tmp_path):
    opens_a_pivot_on_every_delivery(monkeypatch)
    found = first_breach(opens_a_pivot_on_every_delivery)
    monkeypatch.setattr("harness.hunt.hunt", lambda *_, **__: found)

    code, printed = command(SEED="3", MINUTES="0.1")
    [saved] = tmp_path.glob("*.json")
    again, replayed = command(SCRIPT=str(saved))

    assert (code, again) == (1, 1)
    assert f"make hunt SCRIPT={saved}" in printed
    assert f"make hunt SEED={found.seed} WEATHER=all" in printed
    assert found.violation.law in printed
    assert f"BREACH at rest  {found.violation.law}" in replayed or "BREACH after step" in replayed


def test_a_breach_that_cannot_be_saved_has_been_printed(monkeypatch):
    opens_a_pivot_on_every_delivery(monkeypatch)
    breach = next(filter(None, (search(seed, ALL_WEATHER).breach for seed in range(ROUNDS))))
    monkeypatch.setattr("harness.hunt.hunt", lambda *_, **__: breach)
    printed = Console(file=io.StringIO(), width=200)

    with pytest.raises(Refusal, match="cannot be saved to /dev/null/breach-"):
        search_until(printed, 1, ALL_WEATHER, 1.0, 1, Path("/dev/null"))
    assert breach.violation.law in printed.file.getvalue()


def test_a_script_that_breaks_nothing_ends_well(command, tmp_path):
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"script": steps_as_data(SCRIPT)}))

    code, printed = command(SCRIPT=str(path))

    assert code == 0
    assert "no law broke" in printed


PIPE = object()
WRONG_FILES = {
    "nothing": (None, "No such file"),
    "a pipe that nobody writes into": (PIPE, "not a regular file"),
    "no JSON": ("{", "is not JSON"),
    "no script": ("[]", "has no `script`"),
    "an unknown step": ('{"script": [{"do": "fly"}]}', "step 0"),
    "an unknown field": ('{"script": [{"do": "wait", "seconds": 1, "hours": 1}]}', "step 0.wait.hours"),
    "a field out of range": ('{"script": [{"do": "wait", "seconds": -1}]}', "step 0.wait.seconds"),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_a_wrong_file_is_refused_in_one_line(case, command, tmp_path):
    text, message = WRONG_FILES[case]
    path: Path = tmp_path / "script.json"
    if text is PIPE:
        os.mkfifo(path)
    elif text is not None:
        path.write_text(text)

    with pytest.raises(Refusal, match=message) as refusal:
        command(SCRIPT=str(path))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MINUTES", "soon"),
        ("MINUTES", "0"),
        ("MINUTES", "nan"),
        ("SEED", "-1"),
        ("SEED", "9" * 5_000),
        ("WEATHER", "fog"),
    ],
)
def test_a_wrong_setting_is_refused(name, value, command):
    with pytest.raises(Refusal, match=f"{name}={value}"):
        command(**{name: value})
