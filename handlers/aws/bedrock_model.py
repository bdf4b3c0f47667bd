"""A language model on Amazon Bedrock, within a fixed time.

Source:
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from offerloop.assistant.model import ModelGaveNoAnswer

BUDGET_S = 5.0
MAX_TOKENS = 600  # some 2,000 characters of English

# Each single wait ends before the budget does, so that a call that nobody waits for any more ends soon; one
# try, because a second would take its time from the template that can answer at once.
CLIENT_CONFIG = Config(
    connect_timeout=1, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 1}
)
# Whatever else stops a model leaves half an answer, or none.
FINISHED = frozenset({"end_turn", "stop_sequence"})


class BedrockModel:
    """`LanguageModel` through the Converse API.

    The call runs in a thread of its own: the client's timeouts count each wait on the socket, name look-up,
    connection and every part of the answer anew, and the budget is for all of them together.

    Args:
        runtime: a boto3 client of `bedrock-runtime`, made with CLIENT_CONFIG.
        model_id: of a foundation model or of an inference profile.
    """

    def __init__(self, runtime: Any, model_id: str, budget_s: float = BUDGET_S) -> None:
        self._runtime = runtime
        self._model_id = model_id
        self._budget_s = budget_s

    def complete(self, instructions: str, message: str) -> str:
        outcome: SimpleQueue[dict[str, Any] | Exception] = SimpleQueue()
        Thread(target=self._converse, args=(instructions, message, outcome), daemon=True).start()
        try:
            answer = outcome.get(timeout=self._budget_s)
        except Empty:
            raise ModelGaveNoAnswer("slow") from None
        if isinstance(answer, ClientError):
            raise ModelGaveNoAnswer(str(answer.response["Error"]["Code"])) from answer
        if isinstance(answer, BotoCoreError):
            raise ModelGaveNoAnswer(type(answer).__name__) from answer
        if isinstance(answer, Exception):
            raise answer
        return _text(answer)

    def _converse(
        self, instructions: str, message: str, outcome: "SimpleQueue[dict[str, Any] | Exception]"
    ) -> None:
        try:
            answer = self._runtime.converse(
                modelId=self._model_id,
                system=[{"text": instructions}],
                messages=[{"role": "user", "content": [{"text": message}]}],
                inferenceConfig={"maxTokens": MAX_TOKENS},
            )
        except Exception as error:  # for the thread that waits: it knows which of them are answers
            outcome.put(error)
        else:
            outcome.put(answer)


def _text(answer: dict[str, Any]) -> str:
    if answer["stopReason"] not in FINISHED:
        raise ModelGaveNoAnswer(str(answer["stopReason"]))
    content = answer.get("output", {}).get("message", {}).get("content", [])
    return "".join(str(block["text"]) for block in content if "text" in block)
