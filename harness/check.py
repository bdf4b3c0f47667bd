"""One finding about this machine, as the doctor prints it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        verdict: ``fail`` stops `up`, ``warn`` leaves some feature or test out.
        line: what was found and, unless all is well, what to do.
    """

    verdict: Literal["ok", "warn", "fail"]
    line: str
