"""A stage's file, ``stages/<stage>.toml``: a configuration file of the SAM CLI, read here as well.

`sam deploy --config-file stages/dev.toml` reads the same file, so that both do the same. Format:
docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html
"""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.settings import Refusal
from harness.stacks import APPLICATION, STACKS

FOLDER = "stages"
NAME = re.compile(r"[a-z]([a-z0-9-]{0,14}[a-z0-9])?")
# The section of the file (--config-env) that belongs to each stack; the application's is the default one,
# so that `sam build` and `sam deploy` need no further option.
SECTIONS = {"data": "data", "application": "default", "observability": "observability"}


@dataclass(frozen=True)
class Stage:
    """One deployment among several, in one account or in many.

    Attributes:
        file: the stage's file.
        region: AWS region name.
        prefix: what every name of the stage begins with; by default the stage's name and a hyphen.
        parameters: template parameters by stack (data, application, observability), then by name.
        artifacts: the bucket and the prefix in it that deployment packages go to; no bucket = the SAM CLI's.
    """

    name: str
    file: Path
    region: str
    prefix: str
    parameters: Mapping[str, Mapping[str, str]]
    artifacts: tuple[str | None, str]

    @property
    def shown(self) -> str:
        """Its file as messages name it."""
        return shown(self.file)


def load_stage(name: str, application: Path) -> Stage:
    """Read a stage.

    Args:
        name: what STAGE says, may be empty.
        application: the folder that holds ``stages/``.
    Raises:
        Refusal: no such stage, or its file contradicts itself; says what to change.
    """
    there = stage_names(application)
    if not name:
        raise Refusal(f"TARGET=aws needs STAGE=: {listed(there)}")
    if not NAME.fullmatch(name):
        raise Refusal(
            f"STAGE={name} is no stage's name: small letters, digits and hyphens, a letter first, "
            "no hyphen last, at most 16"
        )
    file = application / FOLDER / f"{name}.toml"
    if name not in there:
        raise Refusal(f"there is no stage {name}: {listed(there)}; a new one is a copy of such a file")
    return read_stage(name, file)


def stage_names(application: Path) -> list[str]:
    """Give the names of the stages that have a file."""
    return sorted(file.stem for file in (application / FOLDER).glob("*.toml"))


def listed(names: list[str]) -> str:
    """Say which stages there are."""
    return f"{', '.join(names)} in {FOLDER}/" if names else f"{FOLDER}/ holds none"


def read_stage(name: str, file: Path) -> Stage:
    """Read a stage's file.

    Raises:
        Refusal: it is no TOML, names no region, or its stacks disagree.
    """
    try:
        sections = tomllib.loads(file.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"{shown(file)} is not TOML: {error}") from None
    deploys = {stack: deploy_options(file, sections, section) for stack, section in SECTIONS.items()}
    parameters = {
        stack: dict(parameters_in(file, options.get("parameter_overrides", [])))
        for stack, options in deploys.items()
    }
    default = deploys["application"]
    prefix = agreed(file, "Prefix", [each.get("Prefix") for each in parameters.values()]) or f"{name}-"
    named = agreed(file, "region", [options.get("region") for options in deploys.values()])
    region = named or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise Refusal(f'{shown(file)} names no region: add region = "…" to each of its sections')
    for stack in STACKS:
        refuse_other_stack_name(file, SECTIONS[stack.key], deploys[stack.key], stack.name_after(prefix))
    artifacts = (default.get("s3_bucket"), default.get("s3_prefix") or APPLICATION.name_after(prefix))
    return Stage(name, file, region, prefix, parameters, artifacts)


def deploy_options(file: Path, sections: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    """Give what `sam deploy --config-env <section>` reads: the section's own options over those for all.

    Raises:
        Refusal: the file has no such section.
    """
    commands = sections.get(section)
    if not isinstance(commands, dict):
        raise Refusal(f"{shown(file)} has no section [{section}.deploy.parameters]: see stages/dev.toml")
    options: dict[str, Any] = {}
    for command in ("global", "deploy"):
        options |= commands.get(command, {}).get("parameters", {})
    return options


def parameters_in(file: Path, overrides: object) -> Iterator[tuple[str, str]]:
    """Read ``parameter_overrides`` in any form that the SAM CLI takes: a table, a list, or one string.

    Raises:
        Refusal: something in it is no ``name=value``.
    """
    if isinstance(overrides, dict):
        yield from ((name, str(value)) for name, value in overrides.items())
        return
    words = shlex.split(overrides) if isinstance(overrides, str) else overrides
    if not isinstance(words, list):
        raise Refusal(f"{shown(file)}: parameter_overrides is a list of name=value")
    for word in words:
        long_form = re.fullmatch(r"ParameterKey=([^,]+),ParameterValue=(.*)", str(word))
        name, given, value = (
            long_form.expand(r"\1=\2").partition("=") if long_form else str(word).partition("=")
        )
        if not given or not re.fullmatch(r"[A-Za-z0-9]+", name):
            raise Refusal(f"{shown(file)}: {word!r} in parameter_overrides is not name=value")
        yield name, value


def agreed(file: Path, what: str, values: list[str | None]) -> str | None:
    """Give the one value that the sections of a stage have, None when none has one.

    Raises:
        Refusal: they differ, or only some have it: the stacks would not find each other.
    """
    if len(set(values)) > 1:
        said = ", ".join(
            f"[{section}] {value}" for section, value in zip(SECTIONS.values(), values, strict=True)
        )
        raise Refusal(f"{shown(file)}: the sections differ in {what}: {said}")
    return values[0]


def refuse_other_stack_name(file: Path, section: str, options: Mapping[str, Any], name: str) -> None:
    """Refuse a stack name that does not follow from the prefix: the stacks find each other by it.

    Raises:
        Refusal
    """
    if options.get("stack_name", name) != name:
        raise Refusal(
            f'{shown(file)}: [{section}] has stack_name {options["stack_name"]}, its prefix makes it "{name}"'
        )


def shown(file: Path) -> str:
    """Give a stage's file as messages name it."""
    return f"{FOLDER}/{file.name}"
