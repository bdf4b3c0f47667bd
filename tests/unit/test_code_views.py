"""The published view and the inbox: what others write is new codes at most, and never a removal."""

from __future__ import annotations

import json

import pytest

from offerloop.codes.files import AVAILABLE, USED
from offerloop.codes.model import CodeStatus, Level
from offerloop.codes.publish_views import Publishing, publish_views
from offerloop.codes.take_in import (
    Intake,
    amounts_in_csv,
    codes_as_csv,
    codes_in_csv,
    pool_id_of,
    take_in,
)
from offerloop.codes.take_in_file import MAX_FILE_BYTES, take_in_file
from offerloop.errors import Busy
from simulator.memory.code_runs import MemoryCodeFiles
from simulator.memory.codes import MemoryCodeStore
from simulator.memory.world import MemoryWorld
from tests.codes import a_claim, a_pool
from tests.factories import FixedClock


class Shop:
    """Two pools of amounts and another, in memory, with their files."""

    def __init__(self) -> None:
        self.codes = MemoryCodeStore(MemoryWorld(FixedClock()))
        self.files = MemoryCodeFiles()
        self.taken: list[Intake] = []
        for pool_id, amount in (("bonus-100", 10_000), ("bonus-20", 2_000), ("welcome", 500)):
            pool = a_pool(pool_id, amount=amount)
            self.codes.create_pool(pool, None)
            short = pool_id.upper().replace("-", "")
            self.codes.add(pool, [f"{short}A", f"{short}B"])

    def publish(self, *touched: str, limit: int = 100) -> None:
        publish_views(touched, Publishing(self.codes, self.files, limit, self.taken.append))

    def shown(self, name: str = AVAILABLE) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.files.files[name].content)
        return found

    def claim(self, pool_id: str = "bonus-100") -> str:
        return self.codes.claim(a_claim(self.codes.pool(pool_id))).code

    def take_in(self, name: str, content: bytes) -> Intake | None:
        self.files.put_foreign(name, content)
        return take_in_file(name, codes=self.codes, files=self.files)

    def report(self, name: str) -> dict[str, object]:
        return self.shown(f"inbox-reports/{name}.json")


# ── The view ───────────────────────────────────────────────────────────────────────────────────────


def test_the_view_shows_the_free_codes_and_counts_those_given_out_by_amount() -> None:
    shop = Shop()
    shop.claim()

    shop.publish("bonus-100", "bonus-20", "welcome")

    assert shop.shown() == {"20": ["BONUS20A", "BONUS20B"], "100": ["BONUS100A"]}
    assert list(shop.shown()) == ["20", "100"]
    assert shop.shown(USED) == {"20": 0, "100": 1}


def test_only_touched_pools_are_read_again() -> None:
    shop = Shop()
    shop.publish()
    shop.claim("bonus-100")
    shop.claim("bonus-20")

    shop.publish("bonus-100")

    assert shop.shown() == {"20": ["BONUS20A", "BONUS20B"], "100": ["BONUS100A"]}
    assert shop.shown(USED) == {"20": 0, "100": 1}


def test_a_view_that_is_up_to_date_is_not_written() -> None:
    shop = Shop()
    shop.publish()
    written = shop.files.written

    shop.publish("bonus-100", "bonus-20")

    assert shop.files.written == written


def test_a_large_pool_is_shown_in_part() -> None:
    shop = Shop()
    shop.publish(limit=1)

    assert shop.shown() == {"20": ["BONUS20A"], "100": ["BONUS100A"]}


