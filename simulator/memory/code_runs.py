"""Replenishment runs and the files around pools, in memory."""

from collections.abc import Sequence

from offerloop.codes.files import StoredFile, digest_of
from offerloop.codes.runs import Run
from offerloop.errors import InvalidInput
from offerloop.idempotency import Stale
from offerloop.outbox import Message
from simulator.memory.world import MemoryWorld


class MemoryRunStore:
    """`RunStore`."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world

    def last(self, pool_id: str) -> Run | None:
        runs = self._world.runs.get(pool_id)
        return runs[-1] if runs else None

    def start(self, run: Run, previous: Run | None, message: Message) -> None:
        if self.last(run.pool_id) != previous:
            raise Stale
        self._world.runs.setdefault(run.pool_id, []).append(run)
        self._world.put_message(message)

    def write(self, before: Run, after: Run) -> None:
        if self.last(before.pool_id) != before:
            raise Stale
        self._world.runs[before.pool_id][-1] = after

    def history(self, pool_id: str, limit: int) -> Sequence[Run]:
        return self._world.runs.get(pool_id, [])[: -limit - 1 : -1]


class MemoryCodeFiles:
    """`CodeFiles`."""

    def __init__(self) -> None:
        self.files: dict[str, StoredFile] = {}
        self.written = 0

    def read(self, name: str, limit: int | None = None) -> StoredFile | None:
        file = self.files.get(name)
        if file is not None and limit is not None and len(file.content) > limit:
            raise InvalidInput(f"the file is larger than {limit} bytes")
        return file

    def replace(self, name: str, content: bytes, etag: str | None) -> None:
        file = self.files.get(name)
        if (None if file is None else file.etag) != etag:
            raise Stale
        self.put(name, content)

    def put(self, name: str, content: bytes) -> None:
        self.put_foreign(name, content, digest_of(content))

    def put_foreign(self, name: str, content: bytes, digest: str | None = None) -> None:
        """Write as any other client does."""
        self.written += 1
        self.files[name] = StoredFile(content, f"etag-{self.written}", digest)
