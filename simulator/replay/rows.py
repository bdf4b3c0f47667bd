"""The rows of a transaction file: each a purchase, or a fault with its line number. Nothing is guessed."""

import csv
import gzip
import io
import math
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from simulator.replay.mapping import (
    ID_PATTERN,
    Band,
    Bands,
    Mapping,
    NumberColumn,
    ProductColumn,
    QuantityColumn,
)

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_HIGHEST_VALUE = 10_000_000  # the highest price that the API takes
_SHOWN = 60  # characters of a bad value that a report repeats
_GZIP = b"\x1f\x8b"


class UnreadableData(ValueError):
    """A file that cannot be read as a whole; nothing of it is used."""


@dataclass(frozen=True, slots=True)
class RowFault:
    """A row that is left out.

    Attributes:
        line: number of the row's first line in its file, from 1; the header is line 1.
        reason: stable code, for counting.
        detail: field and value, for people.
    """

    line: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Purchase:
    """One row.

    Attributes:
        customer: user id, prefix included.
        basket: the basket's id, or the line number where each row is a basket.
        at: epoch seconds, UTC unless the timestamp says otherwise; of the day's begin when the time of
            day is yet to be drawn.
        product: product id as the file has it, or a band's id.
        quantity: as the file has it; below 0 = a return.
        value_hundredths: value in hundredths of the file's currency, >= 0, also of a return.
    """

    line: int
    customer: str
    basket: str
    at: int
    product: str
    quantity: float
    value_hundredths: int


