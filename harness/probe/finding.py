"""What a check found, and what a check is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.probe.place import Place

DEFAULT_WITHIN_S = 20.0


class Verdict(StrEnum):
    """How far a target keeps a guarantee."""

    KEPT = "kept"
    PARTLY = "partly"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """A verdict and what it rests on.

    Attributes:
        evidence: one line of what was seen; no times, dates or identifiers, so that two runs say the same.
    """

    verdict: Verdict
    evidence: str


def kept(evidence: str) -> Finding:
    """Say that the guarantee holds."""
    return Finding(Verdict.KEPT, evidence)


def partly(evidence: str) -> Finding:
    """Say that some of the guarantee holds."""
    return Finding(Verdict.PARTLY, evidence)


def missing(evidence: str) -> Finding:
    """Say that the guarantee does not hold."""
    return Finding(Verdict.MISSING, evidence)


def judged(holds: bool, evidence: str) -> Finding:
    """Give *evidence* as kept or as missing."""
    return kept(evidence) if holds else missing(evidence)


Look = Callable[["Place"], Finding]


@dataclass(frozen=True)
class Check:
    """One guarantee and how to look for it.

    Attributes:
        group: the service that gives it.
        name: the claim, as a Python name; unique.
        instead: what the product does where a target lacks it; empty when nothing replaces it.
        relied_on: the product's rules depend on it.
        within_s: seconds after which a look has failed.
    """

    group: str
    name: str
    look: Look = field(compare=False)
    instead: str = ""
    relied_on: bool = True
    within_s: float = DEFAULT_WITHIN_S

    @property
    def claim(self) -> str:
        """The claim as words."""
        return self.name.replace("_", " ")

    @property
    def consequence(self) -> str:
        """What it means for the product when the guarantee is not fully kept."""
        return self.instead or ("nothing replaces it" if self.relied_on else "nothing relies on it")

    def breaks(self, finding: Finding) -> bool:
        """Tell whether the product's rules do not hold on a target where this was found."""
        return finding.verdict is Verdict.MISSING and self.relied_on and not self.instead


@dataclass
class Group:
    """The checks of one service, in the order in which they are written."""

    title: str
    checks: list[Check] = field(default_factory=list)

    def check(
        self, *, instead: str = "", relied_on: bool = True, within_s: float = DEFAULT_WITHIN_S
    ) -> Callable[[Look], Look]:
        """Add the decorated function as a check; see ``Check`` for the arguments."""

        def add(look: Look) -> Look:
            self.checks.append(Check(self.title, look.__name__, look, instead, relied_on, within_s))
            return look

        return add
