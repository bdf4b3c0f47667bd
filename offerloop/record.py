"""How values are declared: frozen to the type checker, cheap to make at run time.

A frozen dataclass sets each field through `object.__setattr__`, which makes it three times as dear to
build as a plain one. The use cases build some forty fields per event, and the simulator runs them
thousands of times a second: it was a fifth of its time. So mypy sees a frozen dataclass and refuses any
assignment in offerloop, simulator and harness; at run time nothing stands in the way, and the hash is that
of the fields, as for a frozen one. docs/decisions/0011-records.md has the measurement.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:
    from dataclasses import dataclass

    def record(*, frozen, slots):
        """`dataclass`, with *frozen* left to the type checker."""
        return dataclass(slots=slots, unsafe_hash=frozen)


__all__ = ["record"]
