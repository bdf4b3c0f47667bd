"""Events of a replication: what is in the file, and a digest that depends on nothing else."""

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.runs import events
from simulator.runs.canonical import digest_of
from simulator.runs.events import EventRecorder
from simulator.twin.catalogue import offer_id
from simulator.twin.summary import NO_OFFER, NOBODY, EventKind

CATEGORIES = ("food", "travel")
STORY = [
    (1_000, EventKind.OFFER_CREATED, NOBODY, 0, 1),
    (1_000, EventKind.OFFER_CREATED, NOBODY, 1, 0),
    (2_000, EventKind.ARRIVED, 7, NO_OFFER, 2),
    (2_500, EventKind.RECOMMENDED, 7, 1, 2),
    (3_000, EventKind.REDEMPTION, 7, 1, 0),
    (4_000, EventKind.OFFER_CREATED, NOBODY, 4, 1),
    (5_000, EventKind.STOCKOUT, NOBODY, 4, 0),
]

rows = st.lists(
    st.tuples(
        st.integers(0, 2**62),
        st.sampled_from([kind for kind in EventKind if kind != EventKind.OFFER_CREATED]),
        st.integers(-1, 10**6),
        st.just(NO_OFFER),
        st.integers(-(2**62), 2**62),
    ),
    max_size=40,
)


def recorded(path, story, watch=events.nobody_watches):
    recorder = EventRecorder(path, CATEGORIES, watch)
    for at_ms, kind, user, offer, value in story:
        recorder.event(at_ms, int(kind), user, offer, value)
    recorder.close()
    return recorder.digest()


def test_a_row_per_event_with_kinds_offers_and_categories_by_name(tmp_path, monkeypatch):
    """Offers keep their categories over row groups, of which there are three here; numbers leave gaps."""
    monkeypatch.setattr(events, "ROW_GROUP", 3)
    recorded(tmp_path / "events-0.parquet", STORY)

    file = pq.ParquetFile(tmp_path / "events-0.parquet")
    assert file.num_row_groups == 3
    food, travel = offer_id(1), offer_id(0)
    assert [tuple(row.values()) for row in file.read().to_pylist()] == [
        (1_000, "offer_created", None, travel, "travel", 1),
        (1_000, "offer_created", None, food, "food", 0),
        (2_000, "arrived", 7, None, None, 2),
        (2_500, "recommended", 7, food, "food", 2),
        (3_000, "redemption", 7, food, "food", 0),
        (4_000, "offer_created", None, offer_id(4), "travel", 1),
        (5_000, "stockout", None, offer_id(4), "travel", 0),
    ]


def test_a_file_without_events_can_be_read(tmp_path):
    recorded(tmp_path / "events-0.parquet", [])

    assert pq.read_table(tmp_path / "events-0.parquet").num_rows == 0


def test_the_file_gets_its_name_only_when_it_is_whole(tmp_path):
    recorder = EventRecorder(tmp_path / "events-0.parquet", CATEGORIES)
    recorder.event(1, int(EventKind.VIEW), 1, NO_OFFER, 0)
    assert not (tmp_path / "events-0.parquet").exists()

    recorder.abandon()
    assert list(tmp_path.iterdir()) == []


@given(rows, st.integers(1, 7))
def test_the_digest_does_not_depend_on_row_groups(story, row_group):
    whole = recorded(None, story)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "ROW_GROUP", row_group)
        assert recorded(None, story) == whole


@given(rows, st.data())
def test_the_digest_changes_with_any_value_and_with_the_order(story, data):
    if not story:
        return
    place = data.draw(st.integers(0, len(story) - 1))
    column = data.draw(st.sampled_from([0, 2, 3, 4]))
    changed = [list(row) for row in story]
    changed[place][column] += 1
    assert recorded(None, changed) != recorded(None, story)

    reversed_story = story[::-1]
    assert (recorded(None, reversed_story) == recorded(None, story)) == (reversed_story == story)


def test_the_digest_is_that_of_little_endian_columns():
    """Worked out by hand, so that it can be recomputed from a file with other tools."""
    import hashlib

    at_ms, kind, user, offer, value = 1_000, int(EventKind.VIEW), 7, NO_OFFER, -2
    columns = [
        at_ms.to_bytes(8, "little"),
        kind.to_bytes(1, "little"),
        user.to_bytes(4, "little"),
        offer.to_bytes(4, "little", signed=True),
        value.to_bytes(8, "little", signed=True),
    ]
    expected = digest_of({"rows": 1, "columns": [hashlib.sha256(column).hexdigest() for column in columns]})

    assert recorded(None, [(at_ms, kind, user, offer, value)]) == expected


def test_progress_tells_simulated_time_and_lists_served(monkeypatch):
    monkeypatch.setattr(events, "ROW_GROUP", 4)
    seen = []
    recorded(None, STORY, lambda simulated_ms, served: seen.append((simulated_ms, served)))

    assert seen == [(1_500, 1), (4_000, 1)]


def test_a_float_is_refused_by_the_hash():
    with pytest.raises(TypeError, match=r"0\.5 is a float"):
        digest_of({"counts": [1, {"share": 0.5}]})