class _Bad(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def shown(value: str) -> str:
    """A bad value as a report repeats it: quoted, cut off, control characters escaped."""
    cut = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
    return ascii(cut) if any("\ud800" <= sign <= "\udfff" for sign in cut) else repr(cut)


def read_records(
    path: Path, delimiter: str, columns: Sequence[str], progress: Callable[[float], None]
) -> Iterator[tuple[int, list[str] | RowFault]]:
    """Read a CSV file with a header, plain or gzipped, as UTF-8, one record at a time.

    Args:
        columns: the columns wanted.
        progress: called now and then with the share of the file that was read, 0..1.
    Yields:
        A record's first line and the wanted values in the order of *columns*, or what is wrong with it.
        Empty lines are passed over.
    Raises:
        UnreadableData: the file is missing, damaged, empty or lacks a column.
    """
    with _reading(path) as (text, share):
        records = csv.reader(text, delimiter=delimiter, strict=True)
        header = _header(path, records)
        places = [_place(path, header, column) for column in columns]
        line = records.line_num + 1
        while True:
            try:
                fields = next(records, None)
            except csv.Error as fault:
                lines = f"{line}" if records.line_num <= line else f"{line} to {records.line_num}"
                yield line, RowFault(line, "not_csv", f"{fault} (lines left out: {lines})")
            else:
                if fields is None:
                    break
                if len(fields) not in (0, len(header)):
                    detail = f"{len(fields)} fields where the header has {len(header)}"
                    yield line, RowFault(line, "wrong_number_of_fields", detail)
                elif fields:
                    yield line, _wanted(line, fields, places)
            if line % 1024 == 0:
                progress(share())
            line = records.line_num + 1
    progress(1.0)


def _wanted(line: int, fields: list[str], places: list[int]) -> list[str] | RowFault:
    values = [fields[place].strip() for place in places]
    for value in values:
        if any("\udc80" <= sign <= "\udcff" for sign in value):
            return RowFault(line, "not_utf8", shown(value))
    return values


@contextmanager
def _reading(path: Path) -> Iterator[tuple[io.TextIOWrapper, Callable[[], float]]]:
    try:
        with path.open("rb") as raw:
            size = max(1, path.stat().st_size)
            zipped = raw.read(2) == _GZIP
            raw.seek(0)
            binary = gzip.GzipFile(fileobj=raw) if zipped else raw
            # Bytes that are no UTF-8 become lone surrogates, so that only their own row is refused.
            text = io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")
            yield text, lambda: raw.tell() / size
    except (EOFError, gzip.BadGzipFile, zlib.error) as fault:
        raise UnreadableData(f"{path}: damaged or cut short ({fault})") from fault
    except OSError as fault:
        raise UnreadableData(f"{path}: {fault.strerror or fault}") from fault


def _header(path: Path, records: Iterator[list[str]]) -> list[str]:
    try:
        header = next(records, None)
    except csv.Error as fault:
        raise UnreadableData(f"{path}:1: the header is not CSV: {fault}") from fault
    if not header:
        raise UnreadableData(f"{path}: empty; the first line must name the columns")
    return [name.strip() for name in header]


def _place(path: Path, header: list[str], column: str) -> int:
    if header.count(column) != 1:
        found = "more than one column" if column in header else "no column"
        raise UnreadableData(f"{path}:1: {found} {column!r}; the file has {', '.join(header)}")
    return header.index(column)


def read_purchases(
    path: Path, mapping: Mapping, progress: Callable[[float], None] = lambda _: None
) -> Iterator[Purchase | RowFault]:
    """Read a transaction file row by row.

    Raises:
        UnreadableData
    """
    columns = mapping.columns
    reader = _RowReader(mapping, list(columns.values()))
    for line, record in read_records(path, mapping.delimiter, list(columns.values()), progress):
        if isinstance(record, RowFault):
            yield record
            continue
        try:
            yield reader.purchase(line, record)
        except _Bad as bad:
            yield RowFault(line, bad.reason, bad.detail)


class _RowReader:
    """Reads the values of a row as the mapping says."""

    def __init__(self, mapping: Mapping, columns: list[str]) -> None:
        self._mapping = mapping
        self._place = {column: place for place, column in enumerate(columns)}

    def purchase(self, line: int, record: list[str]) -> Purchase:
        mapping = self._mapping
        customer = self._required(record, mapping.customer.column)
        basket = str(line) if mapping.basket is None else self._required(record, mapping.basket.column)
        quantity = self._quantity(record)
        return Purchase(
            line=line,
            customer=checked_id(mapping.customer.prefix + customer, mapping.customer.column),
            basket=basket,
            at=self._time(record),
            product=self._product(record, is_return=quantity < 0),
            quantity=quantity,
            value_hundredths=round(100 * self._value(record, is_return=quantity < 0)),
        )

    def _required(self, record: list[str], column: str) -> str:
        value = record[self._place[column]]
        if not value:
            raise _Bad("missing_value", f"{column} is empty")
        return value

    def _time(self, record: list[str]) -> int:
        stamp = self._mapping.timestamp
        value = self._required(record, stamp.column)
        try:
            time = datetime.strptime(value, stamp.format)  # noqa: DTZ007
            return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
        except (ValueError, OverflowError):
            raise _Bad("unreadable_time", f"{stamp.column} is {shown(value)}") from None

    def _quantity(self, record: list[str]) -> float:
        part = self._mapping.quantity
        if not isinstance(part, QuantityColumn):
            return part.constant
        return self._at_least(part.minimum, record, part.column)

    def _value(self, record: list[str], is_return: bool) -> float:
        """Files differ in whether the value of a return has a sign."""
        part = self._mapping.value
        if not isinstance(part, NumberColumn):
            return part.constant
        if is_return:
            value = abs(self._read_number(record, part.column))
        else:
            value = self._at_least(part.minimum, record, part.column)
        if value > _HIGHEST_VALUE:
            raise _Bad("number_too_large", f"{part.column} is {value:g}, the most is {_HIGHEST_VALUE:g}")
        return value

    def _at_least(self, minimum: float | None, record: list[str], column: str) -> float:
        number = self._read_number(record, column)
        if minimum is not None and number < minimum:
            raise _Bad("number_too_small", f"{column} is {number:g}, the least is {minimum:g}")
        return number

    def _read_number(self, record: list[str], column: str) -> float:
        value = self._required(record, column)
        number = float(value) if _NUMBER.fullmatch(value) else math.nan
        if not math.isfinite(number):
            raise _Bad("not_a_number", f"{column} is {shown(value)}")
        return number

    def _product(self, record: list[str], is_return: bool) -> str:
        part = self._mapping.product
        if isinstance(part, ProductColumn):
            product = self._required(record, part.column)
            checked_id(part.prefix + product, part.column)
            return product
        bands = part.bands
        number = self._read_number(record, bands.column)
        return band_of(abs(number) if is_return else number, bands).id


def band_of(number: float, bands: Bands) -> Band:
    """The first band whose bound lies above *number*."""
    for band in bands.bands:
        if band.below is None or number < band.below:
            return band
    raise _Bad("above_all_bands", f"{bands.column} is {number:g}")


def checked_id(text: str, column: str) -> str:
    """An id that the API takes; it is not bent into one."""
    if not re.fullmatch(ID_PATTERN, text):
        raise _Bad("not_an_id", f"{column} gives {shown(text)}, which does not match {ID_PATTERN}")
    return text
