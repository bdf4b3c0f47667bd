"""Replaying: each customer's sessions in order, nothing twice, resumable after any interruption."""

import csv
import gzip
import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from offerloop.idempotency import KEPT_FOR_S
from offerloop.offers.model import EventType
from simulator.replay.mapping import Events, read_mapping
from simulator.replay.progress import CannotResume, Progress
from simulator.replay.recorder import record
from simulator.replay.recording import Recording, Session
from simulator.replay.run import LOOKAHEAD, Pace, Replay
from simulator.replay.sessions import Outcome, SessionPlayer, ShopGone
from simulator.shoppers.http_shop import HttpShop
from simulator.shoppers.shop import Refused, Served
from simulator.shoppers.streams import Streams
from tests.fake_shop_api import FakeShopApi, problem

DATA = Path(__file__).resolve().parents[1] / "data" / "replay"
MILK, BREAD = ("P-milk", "dairy"), ("P-bread", "bakery")
API = "http://shop/prod"


def api() -> FakeShopApi:
    return FakeShopApi([("P-milk", "dairy", 10**6), ("P-bread", "bakery", 10**6)])


def shop_on(fake: FakeShopApi) -> HttpShop:
    def handle(request: httpx.Request) -> httpx.Response:
        headers = {"Idempotency-Key": request.headers.get("Idempotency-Key")}
        status, body, extra = fake.answer(request.url.path, json.loads(request.content), headers)
        return httpx.Response(status, json=dict(body), headers=dict(extra))

    return HttpShop(API, transport=httpx.MockTransport(handle))


def sessions(count: int, customers: int = 5) -> list[Session]:
    return [Session(n, f"C-{n % customers}", 1_000 + 60 * n, (MILK, BREAD)) for n in range(count)]


def player(shop, run_id: str = "run", events: Events | None = None) -> SessionPlayer:
    return SessionPlayer(shop, run_id, events or Events(), Streams(1))


def replayed(
    progress: Progress,
    shop,
    recorded: list[Session],
    *,
    workers: int = 4,
    stopping=None,
    pace: Pace | None = None,
) -> bool:
    stopping = stopping or threading.Event()
    run = Replay(
        player(shop, progress.run_id), progress, workers=workers, pace=pace or Pace(None), stopping=stopping
    )
    return run.play(iter(recorded))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "progress.sqlite"


def started(path: Path) -> Progress:
    return Progress.start(path, API, int(time.time()))


def test_a_session_asks_once_and_sends_one_redemption_per_distinct_product():
    fake = api()
    outcome = player(shop_on(fake)).play(Session(3, "C-1", 0, (MILK, BREAD)))

    assert fake.calls == [
        ("/prod/offers/recommend", {"user_id": "C-1"}, None),
        *(
            (
                "/prod/events/track",
                {"user_id": "C-1", "offer_id": offer, "category": category, "event_type": "REDEMPTION"},
                f"run-3-{position}-REDEMPTION",
            )
            for position, (offer, category) in enumerate((MILK, BREAD))
        ),
    ]
    assert (outcome.sessions, outcome.matched) == (1, 1)
    assert outcome.requests == {"RECOMMEND": 1, "REDEMPTION": 2}
    assert outcome.served == outcome.redeemed == {"dairy": 1, "bakery": 1}


def test_events_before_a_redemption_follow_their_shares_and_the_seed():
    fakes = [api(), api()]
    for fake in fakes:
        view_some = player(shop_on(fake), events=Events(view_share=0.5, cart_share=1.0))
        for session in sessions(200):
            view_some.play(session)

    kinds = [kind for _, _, kind in fakes[0].stored]
    assert fakes[0].stored == fakes[1].stored
    assert kinds.count("REDEMPTION") == kinds.count("ADD_TO_CART") == 400
    assert 150 < kinds.count("VIEW") < 250
    assert kinds.count("CLICK") == 0


def test_a_refused_redemption_is_counted_and_the_session_goes_on():
    fake = api()
    fake.stock["P-milk"] = 0
    outcome = player(shop_on(fake)).play(sessions(1)[0])

    assert outcome.refusals == {"out_of_stock": 1}
    assert outcome.redeemed == {"bakery": 1}


