"""The pool of promo codes and its supplier, as a scenario describes them."""

from collections.abc import Iterator, Sequence
from enum import Enum

from offerloop.codes.generate import GeneratorSupplier
from offerloop.codes.model import Pool, SupplierKind
from offerloop.codes.replenish_pool import ATTEMPT_S
from offerloop.errors import SupplierUnavailable
from simulator.memory.order_system import CURRENCY
from simulator.scenario.model import Codes, Supplier
from simulator.shoppers.streams import Streams
from simulator.twin.weather import delays_s

POOL_ID = "twin"
SUPPLIER = SupplierKind.BROWSER  # the one that is slow, and fails


class CutOff(Exception):
    """The function was ended in the middle of an attempt: its time was up."""


class Ending(Enum):
    """How an attempt ends."""

    WITH_CODES = "with codes"
    IN_VAIN = "in vain"
    CUT_OFF = "cut off"


class TwinSupplier:
    """`CodeSupplier`: the generator's codes, late and in vain as the scenario says.

    The virtual clock stands still within a call. So how an attempt is to end is said beforehand, by whoever
    lets the time pass that it takes.

    Attributes:
        ending: of the next attempt.
    """

    def __init__(self, section: Supplier, streams: Streams) -> None:
        self.ending = Ending.WITH_CODES
        self._failure_rate = section.failure_rate
        self._lead_times_s: Iterator[float] = delays_s(section.lead_time_ms, streams, "supplier")
        self._chances = streams.generator("supplier")
        self._generator = generator(streams)

    def next_attempt(self) -> tuple[float, Ending]:
        """For how many seconds an attempt goes on, and how it ends."""
        takes_s = next(self._lead_times_s)
        fails = self.draw() < self._failure_rate
        if takes_s >= ATTEMPT_S:
            return ATTEMPT_S, Ending.CUT_OFF
        return takes_s, Ending.IN_VAIN if fails else Ending.WITH_CODES

    def fetch(self, pool: Pool, count: int, batch: str) -> Sequence[str]:
        if self.ending is Ending.CUT_OFF:
            raise CutOff
        if self.ending is Ending.IN_VAIN:
            raise SupplierUnavailable("the supplier gave no answer")
        return self._generator.fetch(pool, count, batch)

    def draw(self) -> float:
        """A number in [0, 1)."""
        return float(self._chances.random())


def pool_of(section: Codes) -> Pool:
    """The pool, still empty."""
    return Pool(
        pool_id=POOL_ID,
        name="Codes of the scenario",
        amount=section.amount,
        currency=CURRENCY,
        supplier=SupplierKind.NONE if section.supplier is None else SUPPLIER,
        threshold=section.threshold,
        batch=section.batch,
        per_holder=section.per_holder,
        valid_days=section.valid_days,
    )


def generator(streams: Streams) -> GeneratorSupplier:
    """Codes that follow from the seed."""
    return GeneratorSupplier(f"twin {streams.seed} {streams.replication}".encode())


def first_codes(section: Codes, pool: Pool, streams: Streams) -> Sequence[str]:
    """What is in the pool at first."""
    return generator(streams).fetch(pool, section.units, "first") if section.units else ()
