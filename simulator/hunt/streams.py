"""What waits to be delivered, in the order and with the repetitions that the cloud allows."""

import random
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

Record = TypeVar("Record")


class RecordStream(Generic[Record]):
    """Records in the order in which they were written; only records of one key are sure to keep it.

    Args:
        key_of: the partition of a record.
    """

    def __init__(self, key_of: Callable[[Record], Hashable]) -> None:
        self._key_of = key_of
        self._waiting: list[Record] = []
        self._delivered: list[Record] = []

    def __len__(self) -> int:
        """How many records wait."""
        return len(self._waiting)

    def put(self, records: Iterable[Record]) -> None:
        self._waiting += records

    def take(self, count: int, *, shuffle: int = 0, but: Sequence[Record] = ()) -> list[Record]:
        """Take up to *count* waiting records.

        Args:
            shuffle: number of the random order of keys; 0 = as the records were written.
            but: none of these records' keys.
        """
        others = {self._key_of(record) for record in but}
        candidates = [record for record in self._waiting if self._key_of(record) not in others]
        if shuffle:
            keys = list(dict.fromkeys(map(self._key_of, candidates)))
            random.Random(shuffle).shuffle(keys)
            candidates.sort(key=lambda record: keys.index(self._key_of(record)))
        taken = candidates[:count]
        self._waiting = [record for record in self._waiting if not any(record is one for one in taken)]
        return taken

    def delivered_before(self, count: int, back: int) -> list[Record]:
        """*count* records that were delivered, leaving out the latest *back*; oldest first."""
        end = max(0, len(self._delivered) - back)
        return self._delivered[max(0, end - count) : end]

    def note_delivered(self, records: Sequence[Record]) -> None:
        self._delivered += records

    def put_back(self, records: Sequence[Record]) -> None:
        """Records of a failed batch wait at the head again."""
        self._waiting[:0] = records