def test_all_sessions_are_replayed_each_customer_s_in_recorded_order(path):
    fake = api()
    progress = started(path)

    assert replayed(progress, shop_on(fake), sessions(100), workers=8)
    assert progress.outcome.sessions == progress.sessions_done == 100
    assert progress.outcome.redeemed.total() == len(fake.stored) == 200
    order: dict[str, list[int]] = defaultdict(list)
    for _, body, key in fake.calls:
        if key is not None:
            order[body["user_id"]].append(int(key.split("-")[1]))
    assert all(numbers == sorted(numbers) for numbers in order.values())


class GatedShop:
    """Holds one customer's sessions back until it is opened, and notes how many run at one time."""

    def __init__(self, held: str) -> None:
        self.held, self.gate, self.lock = held, threading.Event(), threading.Lock()
        self.running, self.most, self.order = 0, 0, list[str]()

    def recommend(self, user_id: str) -> Served | Refused:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        if user_id == self.held:
            assert self.gate.wait(10)
        return Served((), 0)

    def track(
        self, user_id: str, offer_id: str, category: str, event_type: EventType, key: str | None = None
    ) -> None:
        with self.lock:
            self.order.append(f"{user_id} {key}")
            if offer_id == BREAD[0]:
                self.running -= 1


def test_a_slow_customer_holds_nobody_else_up_and_workers_are_bounded(path):
    shop = GatedShop("C-0")
    progress = started(path)

    def open_when_others_are_done() -> None:
        deadline = time.monotonic() + 10
        while len(shop.order) < 2 * 80 and time.monotonic() < deadline:
            time.sleep(0.01)
        shop.gate.set()

    opener = threading.Thread(target=open_when_others_are_done)
    opener.start()
    assert replayed(progress, shop, sessions(100), workers=3)
    opener.join()

    first_of_held = next(i for i, entry in enumerate(shop.order) if entry.startswith("C-0"))
    assert first_of_held == 160
    assert 2 <= shop.most <= 3


def test_the_sessions_held_back_are_bounded_too():
    """One customer alone: reading stops ahead of it instead of taking the whole file into memory."""
    shop, taken = GatedShop("C-0"), 0

    def counted() -> Iterator[Session]:
        nonlocal taken
        for session in sessions(1_000, customers=1):
            taken += 1
            yield session

    stopping = threading.Event()
    run = Replay(player(shop), Unkept(), workers=2, pace=Pace(None), stopping=stopping)
    thread = threading.Thread(target=lambda: run.play(counted()))
    thread.start()
    deadline = time.monotonic() + 5
    while taken <= 2 * LOOKAHEAD and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    assert taken <= 2 * LOOKAHEAD + 2
    stopping.set()
    shop.gate.set()
    thread.join(10)
    assert not thread.is_alive()


class Unkept:
    """Progress that is not kept: SQLite's stays in the thread that opened it."""

    seconds = 0.0

    def is_done(self, session: int) -> bool:
        return False

    def finished(self, session: int, outcome: Outcome) -> None:
        return

    def note(self, now: int, seconds: float) -> None:
        return


def test_an_interrupted_replay_goes_on_where_it_was_and_does_nothing_twice(path):
    fake, stopping = api(), threading.Event()
    shop = shop_on(fake)
    answer = fake.answer

    def answer_and_stop(*request):
        if len(fake.stored) == 61:
            stopping.set()
        return answer(*request)

    fake.answer = answer_and_stop
    progress = started(path)
    assert not replayed(progress, shop, sessions(200), stopping=stopping)
    first_part = progress.sessions_done
    progress.close()
    assert 25 <= first_part < 60

    resumed = Progress.resume(path, API, int(time.time()))
    assert resumed.outcome.sessions == first_part
    assert replayed(resumed, shop, sessions(200))

    assert resumed.outcome.sessions == 200
    assert resumed.outcome.requests == {"RECOMMEND": 200, "REDEMPTION": 400}
    assert len(fake.stored) == 400


def test_sessions_done_and_not_noted_are_repeated_without_a_second_effect(path):
    """A killed process loses what it had not written down; the same keys make that harmless."""
    fake = api()
    killed = started(path)
    for session in sessions(10):
        player(shop_on(fake), killed.run_id).play(session)
    killed.close()  # nothing was noted

    resumed = Progress.resume(path, API, int(time.time()))
    assert replayed(resumed, shop_on(fake), sessions(10))

    assert len(fake.stored) == 20
    assert len(fake.calls) == 60
    assert resumed.outcome.redeemed.total() == 20


