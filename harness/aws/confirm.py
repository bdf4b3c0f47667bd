"""The questions before anything is changed, and who may skip them."""

from __future__ import annotations

import sys

from harness.settings import Refusal, is_set


def confirm(question: str, wanted: tuple[str, ...] = ("y", "yes")) -> None:
    """Ask, unless YES=1 has answered.

    Args:
        question: ends without a blank.
        wanted: answers that mean yes, in small letters.
    Raises:
        Refusal: another answer, none, or nobody to ask.
    """
    if is_set("YES"):
        return
    if not sys.stdin.isatty():
        raise Refusal("nobody is there to ask, and YES=1 is not set: nothing was changed")
    try:
        answer = input(f"{question} ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in wanted:
        raise Refusal("not confirmed: nothing was changed")
