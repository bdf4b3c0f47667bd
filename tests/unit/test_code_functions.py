"""The functions behind streams, queues and rules that follow promo codes, as AWS calls them."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Mapping
from typing import Any

import pytest

from handlers import wiring
from handlers.aws import bon_browser
from handlers.aws.chromium import LAMBDA_ARGUMENTS
from handlers.aws.keys import free_key
from handlers.aws.transport import queue_body
from offerloop.codes.model import Pool, SupplierKind
from offerloop.codes.ports import CodeSupplier
from offerloop.codes.runs import RunStatus
from offerloop.errors import Busy, SupplierChanged, SupplierUnavailable
from offerloop.sweeps import SweepIncomplete
from simulator.memory.code_runs import MemoryCodeFiles, MemoryRunStore
from simulator.memory.codes import MemoryCodeStore
from simulator.memory.ids import SeededIds
from simulator.memory.world import MemoryWorld
from tests.codes import a_claim, a_pool, filled
from tests.factories import FixedClock
from tests.routes import CONTEXT, a_route


class Supplier:
    """Gives codes, or raises what it is told to."""

    refusal: Exception | None = None

    def fetch(self, pool: object, count: int, batch: str) -> list[str]:
        if self.refusal is not None:
            raise self.refusal
        return [f"FETCHED{number:03d}" for number in range(count)]


class Functions:
    """A pool in memory, low, and the functions around it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.monkeypatch = MemoryWorld(FixedClock()), monkeypatch
        self.wired = dict[str, object]()
        self.files, self.supplier, self.hidden = MemoryCodeFiles(), Supplier(), list[int]()
        runs = MemoryRunStore(self.world)
        suppliers = {SupplierKind.BROWSER: self.supplier}
        self.module("WatchCodes")
        self.wire(code_runs=runs, code_files=self.files, ids=SeededIds(1), suppliers=suppliers)
        monkeypatch.setattr(wiring, "client", lambda name: self)
        self.runs, self.codes = runs, wiring.codes()
        self.pool = filled(self.codes, 3, a_pool(supplier=SupplierKind.BROWSER))
        self.claimed = self.codes.claim(a_claim(self.pool)).code

    def module(self, function: str) -> Any:
        return a_route(self.monkeypatch, function, self.world, S3_PREFIX="promo-codes/").module

    def wire(self, **adapters: object) -> None:
        self.wired |= adapters
        for name, value in self.wired.items():
            self.monkeypatch.setattr(wiring, name, lambda *_, value=value: value)

    def call(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        module = self.module(function)
        self.wire()
        answer: dict[str, Any] = module.handle(event, CONTEXT)
        return answer

    def change_message_visibility(self, **request: Any) -> None:
        """What the queue is asked for when a message is to come back later."""
        self.hidden.append(request["VisibilityTimeout"])

    def of_stream(self) -> dict[str, Any]:
        record = self.record("bonus-100", self.claimed)
        return {"Records": [record, record]}

    def record(self, pool_id: str, code: str) -> dict[str, Any]:
        """What the stream says when a code has left its pool."""
        return {
            "eventName": "REMOVE",
            "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/Codes/stream/1",
            "dynamodb": {"Keys": free_key(pool_id, code), "SequenceNumber": "7"},
        }

    def of_queue(self) -> dict[str, Any]:
        body = queue_body(self.world.messages[-1]).decode()
        attributes = {"ApproximateReceiveCount": "1"}
        record = {"messageId": "m1", "receiptHandle": "r1", "body": body, "attributes": attributes}
        return {"Records": [record]}

    def last(self) -> RunStatus:
        run = self.runs.last("bonus-100")
        assert run is not None
        return run.status


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Functions:
    return Functions(monkeypatch)


def metrics(printed: str) -> dict[str, Any]:
    """Give the metrics among log lines, by name."""
    lines = [json.loads(line) for line in printed.splitlines() if '"_aws"' in line]
    named = [(m["Name"], line) for line in lines for m in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
    return {name: line[name] for name, line in named}


def test_a_claim_that_leaves_too_few_triggers_one_run_and_the_view_follows(
    functions: Functions, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    answers = [functions.call("WatchCodes", functions.of_stream()) for _ in range(2)]

    printed = capsys.readouterr().out
    assert answers == [{"batchItemFailures": []}] * 2
    assert caplog.messages == ["Replenishment triggered"]
    assert metrics(printed)["PoolLevel"] == [2.0]
    assert len(functions.world.messages) == 1
    shown = json.loads(functions.files.files["available_codes.json"].content)
    assert shown == {"100": ["BONUS100X000000", "BONUS100X000001"]}


class BrokenPool(MemoryCodeStore):
    """One pool whose row somebody has spoilt."""

    def pool(self, pool_id: str) -> Pool:
        if pool_id == "bonus-050":
            raise KeyError("amount")
        return super().pool(pool_id)


@pytest.fixture
def with_a_broken_pool(functions: Functions) -> Functions:
    functions.world.pools["bonus-050"] = a_pool(pool_id="bonus-050")
    functions.wire(codes=BrokenPool(functions.world))
    return functions


def test_a_pool_that_cannot_be_read_keeps_no_other_from_being_watched(
    with_a_broken_pool: Functions, caplog: pytest.LogCaptureFixture
) -> None:
    functions = with_a_broken_pool
    records = functions.of_stream()
    records["Records"].insert(0, functions.record("bonus-050", "BON050"))

    answer = functions.call("WatchCodes", records)

    assert answer == {"batchItemFailures": []}
    assert caplog.messages == ["Pool cannot be read", "Replenishment triggered"]
    assert json.loads(functions.files.files["available_codes.json"].content)["100"] != []


def test_a_pool_that_others_keep_changing_is_watched_later(functions: Functions) -> None:
    """What may pass is not passed over: the stream hands the record over again."""

    class BusyPool(MemoryCodeStore):
        def pool(self, pool_id: str) -> Pool:
            raise Busy("others keep changing the same items")

    functions.wire(codes=BusyPool(functions.world))

    assert functions.call("WatchCodes", functions.of_stream()) == {
        "batchItemFailures": [{"itemIdentifier": "7"}]
    }


def test_the_sweeper_goes_over_all_other_pools_and_then_fails(
    with_a_broken_pool: Functions, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    functions = with_a_broken_pool

    with pytest.raises(SweepIncomplete, match="1 pool"):
        functions.call("SweepCodes", {})

    assert functions.last() is RunStatus.REQUESTED
    assert caplog.messages == ["Pool could not be swept", "Replenishment triggered"]
    assert metrics(capsys.readouterr().out)["PoolsNotSwept"] == [1.0]


def test_a_run_is_carried_out(
    functions: Functions, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    functions.call("SweepCodes", {})

    answer = functions.call("ReplenishCodes", functions.of_queue())

    printed = capsys.readouterr().out
    assert answer == {"batchItemFailures": []}
    assert (functions.last(), functions.codes.level("bonus-100").free) == (RunStatus.DONE, 22)
    assert caplog.messages == ["Replenishment triggered", "Replenishment done"]
    assert metrics(printed)["CodesAdded"] == [20.0]


def test_a_supplier_that_is_away_has_the_message_come_back_later(functions: Functions) -> None:
    functions.call("SweepCodes", {})
    functions.supplier.refusal = SupplierUnavailable("too slow")

    answer = functions.call("ReplenishCodes", functions.of_queue())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert (functions.last(), len(functions.hidden)) == (RunStatus.REQUESTED, 1)


def test_a_supplier_that_has_changed_is_an_error_for_a_person(
    functions: Functions, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    functions.call("SweepCodes", {})
    functions.supplier.refusal = SupplierChanged("no list of codes", b"\x89PNG")

    answer = functions.call("ReplenishCodes", functions.of_queue())

    printed = capsys.readouterr().out
    assert answer == {"batchItemFailures": []}
    assert caplog.messages[-1] == "Replenishment failed"
    assert metrics(printed)["ReplenishmentsFailed"] == [1.0]
    assert [name for name in functions.files.files if name.startswith("failures/")] != []


def written(key: str) -> dict[str, Any]:
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "b"}, "object": {"key": key}},
    }


@pytest.mark.parametrize("key", ["promo-codes/inbox/new list.csv", "promo-codes/inbox/new+list.csv"])
def test_a_file_in_the_inbox_is_taken_in(functions: Functions, key: str) -> None:
    functions.files.put_foreign("inbox/new list.csv", b"NEW1,100\n")

    functions.call("TakeInCodes", written(key))

    assert functions.codes.level("bonus-100").free == 3
    assert "inbox-reports/new list.csv.json" in functions.files.files


def test_our_own_writing_of_the_view_leads_to_nothing(functions: Functions) -> None:
    functions.call("WatchCodes", functions.of_stream())
    count = functions.files.written

    functions.call("TakeInCodes", written("promo-codes/available_codes.json"))

    assert functions.files.written == count


def test_a_foreign_view_is_taken_in_and_written_again(functions: Functions) -> None:
    functions.files.put_foreign("available_codes.json", b'{"100": ["NEW1"]}')

    functions.call("TakeInCodes", written("promo-codes/available_codes.json"))

    shown = json.loads(functions.files.files["available_codes.json"].content)
    assert shown == {"100": ["BONUS100X000000", "BONUS100X000001", "NEW1"]}


@pytest.fixture
def visits(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What browsers are made with; each brings nothing."""
    made: list[dict[str, object]] = []

    class Browser:
        def __init__(self, *given: object, **more: object) -> None:
            made.append({"at": given, **more})

        def fetch(self, pool: Pool, count: int, batch: str) -> list[str]:
            return []

    monkeypatch.setattr(bon_browser, "BonBrowser", Browser)
    return made


@pytest.mark.parametrize(
    ("path", "launch"),
    [("/usr/bin/chromium", {"executable_path": "/usr/bin/chromium"}), ("", {"args": LAMBDA_ARGUMENTS})],
)
def test_the_site_is_visited_where_one_is_named_with_its_account_from_the_secret(
    monkeypatch: pytest.MonkeyPatch, visits: list[dict[str, object]], path: str, launch: dict[str, object]
) -> None:
    suppliers = suppliers_of(monkeypatch, b'{"username": "olena", "password": "pw"}', BROWSER_PATH=path)

    assert set(suppliers) == {SupplierKind.GENERATOR, SupplierKind.BROWSER}
    assert visits == []  # for other pools nothing of it is looked for
    assert suppliers[SupplierKind.BROWSER].fetch(a_pool(), 1, "run") == []
    assert visits == [{"at": ("https://bon.example", "olena", "pw"), "launch": launch, "say": print}]


@pytest.mark.parametrize("secret", [b"hunter2", b'"hunter2"', b'{"user": "hunter2"}'])
def test_an_account_that_cannot_be_read_is_said_without_it(
    monkeypatch: pytest.MonkeyPatch, visits: list[dict[str, object]], secret: bytes
) -> None:
    supplier = suppliers_of(monkeypatch, secret)[SupplierKind.BROWSER]

    with pytest.raises(SupplierUnavailable, match=r"not \{username, password\}") as refused:
        supplier.fetch(a_pool(), 1, "run")

    said = "".join(traceback.format_exception_only(refused.value))
    assert ("hunter2" in said, refused.value.__suppress_context__, visits) == (False, True, [])


def test_a_function_without_a_browser_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    supplier = suppliers_of(monkeypatch, b"{}")[SupplierKind.BROWSER]
    monkeypatch.setitem(sys.modules, "handlers.aws.bon_browser", None)
    monkeypatch.delattr("handlers.aws.bon_browser")

    with pytest.raises(SupplierUnavailable, match="BrowserImage"):
        supplier.fetch(a_pool(), 1, "run")


def suppliers_of(
    monkeypatch: pytest.MonkeyPatch, secret: bytes, **variables: str
) -> Mapping[SupplierKind, CodeSupplier]:
    world = MemoryWorld(FixedClock())
    a_route(monkeypatch, "ReplenishCodes", world, BON_URL="https://bon.example", **variables)
    monkeypatch.setattr(wiring, "secret", lambda _: secret)
    return wiring.suppliers(print)


def test_without_a_site_there_is_the_generator_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    a_route(monkeypatch, "ReplenishCodes", MemoryWorld(FixedClock()))

    assert set(wiring.suppliers(print)) == {SupplierKind.GENERATOR}
