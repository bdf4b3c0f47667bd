"""What a message adds to pydantic's own: the keys that are allowed, or the value that was found."""

import re
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

_POWER_OF_TEN = re.compile(r"[-+]?[0-9.]+[eE][-+]?[0-9]+")
_SHOWN = 40  # characters of a wrong value that a message repeats


def follows(fault: Any) -> bool:
    """Whether a fault only follows from others: a list is too short because values in it are wrong."""
    return fault["type"] == "too_short" and bool(len(fault["input"]) >= fault["ctx"]["min_length"])


def in_words(fault: Any) -> str:
    """What is wrong, in words that know YAML rather than Python."""
    if fault["type"] in ("model_type", "dict_type"):
        return "must be a section: keys and values"
    if fault["type"] == "tuple_type":
        return "must be a list"
    if fault["type"] == "too_short":
        return f"must have at least {fault['ctx']['min_length']} of them"
    return str(fault["msg"]).removeprefix("Value error, ")


def allowed_instead(model: type[BaseModel], fault: Any) -> str:
    """The end of a fault's message: allowed keys for an unknown one, the wrong value otherwise."""
    if fault["type"] == "extra_forbidden":
        return _allowed_keys(model, fault["loc"])
    if fault["type"] in ("missing", "between_keys", "invalid_key"):
        return ""
    return f", got {shown(fault['input'])}{_text_for_yaml(fault['input'])}"


def _text_for_yaml(value: object) -> str:
    """What to write instead of ``1e3``, in which YAML 1.1 sees no number."""
    if isinstance(value, str) and len(value) <= _SHOWN and _POWER_OF_TEN.fullmatch(value):
        return ", which is text in YAML: write it out, or as 1.0e+3"
    return ""


def _allowed_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    section: type[BaseModel] | None = model
    for part in location[:-1]:
        if section is not None and isinstance(part, str):
            field = section.model_fields.get(part)
            section = _section_in(field.annotation) if field is not None else None
    if section is None:
        return ""
    names = list(section.model_fields)
    nearest = get_close_matches(str(location[-1]), names, 1)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    return f"{hint} Allowed: {', '.join(names)}"


def _section_in(annotation: Any) -> type[BaseModel] | None:
    """The model within ``Model``, ``Model | None`` or ``tuple[Model, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_section_in(part) for part in get_args(annotation))
    return next((section for section in found if section is not None), None)


def shown(value: object) -> str:
    """A wrong value as a message repeats it: short, whatever it is."""
    if isinstance(value, dict):
        return "a section" if value else "an empty section"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    try:
        text = ascii(value) if isinstance(value, str) else str(value)
    except ValueError:  # an integer of thousands of digits
        return "a huge number"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
