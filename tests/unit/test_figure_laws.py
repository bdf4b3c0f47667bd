"""The laws of reward figures: files and running totals that say something else than the ledger are found."""

from dataclasses import replace
from datetime import UTC, date, timedelta

import pytest

from offerloop.bonuses.model import EntryKind
from offerloop.rewards import day_files
from offerloop.rewards.days import zone_named
from offerloop.rewards.model import NOTHING, KindTotal, Totals
from simulator.figure_laws import FIGURE_LAWS, daily_files_are_the_ledger, running_totals_are_the_ledger
from simulator.findings import Breach
from simulator.snapshot import RunningSums, Snapshot
from tests.factories import NOON_MS
from tests.rewards import DAY_MS, TODAY, an_entry
from tests.unit.test_audit_invariants import broken_laws, sound

ISSUED, REDEEMED = EntryKind.ISSUED, EntryKind.REDEEMED
ENTRIES = [an_entry(1), an_entry(2, amount=50), an_entry(3, kind=REDEEMED, amount=30)]
COME_TO = Totals({ISSUED: KindTotal(150, 2), REDEEMED: KindTotal(30, 1)})
REMEDY = "`make rewards DAY=2027-01-15` writes them anew"


def texts_of(totals=COME_TO, day=TODAY, zone=UTC):
    return day_files.file_text(day, totals), day_files.details_text(day, zone, totals)


def a_snapshot(entries=ENTRIES, texts=None, day=TODAY, **fields):
    files = {day: texts_of() if texts is None else texts}
    return Snapshot(NOON_MS, entries={"ann": entries}, day_files=files, **fields)


def faults(snapshot, law=daily_files_are_the_ledger):
    return list(law(snapshot).breaches)


# ── Files ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_day_whose_files_say_what_the_ledger_has_is_sound():
    assert faults(a_snapshot()) == []
    assert daily_files_are_the_ledger(a_snapshot()).checked == 1


def test_a_day_without_files_is_not_looked_at():
    snapshot = replace(a_snapshot(), day_files={})

    assert (daily_files_are_the_ledger(snapshot).checked, faults(snapshot)) == (0, [])


def test_late_entries_are_told_with_what_they_change_and_the_command_that_counts_them():
    late = [*ENTRIES, an_entry(4, amount=1_000)]

    assert faults(a_snapshot(late)) == [
        Breach("2027-01-15", f"1 entries came late: issued 1.50 in 2, the ledger has 11.50 in 3; {REMEDY}")
    ]


def test_entries_that_are_gone_are_told():
    assert faults(a_snapshot(ENTRIES[:2])) == [
        Breach("2027-01-15", "1 entries are gone: redeemed 0.30 in 1, the ledger has 0.00 in 0")
    ]


def test_an_amount_that_was_changed_in_a_file_is_found():
    file, details = texts_of()
    forged = file.replace('"total_issued": 1.5', '"total_issued": 1.51')

    assert faults(a_snapshot(texts=(forged, details))) == [
        Breach("2027-01-15", "issued 1.51 in 2, the ledger has 1.50 in 2")
    ]


@pytest.mark.parametrize("texts", [(), texts_of()[:1], ("{", texts_of()[1]), (texts_of()[0], "[]")])
def test_files_that_cannot_be_read_are_found(texts):
    assert faults(a_snapshot(texts=texts)) == [Breach("2027-01-15", f"its files do not say it all; {REMEDY}")]


def test_details_of_a_time_zone_that_is_none_are_found():
    file, details = texts_of()

    assert len(faults(a_snapshot(texts=(file, details.replace("UTC", "Mars/Olympus"))))) == 1


def test_entries_count_for_the_day_of_the_zone_that_the_files_are_of():
    kyiv, tomorrow = zone_named("Europe/Kyiv"), TODAY + timedelta(days=1)
    entries = [an_entry(1, at_ms=NOON_MS + 15 * 3_600_000)]  # 23:00 UTC, 01:00 in Kyiv
    totals = Totals({ISSUED: KindTotal(100, 1)})

    assert faults(a_snapshot(entries, texts_of(totals, tomorrow, kyiv), tomorrow)) == []
    assert len(faults(a_snapshot(entries, texts_of(totals, tomorrow, UTC), tomorrow))) == 1


def test_each_day_is_held_against_its_own_entries():
    before = TODAY - timedelta(days=1)
    entries = [*ENTRIES, an_entry(4, at_ms=NOON_MS - DAY_MS, amount=7)]
    files = {TODAY: texts_of(), before: texts_of(Totals({ISSUED: KindTotal(8, 1)}), before)}

    snapshot = Snapshot(NOON_MS, entries={"ann": entries}, day_files=files)

    assert faults(snapshot) == [Breach("2027-01-14", "issued 0.08 in 1, the ledger has 0.07 in 1")]


# ── Running totals ─────────────────────────────────────────────────────────────────────────────────


def test_running_totals_that_are_the_ledger_are_sound():
    snapshot = a_snapshot(running_totals=RunningSums(COME_TO, COME_TO))

    assert faults(snapshot, running_totals_are_the_ledger) == []
    assert running_totals_are_the_ledger(snapshot).checked == 3


@pytest.mark.parametrize(
    ("sums", "subject"),
    [(RunningSums(NOTHING, COME_TO), "the days together"), (RunningSums(COME_TO, NOTHING), "all time")],
)
def test_an_entry_that_the_stream_did_not_count_is_found(sums, subject):
    [breach] = faults(a_snapshot(running_totals=sums), running_totals_are_the_ledger)

    assert breach.subject == subject
    assert breach.fault.startswith("issued 0.00 in 0, the ledger has 1.50 in 2")


def test_without_a_stream_there_is_nothing_to_compare():
    assert faults(a_snapshot(), running_totals_are_the_ledger) == []


def test_a_broken_file_breaks_no_other_law():
    broken = replace(
        sound(), day_files={date(2020, 1, 1): ("{}",)}, running_totals=RunningSums(NOTHING, COME_TO)
    )

    assert broken_laws(broken) == {law.name for law in FIGURE_LAWS}
