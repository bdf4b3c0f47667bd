"""What a step is answered, and requests under a key."""

from collections.abc import Mapping

from offerloop.idempotency import IdempotentRequest

Answer = Mapping[str, object]
DONE: Answer = {"done": True}
ID_GONE: Answer = {"refused": "id_gone"}


def is_accepted(answer: Answer) -> bool:
    """Whether a step was not refused."""
    return "refused" not in answer


def request_of(key: str | None, scope: str, body: str) -> IdempotentRequest | None:
    """A request under a key, or None without one."""
    return None if key is None else IdempotentRequest.of(scope, key, body.encode())
