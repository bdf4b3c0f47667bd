"""Generators at work: what they measure, when they say so, and when they admit that they cannot."""

from __future__ import annotations

import csv
import json
import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.settings import Refusal
from loadtests.recording import FOLDER, Recording, Second
from tests.fake_shop_api import Answer, FakeShopApi, problem
from tests.fake_till import FakeTill
from tests.load.conftest import API_KEY, OFFERS, LoadTest, objectives
from tests.processes import command_of

LOOSE = "all: {p95_ms: 60000}"
TIGHT = "all: {p95_ms: 0.001}\nrequests: {recommend: {error_rate: 0.5}}"


class SlowShop(FakeShopApi):
    """Takes a while for each answer, and once answers nobody for some time.

    Args:
        latency_s: of every answer.
        stalls_after_s: seconds after the first request at which it stalls.
        stalls_for_s: how long.
    """

    def __init__(self, latency_s: float, stalls_after_s: float = 1e9, stalls_for_s: float = 0.0) -> None:
        super().__init__(OFFERS, api_key=API_KEY)
        self._latency_s, self._stalls_after_s, self._stalls_for_s = latency_s, stalls_after_s, stalls_for_s
        self._first: float | None = None

    def answer(self, path: str, body: dict[str, str], headers: Mapping[str, str]) -> Answer:
        now = time.monotonic()
        self._first = self._first or now
        into_stall = now - self._first - self._stalls_after_s
        stalled = self._stalls_for_s - into_stall if 0 <= into_stall < self._stalls_for_s else 0.0
        threading.Event().wait(self._latency_s + stalled)
        return super().answer(path, body, headers)


class FakePool(FakeShopApi):
    """Gives out the codes of one pool, under a key always the same one.

    Attributes:
        free: codes that are left; given: codes by the key of their request.
        gives_twice: whether every code goes to two requests.
        statuses: what the pool was set to.
    """

    def __init__(self) -> None:
        super().__init__(api_key=API_KEY)
        self.free: list[str] = []
        self.given: dict[str | None, str] = {}
        self.gives_twice = False
        self.statuses: list[str] = []

    def answer(self, path: str, body: dict[str, Any], headers: Mapping[str, str]) -> Answer:
        with self._lock:
            key = headers.get("Idempotency-Key")
            self.calls.append((path, body, key))
            if headers.get("X-API-Key") != self.api_key:
                return problem(401, "not_signed_in")
            route = path.removeprefix("/prod")
            if route == "/codes/claim":
                return self.upcoming.pop(0) if self.upcoming else self._claim(key)
            self.free += [f"CODE{len(self.free) + at}" for at in range(int(body.get("count", 0)))]
            self.statuses += [body["status"]] if "status" in body else []
            given = len(set(self.given.values()))
            return 200, {"level": {"free": len(self.free), "given": given, "void": 0}}, {}

    def _claim(self, key: str | None) -> Answer:
        if key not in self.given:
            if not self.free:
                return problem(409, "pool_empty")
            self.given[key] = self.free[-1]
            if not self.gives_twice or list(self.given.values()).count(self.free[-1]) == 2:
                self.free.pop()
        return 200, {"success": True, "promo_code": self.given[key], "amount": 0.01}, {}


def wait_for_calls(shop: FakeShopApi, count: int) -> None:
    while len(shop.calls) < count:
        threading.Event().wait(0.02)


def test_a_stall_is_in_the_latency_from_the_intended_start_and_hardly_in_the_plain_one(load_test, tmp_path):
    shop = SlowShop(0.005, stalls_after_s=1.0, stalls_for_s=2.0)

    # Three places are enough for three times as many visits: those who waited are through by the end.
    ended = load_test(shop, RATE="15", DURATION="7", PLACES="3", OBJECTIVES=objectives(tmp_path, LOOSE))

    assert ended.facts["outcomes"]["failed"] == 0
    # Three places stood still: three slow answers out of hundreds. But whoever came meanwhile waited.
    recommend = ended.requests("recommend")
    assert recommend["service_p95_ms"] < 500
    assert recommend["intended_p95_ms"] > 1_000
    assert recommend["intended_p99_ms"] > 1_500
    visits = ended.facts["visits"]
    assert 20 < visits["waited"] <= visits["due"]
    assert visits["dropped"] == 0


