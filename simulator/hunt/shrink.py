"""Make a script that breaks a law as short and plain as it can be.

Hypothesis shrinks the choices that a script was drawn from; steps are independent of each other here, so
leaving out steps and plainer fields get further with a tenth of the performances.
"""

from collections.abc import Callable, Iterator

from simulator.hunt.script import Step

Breaks = Callable[[list[Step]], bool]


def shortest(script: list[Step], breaks: Breaks) -> list[Step]:
    """A script of *script*'s steps, some of them plainer, that breaks as well; no single change does more.

    Args:
        breaks: whether a script breaks the law in question; *script* does.
    """
    before: list[Step] = []
    while script != before:
        before = script
        script = _with_plainer_steps(_without_needless_steps(script, breaks), breaks)
    return script


def _without_needless_steps(script: list[Step], breaks: Breaks) -> list[Step]:
    """Leave out runs of steps, long ones first (Zeller & Hildebrandt 2002, doi:10.1109/32.988498)."""
    length = len(script)
    while length:
        start = 0
        while start < len(script):
            shorter = script[:start] + script[start + length :]
            if breaks(shorter):
                script = shorter
            else:
                start += length
        length //= 2
    return script


def _with_plainer_steps(script: list[Step], breaks: Breaks) -> list[Step]:
    for number in range(len(script)):
        for plainer in _plainer(script[number]):
            changed = [*script[:number], plainer, *script[number + 1 :]]
            if breaks(changed):
                script = changed
                break
    return script


def _plainer(step: Step) -> Iterator[Step]:
    """The step with one field as it is by default, or with one thing less in a field that lists some."""
    for name in sorted(step.model_fields_set):
        field = type(step).model_fields[name]
        if not field.is_required() and getattr(step, name) != field.default:
            yield step.model_copy(update={name: field.default})
        listed = getattr(step, name)
        if isinstance(listed, tuple) and len(listed) > 1:
            for at in range(len(listed)):
                yield step.model_copy(update={name: listed[:at] + listed[at + 1 :]})
