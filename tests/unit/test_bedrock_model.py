"""The language model on Bedrock: one try, five seconds, and every way in which it does not answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.stub import Stubber

from handlers.aws.bedrock_model import BUDGET_S, CLIENT_CONFIG, MAX_TOKENS, BedrockModel
from offerloop.assistant.model import ModelGaveNoAnswer
from tests.unreachable_aws import a_client

HANGS_AT_MOST_S = 10  # so that a test that fails ends
MODEL = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
ASKED = {
    "modelId": MODEL,
    "system": [{"text": "Be kind."}],
    "messages": [{"role": "user", "content": [{"text": "Where is it?"}]}],
    "inferenceConfig": {"maxTokens": MAX_TOKENS},
}


def said(*texts: str, stop_reason: str = "end_turn") -> dict[str, Any]:
    """An answer in the form that the API has."""
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text} for text in texts]}},
        "stopReason": stop_reason,
        "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15},
        "metrics": {"latencyMs": 321},
    }


@pytest.fixture
def bedrock() -> Iterator[Stubber]:
    with Stubber(a_client("bedrock-runtime")) as stubber:
        yield stubber


def complete(stubber: Stubber) -> str:
    return BedrockModel(stubber.client, MODEL).complete("Be kind.", "Where is it?")


def reason_of_silence(model: BedrockModel) -> str:
    with pytest.raises(ModelGaveNoAnswer) as silence:
        model.complete("Be kind.", "Where is it?")
    return silence.value.reason


def test_the_answer_is_the_text_of_all_its_parts(bedrock: Stubber) -> None:
    bedrock.add_response("converse", said("On its", " way."), ASKED)

    assert complete(bedrock) == "On its way."
    bedrock.assert_no_pending_responses()


def test_an_answer_without_text_is_empty(bedrock: Stubber) -> None:
    bedrock.add_response("converse", said(), ASKED)

    assert complete(bedrock) == ""


@pytest.mark.parametrize(
    "stop_reason",
    ["guardrail_intervened", "content_filtered", "max_tokens", "tool_use", "malformed_model_output"],
)
def test_an_answer_that_was_stopped_is_none(bedrock: Stubber, stop_reason: str) -> None:
    bedrock.add_response("converse", said("I must", stop_reason=stop_reason), ASKED)

    assert reason_of_silence(BedrockModel(bedrock.client, MODEL)) == stop_reason


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 429),
        ("AccessDeniedException", 403),
        ("ResourceNotFoundException", 404),
        ("ModelTimeoutException", 408),
        ("ModelErrorException", 424),
        ("ModelNotReadyException", 429),
        ("ServiceUnavailableException", 503),
        ("InternalServerException", 500),
        ("ValidationException", 400),
    ],
)
def test_a_refusal_of_the_service_is_no_answer_and_not_tried_again(
    bedrock: Stubber, code: str, status: int
) -> None:
    bedrock.add_client_error("converse", code, http_status_code=status, expected_params=ASKED)

    assert reason_of_silence(BedrockModel(bedrock.client, MODEL)) == code
    bedrock.assert_no_pending_responses()


class Runtime:
    """A client that takes its time, or fails in a way of its own."""

    def __init__(self, until: threading.Event | None = None, error: Exception | None = None) -> None:
        self.until, self.error = until, error

    def converse(self, **asked: Any) -> dict[str, Any]:
        if self.until is not None:
            self.until.wait(HANGS_AT_MOST_S)
        if self.error is not None:
            raise self.error
        return said(json.dumps(asked))


@pytest.mark.parametrize("error", [ReadTimeoutError, ConnectTimeoutError])
def test_a_timeout_of_the_connection_is_no_answer(error: type[Exception]) -> None:
    runtime = Runtime(error=error(endpoint_url="https://bedrock.example"))

    assert reason_of_silence(BedrockModel(runtime, MODEL)) == error.__name__


def test_what_takes_longer_than_the_budget_in_all_is_not_waited_for() -> None:
    """However the time is spent: the connection's own timeouts count each wait anew."""
    answers = threading.Event()

    assert reason_of_silence(BedrockModel(Runtime(until=answers), MODEL, budget_s=0.05)) == "slow"
    answers.set()


def test_a_fault_of_ours_is_not_taken_for_silence() -> None:
    with pytest.raises(TypeError, match="ours"):
        BedrockModel(Runtime(error=TypeError("ours")), MODEL).complete("Be kind.", "Where is it?")


def test_a_call_that_nobody_waits_for_ends_by_itself_and_is_made_once() -> None:
    assert (BUDGET_S, CLIENT_CONFIG.retries["total_max_attempts"]) == (5, 1)
    assert CLIENT_CONFIG.connect_timeout + CLIENT_CONFIG.read_timeout <= BUDGET_S
