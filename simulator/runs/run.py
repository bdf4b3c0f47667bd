"""A run from its first moment to its last: the folder is made, jobs are carried out, outcomes are kept."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from simulator.runs.replication import Job, Outcome, Simulate
from simulator.runs.results import ResultsUnwritable, Run, RunFolder, read_run
from simulator.scenario import Scenario
from simulator.twin import run_replication

KEEP_EVERY_S = 2.0  # results so far are written again at most this often,
KEEP_SHARE = 0.05  # and in long runs so seldom that it takes no more than this part of the time

CarryOut = Callable[[Sequence[Job]], Iterator[tuple[int, Outcome]]]
"""Carries out jobs somewhere; gives each job's place and outcome as it ends (`replicate`, `cluster`)."""


@dataclass(frozen=True)
class Plan:
    """A run to be carried out.

    Attributes:
        replications: >= 1, numbered from 0.
        events: keep the event files.
    """

    scenario: Scenario
    seed: int
    replications: int
    path: Path
    events: bool = True
    simulate: Simulate = run_replication


@dataclass
class _Under:
    """A run that is being carried out."""

    folder: RunFolder
    outcomes: list[Outcome] = field(default_factory=list)


def carry_out_plans(
    plans: Sequence[Plan],
    carry_out: CarryOut,
    started_at: datetime,
    on_outcome: Callable[[Outcome], None] = lambda _outcome: None,
) -> list[Run]:
    """Carry out the replications of one or several runs, those of the same number beside each other.

    Whatever ends it early, Ctrl-C included, the replications finished by then are kept in folders marked as
    partial, and the exception goes on.

    Args:
        started_at: for the records; aware.
    Raises:
        ResultsUnwritable; ReplicationFailed and what else *carry_out* raises.
    """
    began = time.monotonic()
    under = _begun(plans, started_at)
    jobs, owners = _jobs(plans, under)
    keep_at = began + KEEP_EVERY_S
    try:
        for place, outcome in carry_out(jobs):
            owners[place].outcomes.append(outcome)
            on_outcome(outcome)
            now = time.monotonic()
            if now >= keep_at:
                _keep(under, now - began)
                took = time.monotonic() - now
                keep_at = now + max(KEEP_EVERY_S, took / KEEP_SHARE)
    finally:
        _keep(under, time.monotonic() - began)
        for run in under:
            run.folder.tidy(run.outcomes)
    return [read_run(plan.path) for plan in plans]


def _begun(plans: Sequence[Plan], started_at: datetime) -> list[_Under]:
    """Make the folders of all runs, or of none.

    Raises:
        ResultsUnwritable
    """
    under: list[_Under] = []
    for plan in plans:
        try:
            folder = RunFolder(plan.path, plan.scenario, plan.seed, plan.replications, started_at)
        except ResultsUnwritable:
            for run in under:
                run.folder.remove()
            raise
        under.append(_Under(folder))
    return under


def _jobs(plans: Sequence[Plan], under: Sequence[_Under]) -> tuple[list[Job], list[_Under]]:
    """All jobs by number, with the run that each belongs to."""
    jobs, owners = [], []
    for number in range(max(plan.replications for plan in plans)):
        for plan, run in zip(plans, under, strict=True):
            if number < plan.replications:
                events = run.folder.events_file(number) if plan.events else None
                jobs.append(Job(plan.scenario, plan.seed, number, events, plan.simulate))
                owners.append(run)
    return jobs, owners


def _keep(under: Sequence[_Under], seconds: float) -> None:
    for run in under:
        run.folder.keep(run.outcomes, seconds)
