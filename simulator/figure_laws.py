"""The conservation laws of reward figures: what files and running totals say is what the ledger says."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, tzinfo

from offerloop import money
from offerloop.bonuses.model import Entry, EntryKind
from offerloop.rewards.day_files import totals_in
from offerloop.rewards.days import day_at, zone_named
from offerloop.rewards.model import KindTotal, Totals
from simulator.findings import Breach, Findings, Invariant
from simulator.snapshot import Snapshot


def daily_files_are_the_ledger(snapshot: Snapshot) -> Findings:
    """Each day's files say what the ledger has of that day, in the time zone that they name themselves."""
    of_zone: dict[str, Mapping[date, Totals]] = {}

    def breaches() -> Iterator[Breach]:
        for day, texts in sorted(snapshot.day_files.items()):
            said, zone = totals_in(*texts), _zone_in(texts)
            if said is None or zone is None:
                yield Breach(f"{day}", f"its files do not say it all; {_remedy(day)}")
                continue
            if str(zone) not in of_zone:
                of_zone[str(zone)] = _by_day(snapshot.entries, zone)
            found = of_zone[str(zone)].get(day, Totals({}))
            if found != said:
                yield Breach(f"{day}", _difference(day, said, found))

    return Findings(len(snapshot.day_files), breaches())


def _zone_in(texts: Sequence[str]) -> tzinfo | None:
    """The time zone that the details of a day are of; None where they do not say it."""
    try:
        named = [said["time_zone"] for text in texts if "time_zone" in (said := json.loads(text))]
        return zone_named(named[0])
    except (ValueError, TypeError, IndexError):
        return None


def _by_day(entries: Mapping[str, Sequence[Entry]], zone: tzinfo) -> Mapping[date, Totals]:
    return _sums(entries, lambda entry: day_at(entry.at_ms, zone))


def _sums(entries: Mapping[str, Sequence[Entry]], day_of: Callable[[Entry], date]) -> Mapping[date, Totals]:
    counts: Counter[tuple[date, EntryKind]] = Counter()
    amounts: Counter[tuple[date, EntryKind]] = Counter()
    for ledger in entries.values():
        for entry in ledger:
            of = day_of(entry), entry.kind
            counts[of] += 1
            amounts[of] += entry.amount
    sums: dict[date, dict[EntryKind, KindTotal]] = {}
    for (day, kind), count in counts.items():
        sums.setdefault(day, {})[kind] = KindTotal(amounts[day, kind], count)
    return {day: Totals(by_kind) for day, by_kind in sums.items()}


def _difference(day: date, said: Totals, found: Totals) -> str:
    late = found.entries - said.entries
    if late > 0:
        return f"{late} entries came late: {_kinds(said, found)}; {_remedy(day)}"
    if late < 0:
        return f"{-late} entries are gone: {_kinds(said, found)}"
    return _kinds(said, found)


def _remedy(day: date) -> str:
    return f"`make rewards DAY={day}` writes them anew"


def _kinds(said: Totals, found: Totals) -> str:
    """The kinds in which two totals differ, each with both amounts."""
    return ", ".join(
        f"{kind.value.lower()} {_words(said.of(kind))}, the ledger has {_words(found.of(kind))}"
        for kind in EntryKind
        if said.of(kind) != found.of(kind)
    )


def _words(total: KindTotal) -> str:
    return f"{money.to_major(total.amount):,} in {total.count:,}"


def running_totals_are_the_ledger(snapshot: Snapshot) -> Findings:
    """Each entry is counted once: in the total of its day, and in that of all days."""
    kept = snapshot.running_totals
    if kept is None:
        return Findings(0, ())
    everything = _sums(snapshot.entries, lambda _: date.min).get(date.min, Totals({}))

    def breaches() -> Iterator[Breach]:
        for name, said in (("the days together", kept.of_days), ("all time", kept.ever)):
            if said != everything:
                yield Breach(name, _kinds(said, everything))

    return Findings(everything.entries, breaches())


FIGURE_LAWS = (
    Invariant("Daily reward files = ledger", daily_files_are_the_ledger),
    Invariant("Running reward totals = ledger", running_totals_are_the_ledger),
)
