"""Where new codes come from."""

from collections.abc import Sequence
from typing import Protocol


class CodeSupplier(Protocol):
    def fetch(self, amount: int, count: int, batch: str) -> Sequence[str]:
        """Take up to *count* new codes worth *amount* (minor units) under the batch reference *batch*.

        Asked again under the same batch it gives the same codes again (so that a crash between taking and
        storing loses none).

        Raises:
            SupplierUnavailable: no answer, too slow, or login refused; try again later.
            SupplierChanged: its pages are not what is expected; `screenshot` has the PNG bytes.
        """
