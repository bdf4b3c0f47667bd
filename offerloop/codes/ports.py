"""What the codes system needs from the world. Every port has one contract suite, run on each adapter."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from offerloop.codes.model import Code, Level, Pool
from offerloop.idempotency import AnsweredRequest, IdempotencyStore
from offerloop.record import record


@record(frozen=True, slots=True)
class Claim:
    """What one claim asks for.

    Attributes:
        holder_id: to whom the code will belong; None = whoever presents it.
        answered: the record to store with the claim, of a request under a key; it names the code.
    """

    pool: Pool
    holder_id: str | None
    at_ms: int
    answered: Callable[[Code], AnsweredRequest | None]


@record(frozen=True, slots=True)
class CodePage:
    """One page of codes; *cursor* is None on the last."""

    codes: tuple[Code, ...]
    cursor: str | None


class CodeStore(IdempotencyStore, Protocol):
    # -- pools -----------------------------------------------------------------------------------------

    def pool(self, pool_id: str) -> Pool:
        """Raises:
        UnknownPool
        """

    def recent_pool(self, pool_id: str) -> Pool:
        """A pool as it stood a few seconds ago or later: what a claim needs, often without a read.

        Raises:
            UnknownPool
        """

    def pools(self) -> Sequence[Pool]:
        """All pools, by id."""

    def pool_ids(self) -> Sequence[str]:
        """The ids of all pools, in alphabetical order: one that cannot be read is named as well."""

    def create_pool(self, pool: Pool, answered: AnsweredRequest | None) -> None:
        """Raises:
        PoolExists
        Stale: the Idempotency-Key was just answered by a concurrent twin.
        """

    def change_pool(self, pool_id: str, changes: Mapping[str, str | int | None]) -> Pool:
        """Set attributes by their `Pool` field name, never amount or currency; returns the pool as changed.

        Raises:
            UnknownPool
        """

    def level(self, pool_id: str) -> Level:
        """How many codes are where, strongly consistent, at a cost that does not grow with the pool."""

    # -- codes -----------------------------------------------------------------------------------------

    def add(self, pool: Pool, codes: Collection[str]) -> frozenset[str]:
        """Put codes into a pool; those that any pool has ever seen are left as they are.

        Args:
            codes: canonical.
        Returns:
            Those that are new.
        """

    def claim(self, claim: Claim) -> Code:
        """Give one free code out, and never the same one twice; which one is not said.

        The number of reads and writes does not depend on the size of the pool.

        Raises:
            PoolEmpty: no free code is left.
            HolderLimitReached: the holder has claimed as many of this pool as one may.
            Stale: the request was just answered by a concurrent twin.
            Busy: others kept taking the same codes beyond the adapter's retries.
        """

    def withdraw(self, code: str) -> Code:
        """Take a free code out of its pool for good; one that is VOID already stays so.

        Raises:
            UnknownCode
            CodeNotFree: it was given out.
        """

    def code(self, code: str) -> Code | None:
        """One code, strongly consistent; None for one that no pool has ever seen."""

    def free(self, pool_id: str, limit: int) -> Sequence[str]:
        """Up to *limit* free codes of a pool, strongly consistent, in alphabetical order."""

    def of_holder(self, holder_id: str, limit: int, cursor: str | None) -> CodePage:
        """A holder's codes, the last claimed first; eventually consistent.

        Raises:
            InvalidInput: the cursor is not one of ours.
        """


class CodeSupplier(Protocol):
    """Where new codes come from."""

    def fetch(self, pool: Pool, count: int, batch: str) -> Sequence[str]:
        """Take up to *count* (> 0) new codes for a pool, under a reference of ours.

        Asked again under the same reference it gives the same codes, so that a crash between taking and
        storing them loses none.

        Raises:
            SupplierUnavailable: no answer, too slow an answer, or the login was refused; try again later.
            SupplierChanged: what it shows is not what we know how to read.
        """