def test_without_a_stall_both_latencies_are_those_of_the_shop(load_test, tmp_path):
    ended = load_test(
        SlowShop(0.05), RATE="5", DURATION="4", OBJECTIVES=objectives(tmp_path, "all: {p95_ms: 1000}")
    )

    assert ended.code == 0, ended.output
    for start in ("service", "intended"):
        assert 50 <= ended.latency_ms[f"{start}_p50_ms"] < 250


def test_a_missed_objective_is_said_and_is_exit_code_1(load_test, tmp_path):
    ended = load_test(SlowShop(0.002), RATE="5", DURATION="2", OBJECTIVES=objectives(tmp_path, TIGHT))

    assert ended.code == 1
    assert "MISSED all p95_ms: " in ended.output
    assert "times the limit)" in ended.output
    assert "ok     recommend error_rate: 0.00 %" in ended.output
    assert (ended.facts["verdict"], ended.facts["valid"]) == ("missed", True)


def test_a_generator_that_cannot_keep_up_makes_the_run_invalid_with_exit_code_2(load_test, tmp_path):
    def hold_generator_up() -> None:
        wait_for_calls(shop, 5)
        [generator] = filter(_is_generator, psutil.Process().children(recursive=True))
        generator.suspend()
        threading.Event().wait(1.0)
        generator.resume()

    shop = SlowShop(0.001)
    threading.Thread(target=hold_generator_up, daemon=True).start()

    ended = load_test(shop, RATE="20", DURATION="4", OBJECTIVES=objectives(tmp_path, LOOSE))

    assert ended.code == 2, ended.output
    assert (ended.facts["verdict"], ended.facts["valid"]) == ("invalid", False)
    assert ended.facts["visits"]["late"] >= 5
    assert "visits started late through the generator's own fault: use more WORKERS=" in ended.output
    assert (
        ended.requests("recommend")["intended_p95_ms"] > 400
    )  # and nobody would see it in the plain latency
    assert ended.requests("recommend")["service_p50_ms"] < 100


def test_two_workers_send_what_one_would_and_their_counts_and_percentiles_are_merged(load_test, tmp_path):
    shop = SlowShop(0.002)

    ended = load_test(shop, RATE="20", DURATION="4", WORKERS="2", OBJECTIVES=objectives(tmp_path, LOOSE))

    assert ended.code == 0, ended.output
    sent = [_requests_in(path) for path in sorted((ended.folder / FOLDER).glob("worker-*.jsonl"))]
    assert len(sent) == 2
    assert min(sent) > 0
    assert sum(sent) == ended.facts["requests"] == ended.requests("all")["requests"] == len(shop.calls)
    assert sorted(ended.facts["generator_cpu"]) == ["master", "worker 0", "worker 1"]
    merged = Recording(ended.folder).update().total.all_requests()
    assert merged.service.count == len(shop.calls)
    assert ended.latency_ms["service_p95_ms"] == round(merged.service.percentile_ms(95), 3)


def _requests_in(path: Path) -> int:
    seconds = [Second.from_json(json.loads(line)) for line in path.read_text().splitlines()]
    return sum(second.all_requests().requests for second in seconds)


def test_the_same_visits_come_whether_one_worker_starts_them_or_two(load_test, tmp_path, monkeypatch):
    users = []
    for workers in ("1", "2"):
        monkeypatch.setenv("RESULTS", str(tmp_path / workers))
        shop = SlowShop(0)
        load_test(shop, RATE="10", DURATION="2", WORKERS=workers, OBJECTIVES=objectives(tmp_path, LOOSE))
        users.append(sorted({body["user_id"] for _, body, _ in shop.calls}))

    assert users[0] == users[1]
    assert len(users[0]) > 10


def test_refusals_and_busy_answers_are_counted_apart_and_sent_once(load_test, tmp_path):
    shop = FakeShopApi([(offer_id, category, 1) for offer_id, category, _ in OFFERS], api_key=API_KEY)
    shop.upcoming = [problem(503, "busy", {"Retry-After": "1"})] * 2 + [problem(500, "internal_error")]

    ended = load_test(shop, RATE="20", DURATION="3", OBJECTIVES=objectives(tmp_path, "all: {error_rate: 0}"))

    outcomes, codes = ended.facts["outcomes"], ended.facts["codes"]
    assert (outcomes["turned away"], outcomes["failed"]) == (2, 1)
    assert (codes["busy"], codes["internal_error"]) == (2, 1)
    assert outcomes["refused"] == codes.get("out_of_stock", 0)
    assert ended.facts["requests"] == len(shop.calls)  # none was sent again
    keys = [key for _, _, key in shop.calls if key]
    assert len(keys) == len(set(keys))
    assert ended.code == 1


