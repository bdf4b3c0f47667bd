"""Idempotency-Key: the same request twice has one effect and one answer.

The record of a request is written in the same transaction as its effect, so there is no moment at which
one exists without the other. Its end is checked here, not left to the table's TTL.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Protocol

from offerloop.errors import IdempotencyKeyReused, InvalidInput
from offerloop.record import record

KEPT_FOR_S = 24 * 3600
MAX_KEY_LENGTH = 255

Answer = Mapping[str, str | int | float | bool | None]


@record(frozen=True, slots=True)
class IdempotentRequest:
    """One request under a key.

    Attributes:
        scope: caller and route; the same key of another caller or route is another request.
        fingerprint: SHA-256 of the body, hex.
    """

    scope: str
    key: str
    fingerprint: str

    @classmethod
    def of(cls, scope: str, key: str, body: bytes) -> "IdempotentRequest":
        """Raises:
        InvalidInput: the key is empty, too long or not printable ASCII.
        """
        if not 0 < len(key) <= MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
            raise InvalidInput(f"Idempotency-Key must be 1 to {MAX_KEY_LENGTH} printable ASCII characters")
        return cls(scope, key, hashlib.sha256(body).hexdigest())


@record(frozen=True, slots=True)
class AnsweredRequest:
    """A request with the answer that it got, to be stored until *expires_at* (epoch seconds)."""

    request: IdempotentRequest
    answer: Answer
    expires_at: int


class IdempotencyStore(Protocol):
    """Where answers are remembered; they are written by the store that writes the effect."""

    def find(self, scope: str, key: str) -> AnsweredRequest | None:
        """The remembered answer under this scope and key, expired or not."""

    def remember_answer(self, answered: AnsweredRequest | None, now: int) -> None:
        """Store the answer to a request that has no other effect; nothing for one without a key.

        Raises:
            Stale: a twin of the request was answered meanwhile.
        """


class Stale(Exception):
    """What a decision was based on has changed; read again and decide again."""


def recall(request: IdempotentRequest | None, store: IdempotencyStore, now: int) -> Answer | None:
    """The answer that this request got before, or None when it is new.

    Raises:
        IdempotencyKeyReused: the key was used for another body within the last 24 hours.
    """
    if request is None:
        return None
    found = store.find(request.scope, request.key)
    if found is None or found.expires_at <= now:
        return None
    if found.request.fingerprint != request.fingerprint:
        raise IdempotencyKeyReused("this Idempotency-Key was used with another body")
    return found.answer


def answered(request: IdempotentRequest | None, answer: Answer, now: int) -> AnsweredRequest | None:
    """The record to write together with the effect, or None without a key."""
    return None if request is None else AnsweredRequest(request, answer, now + KEPT_FOR_S)


def answer_once(
    request: IdempotentRequest | None,
    answer: Answer,
    write: Callable[[AnsweredRequest | None], object],
    *,
    store: IdempotencyStore,
    now: int,
) -> Answer:
    """Write an effect with its answer, unless the request was answered before.

    Args:
        write: stores the effect and the record that it is given in one transaction; raises Stale when a
            twin of the request was answered meanwhile.
    Returns:
        *answer*, or the one that the request got before.
    Raises:
        IdempotencyKeyReused, and what *write* refuses.
    """
    remembered = recall(request, store, now)
    if remembered is not None:
        return remembered
    try:
        write(answered(request, answer, now))
    except Stale:
        return recall(request, store, now) or answer
    return answer