def test_who_was_overtaken_writes_what_is_true_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another publishes, with later claims of both pools, after this one has read and before it writes."""
    shop = Shop()
    shop.publish()
    shop.claim("bonus-100")
    replace, others = shop.files.replace, ["once"]

    def be_overtaken(name: str, content: bytes, etag: str | None) -> None:
        if others:
            others.pop()
            shop.claim("bonus-100")
            shop.claim("bonus-20")
            shop.publish("bonus-100", "bonus-20")
        replace(name, content, etag)

    monkeypatch.setattr(shop.files, "replace", be_overtaken)

    shop.publish("bonus-100")

    assert shop.shown() == {"20": ["BONUS20A"], "100": []}
    assert shop.shown(USED) == {"20": 1, "100": 2}


def test_who_is_overtaken_time_and_again_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop()
    shop.publish()
    shop.claim()
    read = shop.files.read

    def read_and_be_overtaken(name: str, limit: int | None = None) -> object:
        found = read(name, limit)
        shop.files.put(name, b"{}")
        return found

    monkeypatch.setattr(shop.files, "read", read_and_be_overtaken)

    with pytest.raises(Busy):
        shop.publish("bonus-100")


def test_a_stale_view_that_is_written_back_revives_no_used_code_and_removes_none() -> None:
    shop = Shop()
    shop.publish()
    stale = shop.files.files[AVAILABLE].content
    used = [shop.claim(), shop.claim()]
    shop.publish("bonus-100")

    shop.files.put_foreign(AVAILABLE, stale)
    shop.publish()

    assert shop.shown() == {"20": ["BONUS20A", "BONUS20B"], "100": []}
    assert [shop.codes.code(code).status for code in used] == [CodeStatus.CLAIMED] * 2  # type: ignore[union-attr]
    assert (shop.taken[0].added, shop.taken[0].ever_seen) == (frozenset(), 4)


def test_what_somebody_adds_to_the_view_is_added_and_what_they_leave_out_stays() -> None:
    shop = Shop()
    shop.publish()

    shop.files.put_foreign(AVAILABLE, b'{"100": ["brandnew1"], "777": ["NOPOOL1"]}')
    shop.publish()

    assert shop.shown() == {
        "20": ["BONUS20A", "BONUS20B"],
        "100": ["BONUS100A", "BONUS100B", "BRANDNEW1"],
    }
    assert (shop.taken[0].added, shop.taken[0].invalid) == ({"BRANDNEW1"}, 1)


@pytest.mark.parametrize("content", [b"oops", b"[]", b'{"100": "CODE"}', b'{"100": [1]}', b"\xff"])
def test_a_view_that_somebody_broke_is_written_again(content: bytes) -> None:
    shop = Shop()
    shop.publish()

    shop.files.put_foreign(AVAILABLE, content)
    shop.publish()

    assert shop.shown() == {"20": ["BONUS20A", "BONUS20B"], "100": ["BONUS100A", "BONUS100B"]}
    assert shop.taken[0].invalid == 1


def test_a_count_that_somebody_changed_is_written_again() -> None:
    shop = Shop()
    shop.publish()

    shop.files.put_foreign(USED, b'{"100": 999}')
    shop.publish()

    assert shop.shown(USED) == {"20": 0, "100": 0}


# ── The inbox ──────────────────────────────────────────────────────────────────────────────────────


def test_a_file_in_the_inbox_is_told_apart_code_by_code() -> None:
    shop = Shop()
    used = shop.claim()
    lines = f"code,amount\nnew-1,100\nNEW-1,100\n{used},100\n!!,100\nNEW-2,20.00\nNEW-3,777\nNEW-4\n"

    intake = shop.take_in("inbox/may.csv", lines.encode())

    assert intake is not None
    assert intake.added == {"NEW-1", "NEW-2"}
    report = shop.report("may.csv")
    assert {name: report[name] for name in ("added", "duplicates", "ever_seen", "invalid_count")} == {
        "added": 2,
        "duplicates": 1,
        "ever_seen": 1,
        "invalid_count": 3,
    }
    assert report["invalid"] == [
        {"entry": "!!", "reason": "4 to 32 of A-Z, 0-9 and -, the first no -"},
        {"entry": "NEW-3", "reason": "no pool gives out codes worth 777"},
        {"entry": "NEW-4", "reason": "no pool gives out codes worth "},
    ]
    assert shop.codes.level("bonus-100") == Level(free=2, given=1, void=0)


def test_a_file_in_the_form_of_the_view_is_taken_in() -> None:
    shop = Shop()

    intake = shop.take_in("inbox/new.json", b'{"100": ["NEW1"], "20": ["NEW2", "NEW3"]}')

    assert intake is not None
    assert intake.added == {"NEW1", "NEW2", "NEW3"}


def test_a_file_that_is_announced_twice_is_taken_in_once_and_keeps_its_report() -> None:
    shop = Shop()
    shop.take_in("inbox/new.json", b'{"100": ["NEW1"]}')
    report = shop.report("new.json")

    assert take_in_file("inbox/new.json", codes=shop.codes, files=shop.files) is None

    assert shop.report("new.json") == report
    assert report["added"] == 1


def test_another_file_of_the_same_name_has_a_report_of_its_own() -> None:
    shop = Shop()
    shop.take_in("inbox/new.json", b'{"100": ["NEW1"]}')

    shop.take_in("inbox/new.json", b'{"100": ["NEW1", "NEW2"]}')

    assert (shop.report("new.json")["added"], shop.report("new.json")["ever_seen"]) == (1, 1)


@pytest.mark.parametrize(
    "content", [b"{", b"[1]", b"\xff\xfe", b'{"100": {}}', b"A,1\n" * (MAX_FILE_BYTES // 4 + 1)]
)
def test_a_file_that_cannot_be_read_is_reported(content: bytes) -> None:
    shop = Shop()

    intake = shop.take_in("inbox/bad", content)

    assert intake is not None
    assert (intake.added, intake.invalid) == (frozenset(), 1)
    assert shop.report("bad")["invalid_count"] == 1


def test_a_file_that_is_gone_has_no_report() -> None:
    shop = Shop()

    assert take_in_file("inbox/gone", codes=shop.codes, files=shop.files) is None
    assert shop.files.files == {}


# ── Lists ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_list_of_wrong_entries_is_counted_in_full_and_named_in_part() -> None:
    shop = Shop()

    intake = take_in(shop.codes.pool("bonus-100"), ["?"] * 500, codes=shop.codes)

    assert (intake.invalid, len(intake.wrong)) == (500, 100)


def test_what_is_written_as_csv_is_read_back() -> None:
    text = codes_as_csv(["A-1", "B-2"], 550)

    assert text == "code,amount\nA-1,5.5\nB-2,5.5\n"
    assert amounts_in_csv(text) == {"5.5": ["A-1", "B-2"]}
    assert codes_in_csv("\ufeffcode\nA-1\n\nB-2\n") == ["A-1", "B-2"]


@pytest.mark.parametrize(
    ("amount", "pool_id"),
    [
        ("100", "bonus-100"),
        (" 99.50 ", "bonus-99.5"),
        ("1e2", "bonus-100"),
        ("", None),
        ("-1", None),
        ("0", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e999999999", None),
        ("1.234", None),
        ("a lot", None),
    ],
)
def test_an_amount_leads_to_its_pool(amount: str, pool_id: str | None) -> None:
    assert pool_id_of(amount) == pool_id
