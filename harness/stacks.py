"""The three stacks: what each is made of, and what CloudFormation says of it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml
from botocore.exceptions import ClientError

from harness.sam import build_fingerprint
from harness.settings import Refusal, Settings

# Beginning of the mobile numbers that the British regulator keeps for drama: nobody has them.
# https://www.ofcom.org.uk/phones-and-broadband/phone-numbers/numbers-for-drama
NOBODYS_NUMBERS = "+447700900"
DEPLOYED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
NEW = "REVIEW_IN_PROGRESS"  # a stack that is nothing yet but a change set
SAYS_EVERY_S = 20.0
LONGEST_POLL_S = 3.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Stack:
    """One of the three stacks.

    Attributes:
        key: its name in our own files: a stage, the state of a target.
        suffix: end of the stack's name, after ``<prefix>offerloop``.
        template: path in the application's folder.
        built: it carries code, so `sam build` comes first.
    """

    key: str
    suffix: str
    template: str
    built: bool = False

    def name(self, settings: Settings) -> str:
        """Give the stack's name."""
        return self.name_after(settings.prefix)

    def name_after(self, prefix: str) -> str:
        """Give the stack's name where all names begin with *prefix*."""
        return f"{prefix}offerloop{self.suffix}"


DATA = Stack("data", "-data", "sam/data.yaml")
APPLICATION = Stack("application", "", "template.yaml", built=True)
OBSERVABILITY = Stack("observability", "-observability", "sam/observability.yaml")
STACKS = (DATA, APPLICATION, OBSERVABILITY)  # each after those whose exports it reads
SERVING = (DATA, APPLICATION)  # all that a request needs; the rest watches them


class StackFailed(Refusal):
    """A stack was not deployed; the message names the resource that failed and its reason."""


def parameters_of(settings: Settings, stack: Stack) -> dict[str, str]:
    """Give the values for those of our parameters that the stack's template declares.

    Raises:
        Refusal: a stage gives one that the template does not declare.
    """
    values = {"Prefix": settings.prefix, "PythonRuntime": settings.runtime}
    declared = declared_parameters((settings.application / stack.template).read_bytes())
    if settings.stage is None:
        values |= {
            "PublicStorefront": "true",
            "LegacyGet": "true",
            "SmsPrefixes": NOBODYS_NUMBERS,
            **settings.beside,
        }
        return {name: value for name, value in values.items() if name in declared and value}
    named = settings.stage.parameters[stack.key]
    for name in named:
        if name not in declared:
            raise Refusal(f"{settings.stage.shown}: {stack.template} has no parameter {name}")
    return {name: value for name, value in values.items() if name in declared} | dict(named)


@lru_cache(maxsize=len(STACKS))
def declared_parameters(template: bytes) -> frozenset[str]:
    """Give the names of the parameters that a template declares; it is asked several times in one command."""
    return frozenset(yaml.load(template, TemplateLoader).get("Parameters") or {})


def stack_fingerprint(settings: Settings, stack: Stack) -> str:
    """Give the digest of what a stack is made of: template, code where it has any, and parameters."""
    template = settings.application / stack.template
    digest = hashlib.sha256(template.read_bytes())
    digest.update(repr(sorted(parameters_of(settings, stack).items())).encode())
    if stack.built:
        digest.update(build_fingerprint(settings).encode())
    return digest.hexdigest()


class TemplateLoader(yaml.CSafeLoader):
    """Reads a template as data; what intrinsic functions such as ``!Ref`` stand for is left out.

    Over libyaml, since our largest template takes 180 ms in Python and 20 ms in C.
    """


TemplateLoader.add_multi_constructor("!", lambda *_: None)


def describe(cloudformation: Any, name: str) -> dict[str, Any] | None:
    """Describe a stack; None when there is none of that name."""
    try:
        description: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    return description


def looks_at(cloudformation: Any, name: str, say: Say) -> Iterator[tuple[dict[str, Any] | None, float]]:
    """Describe a stack again and again, ever more seldom; now and then say what state it is in.

    Yields:
        Its description, None when there is none of that name, and the seconds since the first look.
    """
    began, poll_s, next_line_s = time.monotonic(), 0.1, SAYS_EVERY_S
    while True:
        description, spent_s = describe(cloudformation, name), time.monotonic() - began
        yield description, spent_s
        if description is not None and spent_s > next_line_s:
            say(f"{name} is in {description['StackStatus']}, {spent_s:.0f} s")
            next_line_s += SAYS_EVERY_S
        time.sleep(poll_s)
        poll_s = min(poll_s * 1.3, LONGEST_POLL_S)


def refuse_changing(name: str, status: str, *welcome: str) -> None:
    """Refuse a stack that somebody changes at this moment.

    Args:
        welcome: changes that may go on.
    Raises:
        StackFailed
    """
    if status.endswith("_IN_PROGRESS") and status not in (NEW, *welcome):
        raise StackFailed(f"stack {name} is in {status}: somebody changes it now, wait for the end of that")


def changed_at(description: dict[str, Any]) -> str:
    """Give the moment of a stack's last change."""
    return str(description.get("LastUpdatedTime") or description["CreationTime"])


def deployed_template(cloudformation: Any, name: str) -> dict[str, Any]:
    """Give the template of a stack as data."""
    body = cloudformation.get_template(StackName=name)["TemplateBody"]
    # What was sent as JSON, boto3 has read already.
    template: dict[str, Any] = yaml.load(body, TemplateLoader) if isinstance(body, str) else body
    return template


def stack_outputs(
    cloudformation: Any, settings: Settings, stacks: Sequence[Stack] = STACKS
) -> dict[str, str]:
    """Give the outputs of the stacks in one mapping.

    Raises:
        StackFailed: a stack is not there, or two stacks have an output of the same name.
    """
    outputs: dict[str, str] = {}
    for stack in stacks:
        description = describe(cloudformation, stack.name(settings))
        if description is None:
            raise StackFailed(f"stack {stack.name(settings)} is not there: run `make deploy{settings.words}`")
        for output in description.get("Outputs") or []:
            if output["OutputKey"] in outputs:
                raise StackFailed(f"two stacks have an output {output['OutputKey']}: rename one")
            outputs[output["OutputKey"]] = output["OutputValue"]
    return outputs