def test_visits_to_the_till_place_orders_and_none_of_them_is_lost(load_test, tmp_path):
    till = FakeTill(api_key=API_KEY)
    till.refuses = [problem(409, "out_of_stock"), problem(422, "amount_mismatch"), problem(503, "busy")]
    limits = objectives(tmp_path, "all: {error_rate: 0}\norders: {unfinished_rate: 0, final_p95_ms: 1000}")

    ended = load_test(till, VISIT="checkout", RATE="20", DURATION="3", WORKERS="2", OBJECTIVES=limits)

    assert ended.code == 0, ended.output
    orders = ended.facts["orders"]
    assert orders["accepted"] == len(till.orders) > 20
    assert orders["ended"] == {"COMPLETED": len(till.orders)}
    assert f"orders: {len(till.orders)} accepted: {len(till.orders)} COMPLETED" in ended.output
    assert ended.requests("place order")["refused"] == 2
    assert ended.requests("place order")["turned_away"] == 1
    assert ended.requests("list products")["ok"] >= ended.requests("place order")["requests"]
    assert ended.requests("order status")["ok"] == len(till.orders)
    assert "recommend" not in (ended.folder / "requests.csv").read_text()


def test_an_accepted_order_that_the_shop_does_not_know_fails_the_run(load_test, tmp_path):
    till = FakeTill(api_key=API_KEY)
    till.forgets = 1

    ended = load_test(till, VISIT="checkout", RATE="5", DURATION="2", OBJECTIVES=objectives(tmp_path, LOOSE))

    assert ended.code == 1
    assert "MISSED orders lost_rate: " in ended.output
    assert ended.facts["orders"]["lost"] == ["order-0"]


def test_shoppers_browse_and_take_to_the_till_what_they_like(load_test, tmp_path):
    till = FakeTill(OFFERS, api_key=API_KEY)

    ended = load_test(till, VISIT="shop", RATE="20", DURATION="4", OBJECTIVES=objectives(tmp_path, LOOSE))

    assert ended.code == 0, ended.output
    used = {item.get("offerId") for body in till.orders.values() for item in body["items"]}
    assert {"OFF001", "OFF003", None} == used  # nothing is sold that OFF002 is for
    assert {offer for _, offer, kind in till.stored if kind == "REDEMPTION"} == {"OFF002"}


def test_a_storm_of_claims_empties_the_pool_and_nobody_has_the_code_of_another(load_test, tmp_path):
    pool = FakePool()
    pool.upcoming = [problem(503, "busy"), problem(500, "internal_error")]
    limits = objectives(tmp_path, "requests: {claim code: {p95_ms: 60000}}")

    ended = load_test(
        pool, VISIT="claims", RATE="40", DURATION="3", WORKERS="2", CODES="50", OBJECTIVES=limits
    )

    assert ended.code == 0, ended.output
    claims = [(body["pool"], body["holder"], key) for path, body, key in pool.calls if "claim" in path]
    assert {each for each, _, _ in claims} == {f"load-{ended.facts['settings']['run_id'][:24]}"}
    assert len(claims) > len({key for _, _, key in claims}) > 50  # some were repeated under their own key
    assert None not in {key for _, _, key in claims}
    facts = ended.facts["claims"]
    assert (facts["received"], facts["given"], facts["distinct"], facts["claimed"]) == (50, 50, 50, 50)
    assert (facts["twice"], facts["changed"], facts["unaccounted"]) == ([], [], 0)
    assert ended.requests("claim code")["refused"] > 0
    assert "claims: 50 codes, 50 given out: 50 claims got 50 different ones" in ended.output
    assert pool.statuses == ["PAUSED"]
    left_behind = "".join(file.read_text() for file in ended.folder.rglob("*.json*"))
    assert not any(code in left_behind for code in pool.given.values())


def test_a_code_that_is_given_out_twice_fails_the_run(load_test, tmp_path):
    pool = FakePool()
    pool.gives_twice = True

    ended = load_test(
        pool, VISIT="claims", RATE="20", DURATION="2", CODES="10", OBJECTIVES=objectives(tmp_path, LOOSE)
    )

    assert ended.code == 1
    assert "MISSED claims given_twice_rate: " in ended.output
    assert len(ended.facts["claims"]["twice"]) > 0