def test_a_shop_that_stops_answering_ends_the_replay_and_the_session_is_not_done(path):
    fake = api()
    progress = started(path)
    assert replayed(progress, shop_on(fake), sessions(5))
    fake.upcoming = [problem(503, "busy", {"Retry-After": "0"})] * 100

    with pytest.raises(ShopGone, match="busy"):
        replayed(progress, shop_on(fake), sessions(20))
    assert progress.sessions_done < 20
    fake.upcoming = []
    assert replayed(progress, shop_on(fake), sessions(20))
    assert progress.sessions_done == 20
    assert len(fake.stored) == 40


def test_a_new_run_of_the_same_recording_is_not_answered_from_the_earlier_one_s_keys(path):
    fake = api()
    for _ in range(2):
        progress = started(path)
        assert replayed(progress, shop_on(fake), sessions(4))
        progress.close()

    assert len(fake.stored) == 16


def test_resuming_needs_a_run_of_this_recording_on_this_system_within_a_day(path):
    with pytest.raises(CannotResume, match="nothing to resume"):
        Progress.resume(path, API, 0)
    Progress.start(path, API, 1_000).close()
    with pytest.raises(CannotResume, match="another system"):
        Progress.resume(path, "http://elsewhere", 1_000)
    with pytest.raises(CannotResume, match="24 h"):
        Progress.resume(path, API, 1_000 + KEPT_FOR_S)
    Progress.resume(path, API, 999 + KEPT_FOR_S).close()


def test_counts_survive_in_the_progress_file(path):
    progress = started(path)
    assert replayed(progress, shop_on(api()), sessions(7))
    before = replace(progress.outcome)
    seconds = progress.seconds
    progress.close()

    resumed = Progress.resume(path, API, int(time.time()))
    assert resumed.outcome == before
    assert resumed.seconds == seconds > 0


def test_compressed_time_keeps_the_distances_between_sessions(path):
    fake, starts = api(), dict[str, float]()
    answer = fake.answer

    def timed(url_path, body, headers):
        if url_path.endswith("recommend"):
            starts[body["user_id"]] = time.monotonic()
        return answer(url_path, body, headers)

    fake.answer = timed
    began = time.monotonic()
    assert replayed(started(path), shop_on(fake), sessions(4), pace=Pace(600.0))

    assert all(0.1 * n <= starts[f"C-{n}"] - began < 0.1 * n + 5.0 for n in range(4))


def real_data() -> Path | None:
    repository = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("OFFERLOOP_DATA") or repository.parent / "shared" / "data")
    return folder / "complete_journey" if (folder / "complete_journey").is_dir() else None


@pytest.mark.data
@pytest.mark.skipif(real_data() is None, reason="set OFFERLOOP_DATA to the folder with complete_journey/")
def test_25_households_of_the_grocer_arrive_completely_and_in_order(tmp_path, path):
    folder = real_data()
    mapping_file = Path(__file__).resolve().parents[2] / "simulator/mappings/complete_journey.yaml"
    mapping, lines = read_mapping(mapping_file), folder / "lines_250_households.csv.gz"
    few = tmp_path / "lines.csv"
    wanted, distinct = few_households(lines, few, 25)
    (tmp_path / "products.csv.gz").symlink_to(folder / "products.csv.gz")
    record(few, mapping, 1, tmp_path / "r.sqlite")

    with Recording(tmp_path / "r.sqlite", mapping) as recording:
        fake = FakeShopApi([(product.offer_id, product.category, 2_000) for product in recording.products()])
        progress = started(path)
        assert replayed(progress, shop_on(fake), list(recording.sessions()), workers=8)
        assert recording.rows == wanted
        assert recording.fault_counts().total() == 0
        assert progress.outcome.sessions == recording.session_count
        assert len(fake.stored) == progress.outcome.redeemed.total() == distinct
    assert len({user for user, _, _ in fake.stored}) == 25


def few_households(lines: Path, to: Path, households: int) -> tuple[int, int]:
    """Write the lines of the first households; gives their number, and that of (basket, product) pairs."""
    chosen: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    count = 0
    with gzip.open(lines, "rt", newline="") as source, to.open("w", newline="") as target:
        reader = csv.DictReader(source)
        writer = csv.DictWriter(target, reader.fieldnames or [])
        writer.writeheader()
        for row in reader:
            if row["household_id"] not in chosen and len(chosen) == households:
                continue
            chosen.add(row["household_id"])
            pairs.add((row["basket_id"], row["product_id"]))
            writer.writerow(row)
            count += 1
    return count, len(pairs)
