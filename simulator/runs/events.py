"""The events of one replication: hashed as they come, and streamed to a Parquet file in row groups.

Memory is bounded by one row group (ROW_GROUP events, 25 bytes each) and the categories of offers.
"""

import hashlib
import sys
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.runs.canonical import digest_of
from simulator.twin.catalogue import offer_id
from simulator.twin.summary import EventKind

ROW_GROUP = 65_536  # events held in memory and written at once
KIND_NAMES = [kind.name.lower() for kind in EventKind]
# Array type codes of fixed size: 8, 1, 4, 4 and 8 bytes.
TYPE_CODES = {"at_ms": "q", "kind": "B", "user": "i", "offer": "i", "value": "q"}

Whole = NDArray[np.signedinteger]
Watch = Callable[[int, int], None]


def nobody_watches(_simulated_ms: int, _sessions: int) -> None:
    """Take a report of progress and do nothing with it."""


class EventRecorder:
    """The sink of one replication's events (`simulator.twin`'s port `EventSink`).

    Args:
        path: the Parquet file to write; None keeps no events, and the digest is the same.
        categories: names of the scenario's categories, for the file.
        watch: called now and then with the simulated time since the first event (ms) and the lists served
            so far.
    Raises:
        OSError: the file cannot be written; also from `event` and `close`.
    """

    def __init__(
        self, path: Path | None, categories: Sequence[str] = (), watch: Watch = nobody_watches
    ) -> None:
        self.rows = 0
        self._watch = watch
        self._began_at_ms: int | None = None
        self._served = 0
        self._hashes = [hashlib.sha256() for _ in TYPE_CODES]
        self._file = None if path is None else _EventFile(path, categories)
        self._begin_row_group()

    def event(self, at_ms: int, kind: int, user: int, offer: int, value: int) -> None:
        """Record one event; every ROW_GROUP events they are hashed and written on the way."""
        self._at_ms.append(at_ms)
        self._kind.append(kind)
        self._user.append(user)
        self._offer.append(offer)
        self._value.append(value)
        if len(self._kind) >= ROW_GROUP:
            self._end_row_group()

    def close(self) -> None:
        """Write what is left; the file stands under its name from here on."""
        self._end_row_group()
        if self._file is not None:
            self._file.close()

    def abandon(self) -> None:
        """Remove the unfinished file."""
        if self._file is not None:
            self._file.abandon()

    def digest(self) -> str:
        """SHA-256 over all events so far, each column as little-endian integers."""
        self._end_row_group()
        return digest_of({"rows": self.rows, "columns": [running.hexdigest() for running in self._hashes]})

    def _begin_row_group(self) -> None:
        # Arrays, not lists of objects: nothing for the garbage collector to walk through.
        self._at_ms, self._kind, self._user, self._offer, self._value = self._columns = [
            array(code) for code in TYPE_CODES.values()
        ]

    def _end_row_group(self) -> None:
        columns = self._columns
        rows = len(columns[0])
        if not rows:
            return
        self._begin_row_group()
        self.rows += rows
        for column, running in zip(columns, self._hashes, strict=True):
            running.update(_little_endian(column))
        if self._file is not None:
            self._file.write(columns)
        at_ms, kinds = columns[0], columns[1]
        self._began_at_ms = at_ms[0] if self._began_at_ms is None else self._began_at_ms
        self._served += kinds.count(EventKind.RECOMMENDED)
        self._watch(at_ms[-1] - self._began_at_ms, self._served)


def _little_endian(column: "array[int]") -> "array[int]":
    if sys.byteorder == "little":
        return column
    swapped = column[:]
    swapped.byteswap()
    return swapped


class _EventFile:
    """A Parquet file that gets its name only when it is whole."""

    def __init__(self, path: Path, categories: Sequence[str]) -> None:
        # Slow to load, and a run without event files does without it.
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._pa = pa
        self._path, self._part = path, path.with_suffix(".part")
        self._kind_names, self._category_names = pa.array(KIND_NAMES), pa.array(categories, pa.string())
        self._offer_ids: list[str] = []
        self._category_of: list[int | None] = []  # by number of the offer
        text = pa.dictionary(pa.int32(), pa.string())
        self._schema = pa.schema(
            [
                ("at_ms", pa.int64()),
                ("kind", pa.dictionary(pa.uint8(), pa.string())),
                ("user", pa.int32()),
                ("offer", text),
                ("category", text),
                ("value", pa.int64()),
            ]
        )
        self._writer = pq.ParquetWriter(self._part, self._schema, compression="zstd")

    def write(self, columns: "Sequence[array[int]]") -> None:
        """Write one row group."""
        pa = self._pa
        at_ms, kind, user, offer, value = (np.asarray(column) for column in columns)
        self._learn_offers(kind, offer, value)
        offers = pa.array(offer, mask=offer < 0)
        categories = pa.array(self._category_of, pa.int32()).take(offers)
        batch = pa.record_batch(
            [
                pa.array(at_ms),
                pa.DictionaryArray.from_arrays(pa.array(kind), self._kind_names),
                pa.array(user, mask=user < 0),
                pa.DictionaryArray.from_arrays(offers, pa.array(self._offer_ids, pa.string())),
                pa.DictionaryArray.from_arrays(categories, self._category_names),
                pa.array(value),
            ],
            schema=self._schema,
        )
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()
        self._part.replace(self._path)

    def abandon(self) -> None:
        with suppress(OSError):  # closing writes a footer, which a full disk refuses
            self._writer.close()
        self._part.unlink(missing_ok=True)

    def _learn_offers(self, kind: NDArray[np.uint8], offer: Whole, value: Whole) -> None:
        """Note the categories of offers that were created in this row group; numbers may leave gaps."""
        created = kind == EventKind.OFFER_CREATED
        for number, category in zip(offer[created].tolist(), value[created].tolist(), strict=True):
            while number >= len(self._category_of):
                self._offer_ids.append(offer_id(len(self._offer_ids)))
                self._category_of.append(None)
            self._category_of[number] = category
