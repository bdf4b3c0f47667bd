"""Going over many things of which one may be broken: it is told of, and the others are done."""

from collections.abc import Callable

# Told, inside the exception's handler, what could not be handled and why.
Trouble = Callable[[str, Exception], object]


class SweepIncomplete(Exception):
    """Some things could not be handled; all the others were."""


def stop(_: str, error: Exception) -> None:
    """A `Trouble` that goes no further."""
    raise error
