"""What a deployment would change: a change set for each stack, made by the SAM CLI, executed or discarded.

What is executed is the very change set that was shown: a second `sam deploy` could find something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console
from rich.markup import escape

from harness.aws.faults import explained_output
from harness.aws.stage import SECTIONS
from harness.deploy import NEVER_WHOLE, delete_failed, deploy_arguments, failed_resource, last_error
from harness.sam import SamFailed, SamRunner
from harness.settings import Settings
from harness.stacks import DEPLOYED, NEW, Say, Stack, StackFailed, changed_at, describe, looks_at

MADE = re.compile(r"arn:[\w-]+:cloudformation:\S+:changeSet/\S+")
MADE_WITHIN_S = 600  # uploads the code
EXECUTED_WITHIN_S = 3600
BEGINS_WITHIN_S = 15
# What holds data: replaced or removed, it is gone, or left behind with the data in it.
HOLDS_DATA = {
    *("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Kinesis::Stream", "AWS::SecretsManager::Secret"),
    *("AWS::SQS::Queue", "AWS::Logs::LogGroup"),
}
COLOURS = {"Add": "green", "Modify": "yellow", "Remove": "red"}


@dataclass(frozen=True)
class Change:
    """One line of a change set.

    Attributes:
        action: Add, Modify, Remove, Import or Dynamic.
        replacement: True, False or Conditional; empty where nothing can be replaced.
    """

    action: str
    logical_id: str
    kind: str
    replacement: str

    @property
    def endangers_data(self) -> bool:
        """Whether what holds data may be replaced or goes."""
        replaced = self.replacement in ("True", "Conditional")
        return self.kind in HOLDS_DATA and (replaced or self.action == "Remove")


@dataclass(frozen=True)
class Proposal:
    """What one stack's deployment would change.

    Attributes:
        name: the stack's name.
        arn: the change set, None when there are no changes.
        is_new: the stack does not exist yet.
    """

    stack: Stack
    name: str
    arn: str | None
    is_new: bool
    changes: tuple[Change, ...] = ()


class NotYetExported(StackFailed):
    """A stack reads an export that is not there (yet)."""


def propose(
    settings: Settings, stack: Stack, template: Path, sam: SamRunner, cloudformation: Any
) -> Proposal:
    """Let the SAM CLI make a change set, and read it.

    Raises:
        NotYetExported: it reads what another stack does not export.
        StackFailed: it cannot be made; nothing of it stays.
    """
    name = stack.name(settings)
    is_new = not exists(cloudformation, name)
    assert settings.stage is not None
    arguments = [
        *deploy_arguments(settings, stack, template),
        *("--config-file", str(settings.stage.file), "--config-env", SECTIONS[stack.key]),
        *("--no-execute-changeset", "--fail-on-empty-changeset"),
    ]
    before = change_sets_of(cloudformation, name)
    try:
        made = MADE.findall(sam.run(arguments, None, MADE_WITHIN_S))
    except SamFailed as failed:
        discard_new(cloudformation, name, is_new, before)
        if "No changes to deploy" in failed.output:
            return Proposal(stack, name, None, is_new)
        raise not_made(settings, name, failed.output) from failed
    except BaseException:
        sam.close()  # else it goes on, and makes what is discarded here
        discard_new(cloudformation, name, is_new, before)
        raise
    return Proposal(stack, name, made[-1], is_new, tuple(changes_of(cloudformation, made[-1])))


def not_made(settings: Settings, name: str, output: str) -> StackFailed:
    """Give the error for a change set that could not be made."""
    reason = explained_output(output, settings) or last_error(output)
    if re.search(r"[Nn]o export named|[Ee]xport\b.*\bnot found", output):
        return NotYetExported(f"stack {name} reads an export that no other stack has: {reason}")
    return StackFailed(f"the change set of stack {name} cannot be made: {reason}")


def exists(cloudformation: Any, name: str) -> bool:
    """Tell whether a stack is there, and more than a change set nobody executed."""
    description = describe(cloudformation, name)
    return description is not None and description["StackStatus"] != NEW


def changes_of(cloudformation: Any, arn: str) -> list[Change]:
    """Read a change set."""
    pages = cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=arn)
    found = [change["ResourceChange"] for page in pages for change in page["Changes"]]
    return [
        Change(each["Action"], each["LogicalResourceId"], each["ResourceType"], each.get("Replacement") or "")
        for each in found
    ]


def change_sets_of(cloudformation: Any, name: str) -> set[str]:
    """Give the change sets that a stack has; none when there is no such stack."""
    try:
        pages = cloudformation.get_paginator("list_change_sets").paginate(StackName=name)
        return {each["ChangeSetId"] for page in pages for each in page["Summaries"]}
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ValidationError", "StackNotFound", "ChangeSetNotFound"):
            return set()
        raise


def discard_new(cloudformation: Any, name: str, is_new: bool, before: Iterable[str]) -> None:
    """Remove the change sets made since *before*, and a stack that is nothing but them."""
    made = change_sets_of(cloudformation, name) - set(before)
    for arn in made:
        delete_change_set(cloudformation, arn)
    remove_empty(cloudformation, name, is_new, made)


def discard(cloudformation: Any, proposals: Iterable[Proposal]) -> None:
    """Remove change sets that are not to be executed, and stacks that are nothing but them."""
    for proposal in proposals:
        if proposal.arn is not None:
            delete_change_set(cloudformation, proposal.arn)
            remove_empty(cloudformation, proposal.name, proposal.is_new, {proposal.arn})


def delete_change_set(cloudformation: Any, arn: str) -> None:
    """Delete a change set, unless it is gone or was executed."""
    try:
        cloudformation.delete_change_set(ChangeSetName=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("InvalidChangeSetStatus", "ChangeSetNotFound"):
            raise


def remove_empty(cloudformation: Any, name: str, is_new: bool, deleted: set[str]) -> None:
    """Remove a stack that has neither resources nor anybody's change set.

    Args:
        deleted: change sets that may still be listed and do not count.
    """
    description = describe(cloudformation, name) if is_new else None
    if description is None or description["StackStatus"] != NEW:
        return
    if not change_sets_of(cloudformation, name) - deleted:
        cloudformation.delete_stack(StackName=name)


def show(console: Console, proposal: Proposal) -> None:
    """Print what a stack's deployment changes."""
    if proposal.arn is None:
        console.print(f"  {escape(proposal.name)}: no changes")
        return
    console.print(f"  {escape(proposal.name)}{' (new)' if proposal.is_new else ''}")
    heading = ("action", "logical id", "type", "replacement")
    rows = [
        (change.action, change.logical_id, change.kind, replacement_in_words(change))
        for change in proposal.changes
    ]
    # Lines, not a rich table: that would cut or fold the names on a narrow screen and in a pipeline's log.
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    console.print(f"    {in_columns(heading, widths)}", style="dim")
    for change, row in zip(proposal.changes, rows, strict=True):
        colour = "bold red" if change.endangers_data else COLOURS.get(change.action, "white")
        console.print(f"    {escape(in_columns(row, widths))}", style=colour)
    for change in proposal.changes:
        if change.endangers_data:
            console.print(f"[bold red]    WARNING {escape(danger(change))}[/]")
    if not proposal.changes:
        console.print("    no resource changes; outputs, tags or parameters do")


