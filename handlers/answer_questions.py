"""order-chatbot: POST /chatbot, for the shop or the customer."""

from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from pydantic import StringConstraints

from handlers import wiring
from handlers.bodies import Id
from handlers.callers import admit_public, known_caller
from handlers.rest import Body, entry_point, parse, raw_body, rest_app
from offerloop.assistant.answer_question import answer_question
from offerloop.assistant.question import MAX_QUESTION_LENGTH
from offerloop.errors import FieldError, InvalidInput

logger = Logger()
app = rest_app(logger, {"/chatbot": "POST"}, wiring.settings().cors_origins)


class QuestionBody(Body):
    """*customerId* is whose orders the question is about; a token beats it, and needs none."""

    query: Annotated[str, StringConstraints(min_length=1, max_length=MAX_QUESTION_LENGTH)]
    customerId: Id | None = None


@app.post("/chatbot")
def post_chatbot() -> dict[str, object]:
    caller = known_caller(app)
    body = parse(QuestionBody, raw_body(app))
    customer_id = caller.acts_for(body.customerId or "")
    if not customer_id:
        field = FieldError("customerId", "is needed with the API key: whose orders is the question about?")
        raise InvalidInput("the customer is missing", [field])
    admit_public(caller, customer_id)
    answer = answer_question(body.query, customer_id, store=wiring.orders(), model=wiring.language_model())
    with single_metric("ChatAnswers", MetricUnit.Count, 1, namespace="Offerloop") as metric:
        metric.add_dimension("source", answer.source.value)
    logger.info(  # without the question, which may hold anything
        "Question answered",
        customer_id=customer_id,
        intent=answer.intent.value,
        source=answer.source.value,
        fallback=answer.fallback,
        orders=list(answer.orders),
    )
    return {"answer": answer.text, "source": answer.source.value, "orders": list(answer.orders)}


handle = entry_point(app, logger)
