"""The same request twice has one answer; the same key for another request is refused."""

import pytest

from offerloop.errors import IdempotencyKeyReused, InvalidInput
from offerloop.idempotency import KEPT_FOR_S, AnsweredRequest, IdempotentRequest, answered, recall
from tests.factories import NOON

ANSWER = {"event_id": "e1"}


class OneAnswer:
    """A store that remembers what it is given, under any key."""

    def __init__(self, found: AnsweredRequest | None) -> None:
        self.found = found

    def find(self, scope: str, key: str) -> AnsweredRequest | None:
        return self.found


def a_request(body: bytes = b"{}") -> IdempotentRequest:
    return IdempotentRequest.of("shop:POST /x", "k1", body)


def test_an_answer_is_recalled_until_its_end():
    store = OneAnswer(answered(a_request(), ANSWER, NOON))

    assert recall(a_request(), store, NOON + KEPT_FOR_S - 1) == ANSWER
    assert recall(a_request(), store, NOON + KEPT_FOR_S) is None


def test_another_body_under_the_same_key_is_refused_until_the_end():
    store = OneAnswer(answered(a_request(), ANSWER, NOON))

    with pytest.raises(IdempotencyKeyReused):
        recall(a_request(b"other"), store, NOON)
    assert recall(a_request(b"other"), store, NOON + KEPT_FOR_S) is None


def test_without_a_key_or_an_answer_a_request_is_new():
    assert recall(None, OneAnswer(answered(a_request(), ANSWER, NOON)), NOON) is None
    assert recall(a_request(), OneAnswer(None), NOON) is None
    assert answered(None, ANSWER, NOON) is None


@pytest.mark.parametrize("key", ["", "k" * 256, "käse", "a\nb", "🎁"])
def test_a_key_is_short_printable_ascii(key):
    with pytest.raises(InvalidInput):
        IdempotentRequest.of("scope", key, b"")
