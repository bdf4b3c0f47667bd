"""The functions of promo codes in memory: the use cases on the memory adapters, wired as the handlers do."""

from collections.abc import Callable, Collection, Iterable, Mapping

from offerloop.clock import Clock, Ids
from offerloop.codes.claim_code import ClaimCode, claim_code
from offerloop.codes.manage_pools import create_pool
from offerloop.codes.model import Level, Pool, SupplierKind
from offerloop.codes.ports import CodeSupplier
from offerloop.codes.replenish_pool import Replenishing, replenish_pool
from offerloop.codes.watch_pools import RunReport, Watching, sweep_pools, watch_pools
from offerloop.idempotency import Answer, IdempotentRequest
from simulator.memory.code_runs import MemoryCodeFiles, MemoryRunStore
from simulator.memory.codes import MemoryCodeStore
from simulator.memory.world import MemoryWorld


class CodeSystem:
    """The part of one deployment that gives out promo codes and refills their pools.

    Args:
        written: called after every call that may have written.
        report: told of each step of a run.
        levels: told of a pool's level after each call that may have changed it.
    """

    def __init__(
        self,
        world: MemoryWorld,
        clock: Clock,
        ids: Ids,
        *,
        suppliers: Mapping[SupplierKind, CodeSupplier],
        written: Callable[[], None] = lambda: None,
        report: RunReport = lambda *_: None,
        levels: Callable[[str, Level], None] = lambda *_: None,
    ) -> None:
        self._clock, self._written, self._levels = clock, written, levels
        self.store, runs = MemoryCodeStore(world), MemoryRunStore(world)
        self._watching = Watching(self.store, runs, clock, ids, report)
        self._replenishing = Replenishing(self.store, runs, suppliers, MemoryCodeFiles(), clock, report)

    # -- get-promo-code and promo-code-admin -----------------------------------------------------------

    def create(self, pool: Pool, codes: Collection[str]) -> None:
        """Create a pool with some codes in it."""
        create_pool(pool, codes=self.store, clock=self._clock)
        self.store.add(pool, codes)
        self._changed(pool.pool_id)

    def claim(self, pool_id: str, holder_id: str, request: IdempotentRequest | None = None) -> Answer:
        """Raises:
        Refusal: see `claim_code`.
        """
        command = ClaimCode(pool_id, holder_id)
        answer = claim_code(command, codes=self.store, clock=self._clock, request=request)
        self._changed(pool_id)
        return answer

    # -- consumers and the minute rule -----------------------------------------------------------------

    def watch(self, pool_ids: Iterable[str]) -> None:
        """code-pool-watcher."""
        watch_pools(pool_ids, self._watching)
        self._written()

    def replenish(self, run_id: str, pool_id: str) -> None:
        """replenish-promo-code: one attempt at a run.

        Raises:
            TryAgain: the attempt was in vain, or another is under way.
        """
        replenish_pool(run_id, pool_id, self._replenishing)
        self._changed(pool_id)

    def sweep(self) -> None:
        """code-sweeper, once a minute."""
        sweep_pools(self._watching)
        self._written()

    def _changed(self, pool_id: str) -> None:
        self._levels(pool_id, self.store.level(pool_id))
        self._written()
