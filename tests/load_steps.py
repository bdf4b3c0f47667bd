"""Steps of a load test carried out without a network: every pause is skipped, every answer is at hand."""

from collections.abc import Callable

from loadtests.visits import Answer, Request, Steps


def sent(steps: Steps, answer: Callable[[Request], Answer]) -> list[Request]:
    """Go through steps without pauses; gives every request."""
    requests: list[Request] = []
    try:
        step = next(steps)
        while True:
            if isinstance(step, Request):
                requests.append(step)
                step = steps.send(answer(step))
            else:
                step = next(steps)
    except StopIteration:
        return requests
