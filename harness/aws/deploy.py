"""`make deploy TARGET=aws STAGE=…`: build, show what would change, ask, and only then change it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from harness import doctor, state
from harness.aws.account import Account, clients, identify, refuse_missing_services
from harness.aws.change_sets import (
    NotYetExported,
    Proposal,
    continue_rollback,
    discard,
    execute,
    propose,
    show,
    with_changes,
)
from harness.aws.confirm import confirm
from harness.aws.faults import in_one_line
from harness.deploy import built_template, clear_failed, never_whole
from harness.sam import SamRunner
from harness.settings import Refusal, Settings
from harness.stacks import DATA, NEW, STACKS, Say, Stack, StackFailed, describe, refuse_changing


def deploy(settings: Settings, say: Say, console: Console) -> bool:
    """Deploy what changed of a stage, after the question.

    Returns:
        Whether anything was changed.
    Raises:
        Refusal: not confirmed, or something the user has to change; no change set of it stays.
    """
    assert settings.stage is not None
    refuse_what_stops_a_build(settings)
    with state.locked(settings.state_dir):
        client = clients(settings)
        account = identify(settings, client)
        refuse_missing_services(settings, client)
        show_place(settings, account, say)
        with in_one_line(settings), SamRunner(settings) as sam:
            return Deployment(settings, account, sam, client("cloudformation"), say, console).run()


class Deployment:
    """One deployment of a stage's three stacks, from the build to the last stack."""

    def __init__(
        self,
        settings: Settings,
        account: Account,
        sam: SamRunner,
        cloudformation: Any,
        say: Say,
        console: Console,
    ) -> None:
        self._settings, self._account = settings, account
        self._sam, self._cloudformation = sam, cloudformation
        self._say, self._console = say, console
        self._built: Path | None = None
        self._proposed: list[Proposal] = []

    def run(self) -> bool:
        """Propose, ask, execute; returns and raises as `deploy` does."""
        for stack in STACKS:
            refuse_unusable(self._settings, stack, self._cloudformation)
        clear_after_question(self._settings, self._cloudformation, self._say)
        self._say("building")
        self._built = built_template(self._settings, self._sam)
        try:
            waiting = self._propose_all()
            changing = with_changes(self._proposed)
            if not changing:
                return False
            self._ask()
            self._execute_all()
            for stack in waiting:
                self._follow_up(stack)
        except BaseException:
            self._discard_rest()
            raise
        return True

    def _propose_all(self) -> list[Stack]:
        """Make and show a change set for each stack; gives the stacks that have to wait for others."""
        waiting: list[Stack] = []
        for stack in STACKS:
            if waiting or self._reads_what_is_new(stack) or not self._propose(stack):
                waiting.append(stack)
        for stack in waiting:
            is_new = describe(self._cloudformation, stack.name(self._settings)) is None
            self._say(
                f"{stack.name(self._settings)}{' (new)' if is_new else ''}: follows, for it reads what the "
                f"stacks above will export; its changes are shown then{'' if is_new else ', with a question'}"
            )
        return waiting

    def _reads_what_is_new(self, stack: Stack) -> bool:
        """Tell whether a stack before this one is not there yet."""
        return stack is not DATA and any(proposal.is_new for proposal in self._proposed)

    def _propose(self, stack: Stack) -> bool:
        """Make and show one change set; False when it reads an export that changes before it may bring."""
        try:
            proposal = propose(self._settings, stack, self._template(stack), self._sam, self._cloudformation)
        except NotYetExported:
            if with_changes(self._proposed):
                return False
            raise
        self._proposed.append(proposal)
        show(self._console, proposal)
        return True

    def _template(self, stack: Stack) -> Path:
        """Give what is deployed; the application's is built."""
        if stack.built and self._built is not None:
            return self._built
        return self._settings.application / stack.template

    def _ask(self) -> None:
        settings = self._settings
        assert settings.stage is not None
        confirm(
            f"Deploy these changes to account {self._account}, region {settings.region}, "
            f"stage {settings.stage.name}? [y/N]"
        )

    def _execute_all(self) -> None:
        """Execute what was proposed, one stack after the other."""
        while self._proposed:
            proposal = self._proposed[0]
            if proposal.arn is not None:
                execute(self._cloudformation, proposal, self._say)
            self._proposed.pop(0)

    def _follow_up(self, stack: Stack) -> None:
        """Propose and execute a stack that had to wait; a new one was agreed to with the first question."""
        self._propose(stack)
        [proposal] = self._proposed
        if not proposal.is_new and proposal.arn is not None:
            self._ask()
        self._execute_all()

    def _discard_rest(self) -> None:
        """Remove the change sets that were not executed."""
        try:
            discard(self._cloudformation, self._proposed)
        except (ClientError, BotoCoreError):  # what ended the deployment is what the user has to know
            self._say("change sets that were not executed may still be there; they change nothing")


def refuse_unusable(settings: Settings, stack: Stack, cloudformation: Any) -> None:
    """Refuse a stack that takes no deployment now.

    Raises:
        StackFailed: somebody else changes it, or its last change could not be taken back.
    """
    name = stack.name(settings)
    description = describe(cloudformation, name)
    status = str(description["StackStatus"]) if description is not None else NEW
    refuse_changing(name, status)
    if status == "UPDATE_ROLLBACK_FAILED":
        raise StackFailed(f"stack {name} is in {status} and takes no deployment: {continue_rollback(name)}")
    if status == "DELETE_FAILED":
        raise StackFailed(f"stack {name} is in {status}: finish with `make destroy{settings.words}` first")


def clear_after_question(settings: Settings, cloudformation: Any, say: Say) -> None:
    """Delete the stacks that never were whole, for they take no change set.

    Raises:
        Refusal: not confirmed; nothing was deleted.
        StackFailed: one was whole before, or cannot be deleted.
    """
    failed = [stack for stack in STACKS if never_whole(settings, stack, cloudformation) is not None]
    if not failed:
        return
    names = ", ".join(stack.name(settings) for stack in failed)
    confirm(f"Delete {names} first, which failed before it was ever whole? [y/N]")
    for stack in failed:
        clear_failed(settings, stack, cloudformation, say)


def refuse_what_stops_a_build(settings: Settings) -> None:
    """Run the checks without which there is nothing to deploy.

    Raises:
        Refusal: the first that fails.
    """
    for check in (
        doctor.free_disk(settings.state_dir),
        doctor.interpreter(settings),
        doctor.links(settings),
    ):
        if check.verdict == "fail":
            raise Refusal(check.line)


def show_place(settings: Settings, account: Account, say: Say) -> None:
    """Say where this is, before anything happens there."""
    assert settings.stage is not None
    say(f"account    {account}")
    say(f"caller     {account.caller_arn}")
    say(f"region     {settings.region}")
    say(f"stage      {settings.stage.name}, names begin with {settings.prefix or '(nothing)'}")