def in_columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Put cells into columns."""
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def replacement_in_words(change: Change) -> str:
    """Say whether a change replaces its resource."""
    return {"True": "REPLACED", "Conditional": "perhaps", "False": "no"}.get(change.replacement, "")


def danger(change: Change) -> str:
    """Say what a change does to data."""
    if change.action == "Remove":
        return (
            f"{change.logical_id} ({change.kind}) leaves the stack: deleted, or kept outside it if retained"
        )
    may = "is" if change.replacement == "True" else "may be"
    return f"{change.logical_id} ({change.kind}) {may} replaced by an empty one: what it holds does not move"


def execute(cloudformation: Any, proposal: Proposal, say: Say) -> None:
    """Execute a change set to its end.

    Raises:
        StackFailed: with the first resource that failed and why; a stack that never was whole is gone then.
    """
    description = describe(cloudformation, proposal.name)
    before = changed_at(description) if description is not None else ""
    say(f"deploying {proposal.name}")
    cloudformation.execute_change_set(ChangeSetName=proposal.arn)
    try:
        status = wait_until_done(cloudformation, proposal, before, say)
    except KeyboardInterrupt:
        say(f"{proposal.name} goes on changing in AWS; what would have come after it does not")
        raise
    if status in DEPLOYED:
        say(f"deployed {proposal.name}")
        return
    reason = failed_resource(cloudformation, proposal.name) or f"it ended in {status}"
    after = ""
    if status in NEVER_WHOLE:
        stays = (
            f"stack {proposal.name} was not deployed: {reason}; it stays in {status} and cannot be deleted"
        )
        delete_failed(cloudformation, proposal.name, stays)
        after = "; it is removed again"
    elif status == "UPDATE_ROLLBACK_COMPLETE":
        after = "; it is as it was before"
    elif status == "UPDATE_ROLLBACK_FAILED":
        after = f"; {continue_rollback(proposal.name)}"
    raise StackFailed(f"stack {proposal.name} was not deployed: {reason}{after}")


def continue_rollback(name: str) -> str:
    """Say how a stack gets out of UPDATE_ROLLBACK_FAILED."""
    return f"mend what failed, then `aws cloudformation continue-update-rollback --stack-name {name}`"


def wait_until_done(cloudformation: Any, proposal: Proposal, before: str, say: Say) -> str:
    """Wait until a stack has ended changing.

    Args:
        before: when it was changed last before this deployment.
    Returns:
        The stack's state.
    Raises:
        StackFailed: it does not end; it goes on by itself.
    """
    for description, spent_s in looks_at(cloudformation, proposal.name, say):
        status = str(description["StackStatus"]) if description is not None else "DELETE_COMPLETE"
        has_begun = description is None or changed_at(description) != before or proposal.is_new
        if not status.endswith("_IN_PROGRESS") and (has_begun or spent_s > BEGINS_WITHIN_S):
            return status
        if spent_s > EXECUTED_WITHIN_S:
            break
    raise StackFailed(f"stack {proposal.name} is still changing after an hour: it goes on by itself in AWS")


def with_changes(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Give those that change something."""
    return [proposal for proposal in proposals if proposal.arn is not None]
