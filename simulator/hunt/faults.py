"""Stores that fail, or are overtaken, at a given moment of an invocation."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

WRITES = (
    *("save_", "apply_", "list_", "count", "mark_sent"),  # of offers
    *("write", "record", "begin", "end", "take_of_day", "charge", "void", "refund"),  # of orders
)

Store = TypeVar("Store")


class ProcessDied(Exception):
    """The process that was running is gone; nobody reports anything."""


class StoreFailed(Exception):
    """A store refused one call, as a throttled table does."""


class Moment:
    """When something happens to one invocation, over all the stores that it uses.

    Args:
        dies_after: writes after which the process ends.
        fails_after: writes after which one write is refused; and once more after as many again.
        overtaken_at: number of the call, from 0, before which *overtake* runs, once.
    """

    def __init__(
        self,
        dies_after: int | None = None,
        fails_after: int | None = None,
        overtaken_at: int | None = None,
        overtake: Callable[[], None] = lambda: None,
    ) -> None:
        self._dies_after, self._fails_after, self._overtaken_at = dies_after, fails_after, overtaken_at
        self._overtake = overtake
        self._calls = self._writes = 0
        self._failures = 2

    def before_call(self) -> None:
        self._calls += 1
        if self._overtaken_at is not None and self._calls > self._overtaken_at:
            self._overtaken_at = None
            self._overtake()

    def before_write(self) -> None:
        """Raises: ProcessDied, StoreFailed"""
        if self._writes == self._dies_after:
            raise ProcessDied
        if self._writes == self._fails_after and self._failures:
            self._failures -= 1
            self._writes = 0
            raise StoreFailed
        self._writes += 1


def at_risk(store: Store, moment: Moment) -> Store:
    """The same store for one invocation, at whose calls *moment* may strike."""
    return cast(Store, _AtRisk(store, moment))


class _AtRisk:
    def __init__(self, store: Any, moment: Moment) -> None:
        self._store, self._moment = store, moment

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._moment.before_call()
            if name == "apply_listings":
                return self._one_by_one(method, *arguments)
            if name.startswith(WRITES):
                self._moment.before_write()
            return method(*arguments, **named)

        return call

    def _one_by_one(self, apply: Callable[[list[Any]], None], changes: list[Any]) -> None:
        """Places are written one transaction each, so the process may end between two."""
        for change in changes:
            self._moment.before_write()
            apply([change])
