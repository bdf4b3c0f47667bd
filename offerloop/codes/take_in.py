"""Codes from outside, told apart before they are added: new, twice in the same list, ever seen, no codes.

A code that any pool has ever seen is never added again, whatever became of it: a stale list that somebody
hands in once more cannot revive a used code.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation

from offerloop import money
from offerloop.codes.model import Pool, canonical, pool_of_amount
from offerloop.codes.ports import CodeStore
from offerloop.errors import InvalidInput
from offerloop.record import record

MAX_NAMED = 100  # wrong entries that are named one by one
MAX_SHOWN = 64  # characters of a wrong entry
MAX_AMOUNT = 10**9
NO_CODE = "4 to 32 of A-Z, 0-9 and -, the first no -"


@record(frozen=True, slots=True)
class Wrong:
    """One entry that is no code, or for which there is no pool."""

    entry: str
    reason: str


@record(frozen=True, slots=True)
class Intake:
    """What became of a list of codes.

    Attributes:
        duplicates: entries that named a code which the list had before.
        ever_seen: how many codes some pool has seen at any time.
        invalid: how many entries were wrong; *wrong* has the first MAX_NAMED of them.
    """

    added: frozenset[str] = frozenset()
    duplicates: int = 0
    ever_seen: int = 0
    invalid: int = 0
    wrong: tuple[Wrong, ...] = ()

    def plus(self, other: "Intake") -> "Intake":
        return Intake(
            self.added | other.added,
            self.duplicates + other.duplicates,
            self.ever_seen + other.ever_seen,
            self.invalid + other.invalid,
            (self.wrong + other.wrong)[:MAX_NAMED],
        )


def take_in(pool: Pool, entries: Iterable[str], *, codes: CodeStore) -> Intake:
    """Add to a pool what is new of a list of codes as somebody typed them."""
    form: dict[str, None] = {}
    wrong: list[Wrong] = []
    duplicates = 0
    for entry in entries:
        code = canonical(entry)
        if code is None:
            wrong.append(Wrong(entry[:MAX_SHOWN], NO_CODE))
        elif code in form:
            duplicates += 1
        else:
            form[code] = None
    added = codes.add(pool, form) if form else frozenset[str]()
    return Intake(added, duplicates, len(form) - len(added), len(wrong), tuple(wrong[:MAX_NAMED]))


def take_in_by_amount(by_amount: Mapping[str, Sequence[str]], *, codes: CodeStore) -> Intake:
    """Add codes to the pools that are asked for by amount.

    Args:
        by_amount: in major units, as people write them ("100") -> entries.
    """
    there_are = frozenset(codes.pool_ids())
    taken = Intake()
    for amount, entries in by_amount.items():
        pool_id = pool_id_of(amount)
        if pool_id is not None and pool_id in there_are:
            taken = taken.plus(take_in(codes.pool(pool_id), entries, codes=codes))
        else:
            reason = f"no pool gives out codes worth {amount[:MAX_SHOWN]}"
            wrong = tuple(Wrong(entry[:MAX_SHOWN], reason) for entry in entries[:MAX_NAMED])
            taken = taken.plus(Intake(invalid=len(entries), wrong=wrong))
    return taken


def pool_id_of(amount: str) -> str | None:
    """Give the pool of an amount as people write it, or None for what is no amount: "100" -> "bonus-100"."""
    try:
        major = Decimal(amount.strip())
        return pool_of_amount(money.to_minor(major)) if 0 < major <= MAX_AMOUNT else None
    except (InvalidOperation, ValueError):
        return None


def codes_in_csv(text: str) -> list[str]:
    """Give the first column of a CSV text, without its heading `code`."""
    return [row[0] for row in _rows(text)]


def amounts_in_csv(text: str) -> dict[str, list[str]]:
    """Give the codes of CSV lines `code,amount`, by amount; a line without one has the amount ""."""
    found: dict[str, list[str]] = {}
    for row in _rows(text):
        found.setdefault(row[1].strip() if len(row) > 1 else "", []).append(row[0])
    return found


def codes_as_csv(codes: Iterable[str], amount: int) -> str:
    """Write codes as `amounts_in_csv` reads them; *amount* in minor units."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["code", "amount"])
    major = f"{money.to_major(amount).normalize():f}"
    writer.writerows([code, major] for code in codes)
    return out.getvalue()


def _rows(text: str) -> list[list[str]]:
    lines = text.removeprefix("\ufeff").splitlines()  # whatever ends them
    try:
        rows = [row for row in csv.reader(lines) if row and any(row)]
    except csv.Error as error:
        raise InvalidInput(f"the CSV cannot be read: {error}") from None
    heading = bool(rows) and rows[0][0].strip().lower() == "code"
    return rows[1:] if heading else rows
