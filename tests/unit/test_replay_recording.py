"""A transaction file becomes sessions in recorded order; bad rows are named and left out."""

import gzip
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from offerloop.offers.model import DiscountType, Offer
from simulator.arrivals import HOUR_S
from simulator.replay.catalogue import catalogue
from simulator.replay.mapping import Mapping, read_mapping
from simulator.replay.recorder import fingerprint, record
from simulator.replay.recording import Line, Recording, Session
from simulator.replay.rows import UnreadableData, read_purchases

DATA = Path(__file__).resolve().parents[1] / "data" / "replay"
ORDERS, VISITS = read_mapping(DATA / "orders.yaml"), read_mapping(DATA / "visits.yaml")
HEADER = "when;order;who;sku;units;paid\n"


def recording_of(
    data: Path, mapping: Mapping, tmp_path: Path, *, seed: int = 1, limit: int | None = None
) -> Recording:
    to = tmp_path / f"{data.stem}-{seed}.sqlite"
    record(data, mapping, seed, to)
    return Recording(to, mapping, limit)


def beside_products(tmp_path: Path, content: bytes, name: str = "t.csv") -> Path:
    shutil.copy(DATA / "skus.csv", tmp_path)
    path = tmp_path / name
    path.write_bytes(content)
    return path


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_baskets_are_sessions_in_recorded_order_with_each_product_once(tmp_path):
    with recording_of(DATA / "orders.csv", ORDERS, tmp_path) as recording:
        milk, bread, bike = ("P-milk", "dairy-eggs"), ("P-bread", "bakery"), ("P-bike", "dairy-eggs-2")
        assert list(recording.sessions()) == [
            Session(
                *(0, "C-bob", seconds("2024-03-01T09:00"), (bread, milk)),
                (Line(*bread, 2, 340), Line(*milk, 1, 120)),
            ),
            Session(
                *(1, "C-ann", seconds("2024-03-01T10:00"), (milk, bread)),
                (Line(*milk, 4, 480), Line(*bread, 1, 170)),
            ),
            Session(2, "C-ann", seconds("2024-03-02T08:30"), (bike,), (Line(*bike, 1, 19_900),)),
        ]
        counts = recording.rows, recording.session_count, recording.purchase_count, recording.product_count
        assert counts == (6, 3, 5, 3)
        assert list(recording.faults()) == []


def test_a_limit_takes_the_first_sessions_and_only_their_products(tmp_path):
    with recording_of(DATA / "orders.csv", ORDERS, tmp_path, limit=2) as recording:
        assert [session.number for session in recording.sessions()] == [0, 1]
        assert [product.offer_id for product in recording.products()] == ["P-bread", "P-milk"]
        assert (recording.session_count, recording.purchase_count, recording.product_count) == (2, 4, 2)


def test_products_become_offers_by_the_mapping_s_rules(tmp_path):
    with recording_of(DATA / "orders.csv", ORDERS, tmp_path) as recording:
        offers = {offer.offer_id: offer for offer in catalogue(recording, ORDERS, seed=1, now=1_000)}

    assert {name: offer.priority for name, offer in offers.items()} == {
        "P-bike": 20,
        "P-milk": 50,
        "P-bread": 50,
    }
    milk = offers["P-milk"]
    assert 500 <= milk.discount_hundredths <= 3000
    assert milk == Offer(
        "P-milk",
        "Whole milk 1 l",
        "dairy-eggs",
        DiscountType.PERCENTAGE,
        milk.discount_hundredths,
        50,
        100,
        expires_at=1_000 + 10 * 24 * HOUR_S,
        redemptions_per_user=0,
        received_count=100,
    )
    assert offers["P-bread"].offer_name == "Rye bread"


def test_each_bad_row_is_named_with_its_line_and_reason_and_the_rest_is_used(tmp_path):
    with recording_of(DATA / "bad_rows.csv", ORDERS, tmp_path) as recording:
        found = {(fault.line, fault.reason) for _, fault in recording.faults()}
        sessions = [(session.user_id, len(session.offers)) for session in recording.sessions()]
        rows, left_out = recording.rows, recording.fault_counts().total()

    assert found == {
        (3, "missing_value"),
        (4, "unreadable_time"),
        (5, "unreadable_time"),
        (6, "not_a_number"),
        (7, "number_too_small"),
        (8, "not_a_number"),
        (9, "not_a_number"),
        (10, "not_a_number"),
        (11, "number_too_small"),
        (13, "wrong_number_of_fields"),
        (14, "wrong_number_of_fields"),
        (15, "not_an_id"),
        (16, "not_an_id"),
        (17, "unknown_product"),
        (18, "no_category"),
        (19, "two_customers"),
        (20, "not_csv"),
        (21, "not_an_id"),
    }
    assert sessions == [("C-ann", 1), ("C-bob", 1)]
    assert rows == left_out + 2


def test_a_fault_says_which_field_and_what_stood_there(tmp_path):
    details = {
        fault.line: fault.detail
        for fault in read_purchases(DATA / "bad_rows.csv", ORDERS)
        if hasattr(fault, "detail")
    }

    assert details[6] == "units is 'two'"
    assert details[7] == "units is -1, the least is 1"
    assert details[3] == "who is empty"
    assert details[4] == "when is 'not a time'"


def test_a_value_above_any_price_is_a_bad_row(tmp_path):
    path = beside_products(tmp_path, (HEADER + "2024-03-01 09:00;o1;ann;milk;1;1e300\n").encode())

    with recording_of(path, ORDERS, tmp_path) as recording:
        [(_, fault)] = recording.faults()
        assert (fault.reason, fault.detail) == (
            "number_too_large",
            "paid is 1e+300, the most is 1e+07",
        )


