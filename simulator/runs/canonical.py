"""The only form in which results are hashed: integers as bytes and JSON without choices.

Parquet bytes, floats and the order in which workers finish never enter a hash, so that it is the same in any
process, with any number of workers and on every supported Python.
"""

import hashlib
import json
from collections.abc import Iterable


def digest_of(value: object) -> str:
    """SHA-256 of the canonical JSON of integers, strings, lists and objects with string keys; 64 hex digits.

    Raises:
        TypeError: a float is in it, whose text would depend on how it was computed.
    """
    _without_floats(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def combined(digests: Iterable[str]) -> str:
    """One digest of several, in their order."""
    return digest_of(list(digests))


def _without_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError(f"{value!r} is a float: hash integers only")
    if isinstance(value, dict):
        for member in value.values():
            _without_floats(member)
    elif isinstance(value, list | tuple):
        for member in value:
            _without_floats(member)
