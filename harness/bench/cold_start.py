"""What an API function does before its first request, against the least that any function on AWS does.

Measured inside fresh interpreters of the functions' own environment, on the package that is deployed, with
bytecode at hand: importing the handler and making its first client, against importing boto3 and making one.
Processor time, because nothing is waited for and another program's turn must not count.
"""

from __future__ import annotations

import os
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from harness.bench.figures import Bar, Figure, ratios
from harness.bench.row import Bench
from harness.sam import SamRunner, build, build_fingerprint
from harness.settings import settings_from_environment
from harness.stacks import TemplateLoader
from harness.system import REPOSITORY, emulator_environment, without_aws_account

MOST_AGAINST_BOTO3 = 2.0
TIMED = "import time; began = time.process_time(); {statements}; print(time.process_time() - began)"
BOTO3 = 'import boto3; boto3.client("dynamodb")'
FUNCTION = 'import {module}; from handlers import wiring; wiring.client("dynamodb")'


def measure(bench: Bench) -> list[Figure]:
    """Each function takes turns with boto3, in an interpreter for every turn."""
    package = unpacked_package(bench)
    boto3_ms: list[float] = []
    figures = []
    for module in package.api_modules:
        statements = FUNCTION.format(module=module)
        in_fresh_interpreter(statements, package)  # writes the bytecode
        theirs, ours = [], []
        for _ in range(bench.rounds(9)):
            theirs.append(1_000 * in_fresh_interpreter(BOTO3, package))
            ours.append(1_000 * in_fresh_interpreter(statements, package))
        boto3_ms += theirs
        name = module.removeprefix("handlers.")
        against = ratios(ours, theirs)
        bar = Bar("≤", MOST_AGAINST_BOTO3)
        figures.append(Figure(f"cold-start.{name}_ratio", f"{name} against boto3", "×", against, bar))
    return [Figure("cold-start.boto3_ms", "boto3 and its first client", "ms", tuple(boto3_ms)), *figures]


@dataclass(frozen=True)
class Package:
    """What is deployed, unpacked.

    Attributes:
        api_modules: modules of the functions behind the API, in the template's order.
        variables: names of the environment variables of every function.
    """

    folder: Path
    api_modules: tuple[str, ...]
    variables: tuple[str, ...]


def unpacked_package(bench: Bench) -> Package:
    """Build the application unless it is built, and unpack it where its bytecode may be written."""
    settings = replace(settings_from_environment(), application=REPOSITORY, state_dir=bench.folder / "build")
    with SamRunner(settings) as sam:
        template = build(settings, sam, build_fingerprint(settings))
    folder = bench.folder / "package"
    for archive in template.parent.glob("*.zip"):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
    read = yaml.load(template.read_text(), TemplateLoader)
    return Package(folder, api_modules(read), tuple(variables_of_functions(read)))


def api_modules(template: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the modules of the functions that the API calls."""
    functions = [
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]
    return tuple(
        function["Handler"].rpartition(".")[0]
        for function in functions
        if any(event["Type"] == "Api" for event in function.get("Events", {}).values())
    )


def variables_of_functions(template: Mapping[str, Any]) -> list[str]:
    """Give the names of the environment variables that the template gives to every function."""
    return list(template["Globals"]["Function"]["Environment"]["Variables"])


def in_fresh_interpreter(statements: str, package: Package) -> float:
    """Give the processor seconds that statements take in an interpreter of the functions' environment.

    Raises:
        RuntimeError: they failed.
    """
    environment = {
        **without_aws_account(os.environ),
        **emulator_environment("http://127.0.0.1:9", "us-east-1"),  # nothing is called
        # "0" is a name, a number and a no: enough for settings that are read and not used.
        **dict.fromkeys(package.variables, "0"),
        "REDIS_URL": "",
        "REDIS_URL_SECRET_ARN": "",
        "PYTHONPATH": str(package.folder),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    ended = subprocess.run(
        [str(REPOSITORY / ".lambda/bin/python"), "-c", TIMED.format(statements=statements)],
        env=environment,
        cwd=package.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError(f"`{statements}` failed: {ended.stderr.strip().splitlines()[-1]}")
    return float(ended.stdout.splitlines()[-1])