def test_bytes_that_are_no_text_cost_only_their_own_row(tmp_path):
    lines = b"2024-03-01 09:00;o1;\xff\xfe;milk;1;1\n2024-03-01 09:00;o2;bob;milk;1;1\n"
    path = beside_products(tmp_path, HEADER.encode() + lines)

    with recording_of(path, ORDERS, tmp_path) as recording:
        assert [fault.reason for _, fault in recording.faults()] == ["not_utf8"]
        assert [session.user_id for session in recording.sessions()] == ["C-bob"]


def test_a_quote_that_never_ends_is_reported_with_the_lines_it_takes(tmp_path):
    text = HEADER + '2024-03-01 09:00;o1;"ann;milk;1;1\n' + "2024-03-01 09:00;o2;bob;milk;1;1\n" * 3
    path = beside_products(tmp_path, text.encode())

    with recording_of(path, ORDERS, tmp_path) as recording:
        [(_, fault)] = recording.faults()
        assert (fault.line, fault.reason) == (2, "not_csv")
        assert "lines left out: 2 to 5" in fault.detail


def test_faults_of_the_products_file_are_named_with_that_file(tmp_path):
    path = beside_products(tmp_path, (DATA / "orders.csv").read_bytes())
    with (tmp_path / "skus.csv").open("a") as products:
        products.write("milk;OTHER;Milk again;\n")

    with recording_of(path, ORDERS, tmp_path) as recording:
        assert [(file, fault.line, fault.reason) for file, fault in recording.faults()] == [
            ("skus.csv", 6, "repeated_product")
        ]
        assert recording.fault_counts().total() == 0


def test_price_bands_stand_for_products_and_the_time_of_day_is_drawn_from_the_seed(tmp_path):
    with recording_of(DATA / "visits.csv", VISITS, tmp_path) as recording:
        sessions = list(recording.sessions())
        assert [(fault.line, fault.reason) for _, fault in recording.faults()] == [(5, "above_all_bands")]
    with recording_of(DATA / "visits.csv", VISITS, tmp_path, seed=2) as other_seed:
        others = list(other_seed.sessions())

    assert sorted((session.user_id, session.offers) for session in sessions) == [
        ("V-7", (("LARGE", "large"),)),
        ("V-7", (("SMALL", "small"),)),
        ("V-8", (("LARGE", "large"),)),
    ]
    assert {session.at // (24 * HOUR_S) * 24 * HOUR_S for session in sessions} == {
        seconds("2024-03-01T00:00")
    }
    assert sessions == sorted(sessions, key=lambda session: session.at)
    assert [session.at for session in sessions] != [session.at for session in others]


def test_the_same_seed_gives_the_same_recording(tmp_path):
    runs = []
    for part in ("a", "b"):
        with recording_of(DATA / "visits.csv", VISITS, tmp_path / part) as recording:
            runs.append((list(recording.sessions()), list(catalogue(recording, VISITS, seed=1, now=0))))

    assert runs[0] == runs[1]


def test_a_gzipped_file_gives_the_same_sessions(tmp_path):
    path = beside_products(tmp_path, gzip.compress((DATA / "orders.csv").read_bytes()), "orders.csv.gz")

    with (
        recording_of(path, ORDERS, tmp_path) as zipped,
        recording_of(DATA / "orders.csv", ORDERS, tmp_path) as plain,
    ):
        assert list(zipped.sessions()) == list(plain.sessions())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty; the first line must name the columns"),
        (b"when;order;who;sku;units\n", "no column 'paid'; the file has when, order, who, sku, units"),
        (b"when;order;who;sku;units;paid;paid\n", "more than one column 'paid'"),
        (gzip.compress(b"when;order;who;sku;units;paid\n" * 500)[:-12], "damaged or cut short"),
    ],
    ids=["empty", "column missing", "column twice", "cut short"],
)
def test_a_file_that_cannot_be_read_as_a_whole_is_refused_and_leaves_nothing(tmp_path, content, message):
    path = beside_products(tmp_path, content)
    to = tmp_path / "state" / "r.sqlite"

    with pytest.raises(UnreadableData, match=message):
        record(path, ORDERS, 1, to)
    assert list(to.parent.iterdir()) == []


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(UnreadableData, match=r"nowhere\.csv: No such file"):
        fingerprint(tmp_path / "nowhere.csv", DATA / "orders.yaml", ORDERS, 1)


def test_the_fingerprint_changes_with_data_products_mapping_and_seed(tmp_path):
    for name in ("orders.csv", "orders.yaml", "skus.csv"):
        shutil.copy(DATA / name, tmp_path)

    def name_of(seed: int = 1) -> str:
        return fingerprint(tmp_path / "orders.csv", tmp_path / "orders.yaml", ORDERS, seed)

    names = [name_of(), name_of(seed=2)]
    for changed in ("orders.csv", "orders.yaml", "skus.csv"):
        with (tmp_path / changed).open("a") as file:
            file.write("\n")
        names.append(name_of())

    assert len(set(names)) == len(names)


def test_rows_are_not_kept_in_memory_but_sorted_on_disk(tmp_path):
    """Rows arrive in any order, and baskets need not stand together."""
    rows = [
        f"2024-03-{day:02d} 09:00;o{day}-{n % 7};c{n % 7};milk;1;1\n" for n in range(700) for day in (9, 3, 5)
    ]
    path = beside_products(tmp_path, (HEADER + "".join(rows)).encode())

    with recording_of(path, ORDERS, tmp_path) as recording:
        sessions = list(recording.sessions())
    assert len(sessions) == 21
    assert [session.at for session in sessions] == sorted(session.at for session in sessions)
    with sqlite3.connect(tmp_path / "t-1.sqlite") as database:
        assert database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'purchases'").fetchone() == (
            0,
        )