def test_without_a_pool_nothing_is_sent(load_test, tmp_path):
    shop = FakeShopApi(api_key="another")

    with pytest.raises(Refusal, match="the pool of promo codes cannot be made: "):
        load_test(shop, VISIT="claims", OBJECTIVES=objectives(tmp_path, LOOSE))

    assert [path for path, _, _ in shop.calls] == ["/prod/pools"]


def test_no_more_requests_are_sent_than_allowed(load_test, tmp_path):
    shop = SlowShop(0.001)

    ended = load_test(
        shop,
        **{"RATE": "30", "DURATION": "20", "WORKERS": "2", "MAX_REQUESTS": "41"},
        OBJECTIVES=objectives(tmp_path, LOOSE),
    )

    assert len(shop.calls) == ended.facts["requests"] == 41
    assert "MAX_REQUESTS are sent" in ended.output
    assert ended.code == 0, ended.output


def test_closed_users_wait_for_their_answers_and_hunters_come_with_the_sale(load_test, tmp_path):
    shop = SlowShop(0.02)

    ended = load_test(
        shop,
        **{"USERS": "8", "SHAPE": "flash-sale", "DURATION": "6", "THINK": "0.05"},
        OBJECTIVES=objectives(tmp_path, LOOSE),
    )

    assert ended.code == 0, ended.output
    kinds = {body["user_id"].split("-")[2] for _, body, _ in shop.calls}
    assert kinds == {"SHOPPER", "HUNTER"}
    assert ended.facts["visits"]["due"] == 0
    seconds = list(csv.DictReader((ended.folder / "seconds.csv").open()))
    assert max(int(second["under_way"]) for second in seconds) <= 8


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interrupt_leaves_a_partial_report_and_no_process(load_test, tmp_path, workers):
    def interrupt_when_it_runs() -> None:
        wait_for_calls(shop, 20)
        os.kill(os.getpid(), signal.SIGINT)

    shop = SlowShop(0.001)
    threading.Thread(target=interrupt_when_it_runs, daemon=True).start()

    ended = load_test(
        shop, RATE="20", DURATION="300", WORKERS=workers, OBJECTIVES=objectives(tmp_path, LOOSE)
    )

    assert ended.code == 130
    assert ended.facts["status"] == "partial"
    assert ended.facts["requests"] == len(shop.calls)
    assert "PARTIAL" in ended.output
    assert "cut short" in (ended.folder / "report.html").read_text()
    assert [each for each in psutil.Process().children(recursive=True) if _is_generator(each)] == []


def _is_generator(process: psutil.Process) -> bool:
    return "loadtests.generator" in " ".join(command_of(process))


def test_the_key_is_sent_and_stands_in_no_file_no_line_and_no_command(load_test, tmp_path):
    commands: list[str] = []

    class WatchingShop(SlowShop):
        def answer(self, path: str, body: dict[str, str], headers: Mapping[str, str]) -> Answer:
            commands.extend(" ".join(command_of(each)) for each in psutil.Process().children(recursive=True))
            return super().answer(path, body, headers)

    ended = load_test(
        WatchingShop(0.001), RATE="5", DURATION="2", WORKERS="2", OBJECTIVES=objectives(tmp_path, LOOSE)
    )

    assert ended.facts["outcomes"]["ok"] == ended.facts["requests"]  # the shop refuses whoever has no key
    assert any("loadtests.generator" in command for command in commands)
    assert API_KEY not in "".join(commands) + ended.output
    assert [path for path in _files(ended.folder) if API_KEY in path.read_text(errors="replace")] == []


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_run_leaves_every_file_that_its_manual_names(load_test: LoadTest, tmp_path):
    ended = load_test(SlowShop(0.001), RATE="5", DURATION="2", OBJECTIVES=objectives(tmp_path, LOOSE))

    assert {path.name for path in ended.folder.iterdir()} == {
        *("plan.json", "run.json", "requests.csv", "seconds.csv", "objectives.json", "report.html"),
        *("stats_history.csv", "recording", "locust", "logs"),
    }
    history = (ended.folder / "stats_history.csv").read_text().splitlines()
    assert history[0].startswith("Timestamp,User Count,Type,Name,Requests/s")
    assert len(history) > 1
    report = (ended.folder / "report.html").read_text()
    assert "intended" in report
    assert "<script src=" not in report  # readable without a network
